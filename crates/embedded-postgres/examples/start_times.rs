//! Measures how long the embedded database takes to start and to stop: with nothing there, with
//! the programs unpacked, and with everything there.

use std::error::Error;
use std::io::Write;

use tavern_embedded_postgres::{Config, Embedded};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut out = std::io::stdout().lock();
    for (what, database) in [
        ("nothing there ", "one"),
        ("unpacked      ", "two"),
        ("all there     ", "two"),
        ("all there     ", "two"),
        ("all there     ", "two"),
    ] {
        let cache = Some(dir.path().join("cache"));
        let config = Config { cache, ..Config::new(dir.path().join(database)) };
        let begun = Instant::now();
        let server = Embedded::start(config).await?;
        let started = begun.elapsed();
        let begun = Instant::now();
        server.stop().await?;
        writeln!(out, "{what} start {started:?}, stop {:?}", begun.elapsed())?;
    }
    Ok(())
}
