//! What the rules need from others.

use std::sync::Arc;

use tavern_domain::{CodedError, Presence, SessionId, Stream};
use uuid::Uuid;

/// What [`Members::enter`] found and did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entered {
    /// Whether the session was not a member before.
    pub new: bool,
    /// The members at the moment before, in the order in which they came; the session itself is
    /// among them when it is not new.
    pub before: Vec<Presence>,
}

/// Needed: who is in a match. A match's members are the presences on its stream.
///
/// # Contract
/// No method blocks. Calls for one match may come from many threads at once; what one session asks
/// for comes one after the other. Checked by `conformance::members` (feature `testkit`).
pub trait Members: Send + Sync + 'static {
    /// Lets a session hear the stream and then shows it there, so that it misses nothing of what
    /// follows [`Entered::before`]. One who is in stays as it is.
    ///
    /// # Errors
    /// When a bound is reached or the session has ended; then the session neither hears the stream
    /// nor is shown there.
    fn enter(&self, stream: &Stream, who: &Presence) -> Result<Entered, CodedError>;

    /// Ends what [`enter`](Self::enter) began, in such an order that the session does not hear of
    /// its own leaving; says whether it was in.
    fn leave(&self, stream: &Stream, session: SessionId) -> bool;

    /// Whether the session is in. On the path of every piece of data: fast.
    fn is_member(&self, stream: &Stream, session: SessionId) -> bool;

    /// How many are in, without walking them.
    fn size(&self, stream: &Stream) -> usize;

    /// Up to `limit` relayed matches of whose size `keep` approves, with their sizes, in no order.
    fn matches(&self, limit: usize, keep: &mut dyn FnMut(usize) -> bool) -> Vec<(Uuid, usize)>;
}

impl<M: Members + ?Sized> Members for Arc<M> {
    fn enter(&self, stream: &Stream, who: &Presence) -> Result<Entered, CodedError> {
        (**self).enter(stream, who)
    }

    fn leave(&self, stream: &Stream, session: SessionId) -> bool {
        (**self).leave(stream, session)
    }

    fn is_member(&self, stream: &Stream, session: SessionId) -> bool {
        (**self).is_member(stream, session)
    }

    fn size(&self, stream: &Stream) -> usize {
        (**self).size(stream)
    }

    fn matches(&self, limit: usize, keep: &mut dyn FnMut(usize) -> bool) -> Vec<(Uuid, usize)> {
        (**self).matches(limit, keep)
    }
}
