//! A season of a game with three players, over storage in memory.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use tavern_domain::{Clock, Entropy as _, ManualClock, OsEntropy, Timestamp, UserId};
use tavern_leaderboards::{
    BoardOperator, Config, Leaderboards, ListQuery, NewLeaderboard, NewScore, SortOrder, Writer,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let storage = tavern_storage::memory::storage();
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
    let boards = Leaderboards::new(
        storage.boards,
        storage.board_records,
        storage.board_schedules,
        Arc::clone(&clock) as Arc<dyn Clock>,
        Config::default(),
    );
    boards
        .create_leaderboard(&NewLeaderboard {
            id: "season",
            authoritative: false,
            sort: SortOrder::Descending,
            operator: BoardOperator::Increment,
            reset_schedule: "@weekly",
            metadata: "{}",
            ranks: true,
        })
        .await?;

    let mut out = std::io::stdout();
    for (name, score) in [("ada", 5), ("bob", 9), ("eve", 7)] {
        let new = NewScore {
            board: "season",
            owner: UserId(OsEntropy.uuid_v4()),
            username: name,
            score,
            subscore: 0,
            metadata: "",
            operator: None,
        };
        let written = boards.write(Writer::Player, new).await?;
        writeln!(out, "{name} has {score} and is number {}", written.rank)?;
    }

    let query = ListQuery {
        board: "season",
        owners: &[],
        limit: Some(10),
        max_limit: 100,
        cursor: "",
        expiry: 0,
    };
    for record in boards.list(query).await?.records {
        let name = record.record.username.unwrap_or_default();
        writeln!(out, "{}. {name}: {}", record.rank, record.record.score)?;
    }

    // A week later the season is over, and the next one begins.
    clock.advance_seconds(7 * 24 * 3_600);
    for due in boards.claim_due().await? {
        for occasion in &due.occasions {
            writeln!(out, "{:?} of {}", occasion.kind, occasion.board.board.id)?;
        }
        boards.carried_out(due).await?;
    }
    writeln!(out, "{} records in the new season", boards.list(query).await?.records.len())?;
    Ok(())
}
