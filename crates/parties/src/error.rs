//! What can go wrong.

use tavern_domain::{Classify, CodedError, ErrorCode};
use tavern_search::QueryError;

/// Why something was refused. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartyError {
    /// Not the form of a party's id.
    #[error("invalid party id")]
    InvalidId,
    /// A size below 0 or above 256.
    #[error("the size of a party is 0 to 256")]
    Size,
    /// A label that is no JSON object.
    #[error("the label must be a JSON object")]
    Label,
    /// A label that is too long.
    #[error("the label is longer than {limit} bytes")]
    LabelTooLong {
        /// The configured maximum.
        limit: usize,
    },
    /// A hidden party with a label.
    #[error("a hidden party has no label")]
    HiddenLabel,
    /// There is no such party, or no longer.
    #[error("party not found")]
    NotFound,
    /// No more fit in.
    #[error("party is full")]
    Full,
    /// As many ask as there are places.
    #[error("party has too many requests to join")]
    RequestsFull,
    /// The user has asked already.
    #[error("request to join was made already")]
    Duplicate,
    /// The user is in.
    #[error("already a member of the party")]
    AlreadyMember,
    /// Only the leader may.
    #[error("only the leader of the party may do this")]
    NotLeader,
    /// The presence is no member.
    #[error("not a member of the party")]
    NotMember,
    /// The presence does not ask to join.
    #[error("no such request to join the party")]
    NotAsking,
    /// The leader cannot remove themselves.
    #[error("the leader cannot be removed: leave instead")]
    RemoveSelf,
    /// See [`Config::max_per_session`](crate::Config).
    #[error("no more than {limit} parties at a time")]
    TooMany {
        /// The configured maximum.
        limit: usize,
    },
    /// See [`Config::max_parties`](crate::Config).
    #[error("too many parties, try again later")]
    NoRoom,
    /// A page of a listing has 1 to 100 parties.
    #[error("limit must be between 1 and 100")]
    Limit,
    /// A cursor that is none of ours.
    #[error("invalid cursor")]
    Cursor,
    /// A query that does not parse.
    #[error("the query does not parse")]
    Query(#[source] QueryError),
    /// The session cannot come in.
    #[error(transparent)]
    Entering(CodedError),
}

impl Classify for PartyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidId
            | Self::Size
            | Self::Label
            | Self::LabelTooLong { .. }
            | Self::HiddenLabel
            | Self::RemoveSelf
            | Self::Limit
            | Self::Cursor => ErrorCode::InvalidArgument,
            Self::NotFound | Self::NotMember | Self::NotAsking => ErrorCode::NotFound,
            Self::Full | Self::RequestsFull | Self::TooMany { .. } | Self::NoRoom => {
                ErrorCode::ResourceExhausted
            }
            Self::Duplicate | Self::AlreadyMember => ErrorCode::AlreadyExists,
            Self::NotLeader => ErrorCode::PermissionDenied,
            // The public protocol has it so.
            Self::Query(_) => ErrorCode::Internal,
            Self::Entering(error) => error.code(),
        }
    }
}
