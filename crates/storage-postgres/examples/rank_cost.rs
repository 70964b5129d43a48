//! Measures what ranks cost on a board with very many records.
//!
//! ```sh
//! cargo run --release -p tavern-storage-postgres --example rank_cost -- \
//!     postgres://postgres@127.0.0.1:5432/ranks 10000000
//! ```
//!
//! The database must be there. It is filled on the first run, which takes minutes.

use std::error::Error;
use std::future::Future;
use std::io::Write as _;
use std::sync::Arc;

use tavern_domain::{Clock, Entropy as _, SeededEntropy, SystemClock, UserId};
use tavern_leaderboards::{BoardOperator, Config, Leaderboards, ListQuery, NewScore, Writer};
use tavern_storage::Storage;
use tavern_storage_postgres::{storage, testkit};
use tokio::time::Instant;
use uuid::Uuid;

/// The board.
const BOARD: &str = "big";
/// Scores are below this.
const SCORES: u64 = 1_000_000;
const CALLS: u32 = 5_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("the address of a database is needed")?;
    let records: u64 = args.next().unwrap_or_else(|| "1000000".to_owned()).parse()?;
    testkit::make(url.clone()).await?;
    let anybody = owners(&url, records, 4 * CALLS as usize).await?;
    let pool = testkit::pool(&url);
    let storage = storage(&pool);
    let (without, with) = (boards(&storage, &["*"]), boards(&storage, &[]));
    let mut entropy = SeededEntropy::new(8);
    let mut score = |most| i64::try_from(below(&mut entropy, most)).unwrap_or_default();
    let mut next = anybody.iter().copied().cycle();
    let mut owner = || next.next().unwrap_or_default();

    measure("write, no rank", CALLS, || write(&without, owner(), score(SCORES))).await?;
    measure("record of an owner, no rank", CALLS, || look(&without, owner())).await?;
    let before = resident()?;
    measure("count the records", 1, || look(&with, owner())).await?;
    say(&format!("{:<34} {:>9.1} MiB", "memory for the count", mib(resident()?, before)))?;
    measure("write and rank, anywhere", CALLS, || write(&with, owner(), score(SCORES))).await?;
    measure("record and rank, anywhere", CALLS, || look(&with, owner())).await?;
    // Those who play often, on scores that lie together.
    let mut often = anybody.iter().copied().take(500).cycle();
    let mut regular = || often.next().unwrap_or_default();
    for warm in ["write and rank, together at first", "write and rank, together"] {
        measure(warm, CALLS, || write(&with, regular(), 500_000 + score(1_000))).await?;
    }
    measure("record and rank, together", CALLS, || look(&with, regular())).await?;
    say(&format!("{:<34} {:>9.1} MiB", "memory in the end", mib(resident()?, before)))?;
    say(&format!("{:?}", with.rank_totals()))?;
    pool.close();
    Ok(())
}

fn boards(storage: &Storage, no_ranks: &[&str]) -> Leaderboards {
    let config = Config {
        blacklist_rank_cache: no_ranks.iter().map(|id| (*id).to_owned()).collect(),
        board_ttl_ms: 600_000,
        ..Config::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Leaderboards::new(
        Arc::clone(&storage.boards),
        Arc::clone(&storage.board_records),
        Arc::clone(&storage.board_schedules),
        clock,
        config,
    )
}

async fn write(boards: &Leaderboards, owner: UserId, score: i64) -> Outcome<()> {
    let new = NewScore {
        board: BOARD,
        owner,
        username: "",
        score,
        subscore: 0,
        metadata: "",
        operator: Some(BoardOperator::Set),
    };
    boards.write(Writer::Server, new).await?;
    Ok(())
}

async fn look(boards: &Leaderboards, owner: UserId) -> Outcome<()> {
    let query = ListQuery {
        board: BOARD,
        owners: &[owner],
        limit: None,
        max_limit: 100,
        cursor: "",
        expiry: 0,
    };
    let list = boards.list(query).await?;
    if list.owner_records.len() == 1 { Ok(()) } else { Err("the owner has no record".into()) }
}

/// Fills the board, unless it is there, and answers the owners of some of its records.
async fn owners(url: &str, records: u64, most: usize) -> Outcome<Vec<UserId>> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let work = async {
        let there = "SELECT 1 FROM leaderboard WHERE id = $1";
        if client.query_opt(there, &[&BOARD]).await?.is_none() {
            say("filling the board")?;
            client.batch_execute(&filling(records)).await?;
        }
        let mut entropy = SeededEntropy::new(7);
        let numbers: Vec<i64> = (0..most)
            .map(|_| i64::try_from(below(&mut entropy, records) + 1).unwrap_or(1))
            .collect();
        let some = "SELECT md5('player ' || n)::uuid FROM unnest($1::bigint[]) n";
        let rows = client.query(some, &[&numbers]).await?;
        let owners: Result<Vec<Uuid>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        Ok(owners?.into_iter().map(UserId).collect())
    };
    tokio::select! {
        owners = work => owners,
        ended = connection => Err(format!("the connection ended: {ended:?}").into()),
    }
}

fn filling(records: u64) -> String {
    format!(
        "SET synchronous_commit = off; \
         INSERT INTO leaderboard (id, sort_order, operator) VALUES ('{BOARD}', 1, 1); \
         INSERT INTO leaderboard_record (leaderboard_id, owner_id, username, score, subscore) \
         SELECT '{BOARD}', md5('player ' || n)::uuid, 'player' || n, (n::bigint * 7919) % {SCORES}, 0 \
         FROM generate_series(1, {records}) n; \
         VACUUM ANALYZE leaderboard_record"
    )
}

fn below(entropy: &mut SeededEntropy, most: u64) -> u64 {
    entropy.next_u64() % most
}

async fn measure<F>(what: &str, calls: u32, mut call: impl FnMut() -> F) -> Outcome<()>
where
    F: Future<Output = Outcome<()>>,
{
    let (begun, before) = (Instant::now(), processor_time()?);
    let mut times = Vec::new();
    for _ in 0..calls {
        let begun = Instant::now();
        call().await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    let (took, spent) = (begun.elapsed() / calls, processor_time()? - before);
    say(&format!(
        "{what:<34} {:>9.1} µs, half within {:>7.1}, 99 of 100 within {:>8.1}, processor {:>7.1} µs",
        took.as_secs_f64() * 1e6,
        at(50),
        at(99),
        spent * 1e6 / f64::from(calls)
    ))
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Seconds of processor time of this process so far.
fn processor_time() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanos = text.split_ascii_whitespace().next().ok_or("schedstat is empty")?;
    Ok(nanos.parse::<f64>()? / 1e9)
}

/// Bytes of memory in use.
fn resident() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_ascii_whitespace().nth(1).ok_or("statm is short")?;
    Ok(pages.parse::<u64>()? * 4_096)
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn mib(now: u64, before: u64) -> f64 {
    now.saturating_sub(before) as f64 / f64::from(1 << 20)
}
