//! What the rules need from others.

use tavern_domain::{CodedError, SessionId};

use crate::id::PartyId;
use crate::party::Member;

/// A party as one who comes in is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct Snapshot {
    pub id: PartyId,
    pub open: bool,
    pub hidden: bool,
    pub max_size: u32,
    /// The text of a JSON object, or empty.
    pub label: String,
    pub leader: Member,
    /// In the order in which they came, the one who is told included.
    pub members: Vec<Member>,
}

/// What members are told, beyond who comes and goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News<'a> {
    /// One who came in: what the party is.
    Joined(&'a Snapshot),
    /// The leader: somebody asks to join.
    Request(&'a Member),
    /// Somebody else leads.
    Leader(&'a Member),
    /// It is another party now than it was.
    Updated {
        /// Whether everybody may join.
        open: bool,
        /// Whether it is not listed.
        hidden: bool,
        /// The text of a JSON object, or empty.
        label: &'a str,
    },
    /// It is over, for the one who is told at least.
    Closed,
}

/// Needed: tells sessions.
///
/// # Contract
/// Called under the party's lock: must not block and must not call back into [`Parties`](crate::Parties).
pub trait Voice: Send + Sync + 'static {
    /// Lets a session hear the party's stream and shows it there.
    ///
    /// # Errors
    /// When a bound is reached or the session has ended; then it neither hears nor is shown.
    fn enter(&self, party: &PartyId, who: &Member) -> Result<(), CodedError>;

    /// Ends what [`enter`](Self::enter) began; the session does not hear of its own leaving.
    fn leave(&self, party: &PartyId, session: SessionId);

    /// Tells one session.
    fn tell(&self, party: &PartyId, session: SessionId, news: News<'_>);

    /// Tells all who hear the party's stream.
    fn tell_all(&self, party: &PartyId, news: News<'_>);

    /// Somebody came or went, or the party is over: what it has waiting elsewhere is, too.
    fn changed(&self, party: &PartyId);
}
