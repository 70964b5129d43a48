//! Leaderboards and tournaments, their records and schedules.

mod boards;
mod records;
pub(crate) mod rows;
mod schedules;

pub(crate) use boards::PostgresBoards;
pub(crate) use records::PostgresRecords;
pub(crate) use schedules::PostgresSchedules;
