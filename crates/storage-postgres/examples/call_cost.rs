//! Measures what storage calls cost: the time of one call at a time, and the processor time that
//! this process spends on it. Runs against the server of test suites, see `testkit`.

use std::error::Error;
use std::future::Future;
use std::io::Write;

use tavern_domain::{Entropy, OsEntropy, Stream, Timestamp, UserId};
use tavern_embedded_postgres::testkit::TestServer;
use tavern_storage::{Identity, NewAccount, NewMessage, Storage};
use tavern_storage_postgres::{storage, testkit};
use tokio::time::Instant;

const CALLS: u32 = 3_000;
const NOW: Timestamp = Timestamp::from_seconds(1_754_000_000);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = TestServer::shared().await;
    let database = server.database_from(testkit::VERSION, testkit::make).await;
    let pool = testkit::pool(&database.url());
    let storage = storage(&pool);
    let user = create(&storage, 0).await?;
    let accounts = &storage.accounts;
    let stream = Stream::room("measured");

    measure("account by device", || async {
        accounts.find(Identity::Device("device 0"), true).await.map(drop)
    })
    .await?;
    measure("account by id", || async { accounts.find_by_id(user).await.map(drop) }).await?;
    measure("account, whole", || async { accounts.get(user).await.map(drop) }).await?;
    let mut number = 0;
    measure("new account", || {
        number += 1;
        create(&storage, number)
    })
    .await?;
    measure("message", || async {
        let message = NewMessage {
            id: OsEntropy.uuid_v4(),
            code: 0,
            sender: user,
            username: "player 0",
            stream: &stream,
            content: r#"{"text": "hello"}"#,
            create_time: NOW,
        };
        storage.messages.insert(message).await
    })
    .await?;
    Ok(())
}

async fn create(storage: &Storage, number: u32) -> Result<UserId, tavern_storage::StorageError> {
    let user = UserId(OsEntropy.uuid_v4());
    let new = NewAccount {
        user,
        username: &format!("player {number}"),
        identity: Identity::Device(&format!("device {number}")),
        password: None,
        now: NOW,
        obligation: None,
    };
    storage.accounts.create(new).await?;
    Ok(user)
}

async fn measure<T, E, F>(what: &str, mut call: impl FnMut() -> F) -> Result<(), Box<dyn Error>>
where
    F: Future<Output = Result<T, E>>,
    E: Error + 'static,
{
    for _ in 0..100 {
        call().await?;
    }
    let (begun, before) = (Instant::now(), processor_time()?);
    for _ in 0..CALLS {
        call().await?;
    }
    let (took, spent) = (begun.elapsed() / CALLS, processor_time()? - before);
    writeln!(
        std::io::stdout(),
        "{what:<20} {:>6.1} µs, processor {:>5.1} µs",
        took.as_secs_f64() * 1e6,
        spent * 1e6 / f64::from(CALLS)
    )?;
    Ok(())
}

/// Seconds of processor time of this process so far.
fn processor_time() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanos = text.split_ascii_whitespace().next().ok_or("schedstat is empty")?;
    Ok(nanos.parse::<f64>()? / 1e9)
}
