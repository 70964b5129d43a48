//! The words every other crate of Tavern speaks.
//!
//! # Purpose
//! Ids as newtypes, the addresses of live data ([`Stream`]), what a member of one looks like
//! ([`PresenceMeta`]), the closed set of error codes ([`ErrorCode`]), time and chance as arguments
//! ([`Clock`], [`Entropy`]), secrets that do not print themselves ([`Secret`]), checked JSON texts
//! ([`check_json_object`]), list positions as opaque texts ([`CursorScope`]), requests to other
//! servers as a port ([`Fetch`]), and the lifecycle that every background task belongs to
//! ([`Lifecycle`]).
//!
//! # Invariants
//! - Nothing here does I/O; the only clock read is [`SystemClock`], the only chance [`OsEntropy`].
//! - A task spawned by a [`Lifecycle`] is waited for at shutdown, and one that ends unasked stops
//!   the process instead of leaving it limping.
//!
//! # Must not know
//! Wire formats, SQL, sockets, script languages.

mod chance;
mod clock;
mod cursor;
mod error;
pub mod fetch;
mod ids;
mod json;
mod lifecycle;
mod secret;
mod stream;

pub use chance::{Entropy, OsEntropy, SeededEntropy};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use cursor::{CursorScope, InvalidCursor};
pub use error::{Classify, CodedError, ErrorCode, RealtimeCode};
pub use fetch::{Fetch, FetchError, FetchMethod, FetchRequest, FetchResponse};
pub use ids::{InvalidNodeName, MatchId, NodeName, ParseMatchIdError, SessionId, TokenId, UserId};
pub use json::{JsonObjectError, MAX_JSON_DEPTH, check_json_object};
pub use lifecycle::{Lifecycle, StageOutcome, stage};
pub use secret::Secret;
pub use stream::{ParseStreamError, Presence, PresenceMeta, PresenceReason, Stream, StreamMode};
