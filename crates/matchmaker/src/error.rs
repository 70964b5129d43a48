//! What can go wrong.

use tavern_domain::{Classify, ErrorCode};
use tavern_search::QueryError;

use crate::ticket::{MAX_PROPERTIES, MAX_WIDENINGS};

/// Why a ticket was refused, or not found.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatchmakerError {
    /// The minimum is below 2.
    #[error("the minimum count must be at least 2")]
    MinCount,
    /// The maximum is below the minimum.
    #[error("the maximum count must not be below the minimum count")]
    MaxCount,
    /// The count multiple is below 1.
    #[error("the count multiple must be at least 1")]
    CountMultiple,
    /// The minimum is no multiple.
    #[error("the count multiple must divide the minimum count")]
    MinCountMultiple,
    /// The maximum is no multiple.
    #[error("the count multiple must divide the maximum count")]
    MaxCountMultiple,
    /// A ticket of nobody.
    #[error("a ticket needs at least one player")]
    NoPlayers,
    /// There are more players than a group may have.
    #[error("a ticket of {players} players does not fit into a group of {max}")]
    TooManyPlayers {
        /// Players of the ticket.
        players: usize,
        /// Its own maximum count.
        max: u32,
    },
    /// One session is named twice.
    #[error("a ticket must not name a session twice")]
    SessionTwice,
    /// There are too many properties.
    #[error("a ticket has at most {MAX_PROPERTIES} properties")]
    TooManyProperties,
    /// There are too many widenings.
    #[error("a ticket widens at most {MAX_WIDENINGS} times")]
    TooManyWidenings,
    /// A query that does not parse.
    #[error("the query does not parse")]
    Query(#[source] QueryError),
    /// The session or the party has enough tickets.
    #[error("no more than {limit} tickets may wait at a time")]
    TooManyTickets {
        /// The limit.
        limit: u32,
    },
    /// The pool is full.
    #[error("too many tickets are waiting, try again later")]
    PoolFull,
    /// The id is taken.
    #[error("there is a ticket with this id already")]
    IdTaken,
    /// There is no such ticket, or it is not the caller's.
    #[error("there is no such ticket")]
    NotFound,
}

impl Classify for MatchmakerError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::MinCount
            | Self::MaxCount
            | Self::CountMultiple
            | Self::MinCountMultiple
            | Self::MaxCountMultiple
            | Self::NoPlayers
            | Self::TooManyPlayers { .. }
            | Self::SessionTwice
            | Self::TooManyProperties
            | Self::TooManyWidenings
            | Self::Query(_) => ErrorCode::InvalidArgument,
            Self::TooManyTickets { .. } => ErrorCode::FailedPrecondition,
            Self::PoolFull => ErrorCode::ResourceExhausted,
            Self::IdTaken => ErrorCode::AlreadyExists,
            Self::NotFound => ErrorCode::NotFound,
        }
    }
}
