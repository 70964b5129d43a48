//! Questions to a database that has just started.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::Error;

/// Checks that time-outs fire, makes the database of this name if it is missing, and answers the
/// version, for example `17.5`.
pub(crate) async fn check(
    server: &tokio_postgres::Config,
    database: &str,
) -> Result<String, Error> {
    let (client, connection) = server.connect(NoTls).await.map_err(Error::SelfCheck)?;
    let questions = async move {
        let answer = questions(&client, database).await;
        // The connection ends when the client is gone.
        drop(client);
        answer
    };
    // A connection that breaks makes the question in flight fail, which is error enough.
    tokio::join!(questions, connection).0
}

async fn questions(client: &Client, database: &str) -> Result<String, Error> {
    let version = ask(client, "SHOW server_version").await?.unwrap_or_default();
    client.batch_execute("SET statement_timeout = '1ms'").await.map_err(Error::SelfCheck)?;
    match client.batch_execute("SELECT pg_sleep(5)").await {
        Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => {}
        Err(error) => return Err(Error::SelfCheck(error)),
        Ok(()) => return Err(Error::DeadTimers { version }),
    }
    client.batch_execute("RESET statement_timeout").await.map_err(Error::SelfCheck)?;
    let literal = database.replace('\'', "''");
    let exists = format!("SELECT datname FROM pg_database WHERE datname = '{literal}'");
    if ask(client, &exists).await?.is_none() {
        let name = database.replace('"', "\"\"");
        let create = format!("CREATE DATABASE \"{name}\"");
        client.batch_execute(&create).await.map_err(Error::SelfCheck)?;
    }
    Ok(version)
}

/// The first value of the first row.
async fn ask(client: &Client, question: &str) -> Result<Option<String>, Error> {
    let messages = client.simple_query(question).await.map_err(Error::SelfCheck)?;
    Ok(messages.into_iter().find_map(|message| {
        if let SimpleQueryMessage::Row(row) = message {
            row.get(0).map(str::to_owned)
        } else {
            None
        }
    }))
}
