//! Leaderboards and tournaments: what they are, their records, the order of the records and the
//! schedules of their resets and ends.

mod boards;
mod ranks;
mod records;
mod schedules;

pub use boards::{
    Board, BoardOperator, Boards, EndFilter, NO_MAX_SIZE, SortOrder, TournamentFilter,
    TournamentPosition,
};
pub use ranks::{RankChange, RankKey, RankSkeleton, Snapshot};
pub use records::{
    Around, BoardRecord, BoardRecords, Joined, Period, RecordPage, RecordWalk, RecordWrite,
    ScoreChange, TournamentTerms, WriteRefused, Written,
};
pub use schedules::{BoardSchedules, DueBoard, Watermark};
