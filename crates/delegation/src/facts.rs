//! What a token's checks can ask about a call.

use std::collections::BTreeMap;

use biscuit_auth::builder::{Fact, Term};
use tavern_domain::Timestamp;

/// Opening a socket, as a right and as the name of a call.
pub const OPEN_SOCKET: &str = "OpenSocket";
/// The right to make every call that is [ordinary](Standing::Ordinary).
pub const RIGHT_TO_ALL: &str = "*";
/// The right to make every ordinary call that changes nothing.
pub const RIGHT_TO_READ: &str = "read";

/// Where a call came in: the fact `interface`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Interface {
    /// HTTP: `rest`.
    Rest,
    /// gRPC: `grpc`.
    Grpc,
    /// A message on a socket, and its opening: `socket`.
    Socket,
}

/// Whether a call changes anything: the fact `action`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// `read`.
    Read,
    /// `write`.
    Write,
}

/// How far a call is open to tokens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing {
    /// By its own right, by [`RIGHT_TO_ALL`], and by [`RIGHT_TO_READ`] if it reads.
    Ordinary,
    /// By its own right only, which whoever mints the token has to name.
    Guarded,
    /// Never.
    Never,
}

/// What a call is, whatever it is about.
#[derive(Clone, Copy, Debug)]
pub struct CallFacts {
    /// Its name: the fact `call`.
    pub call: &'static str,
    /// Whether it changes anything.
    pub action: Action,
    /// How far it is open to tokens.
    pub standing: Standing,
    /// Where it came in.
    pub interface: Interface,
}

/// What a thing that a call is about can be told by. Each is a fact of that name with one text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Name {
    /// The id of a leaderboard or tournament.
    Board,
    /// The id of a chat channel, or what it is joined by: a room's name, a user's or a group's id.
    Channel,
    /// The collection of a stored object.
    Collection,
    /// The name of a function of server code, in lower case.
    Function,
    /// The id of a group.
    Group,
    /// The key of a stored object.
    Key,
    /// The id of a match.
    Match,
    /// The id of the user whom an object or a record belongs to.
    Owner,
    /// The id of a party.
    Party,
    /// Another user whom the call is about: an id, or a name where the call takes names.
    Target,
}

impl Name {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 10] = [
        Self::Board,
        Self::Channel,
        Self::Collection,
        Self::Function,
        Self::Group,
        Self::Key,
        Self::Match,
        Self::Owner,
        Self::Party,
        Self::Target,
    ];

    /// The fact's name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::Channel => "channel",
            Self::Collection => "collection",
            Self::Function => "function",
            Self::Group => "group",
            Self::Key => "key",
            Self::Match => "match",
            Self::Owner => "owner",
            Self::Party => "party",
            Self::Target => "target",
        }
    }
}

/// One thing that a call is about: at most one fact of each name.
///
/// A call about several things is allowed only if each of them is, on its own: with the facts of
/// all at once, a check could be met by one thing on behalf of another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Element(BTreeMap<Name, String>);

impl Element {
    /// A call about nothing in particular.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// A thing with this fact.
    #[must_use]
    pub fn of(name: Name, value: impl Into<String>) -> Self {
        Self::default().with(name, value)
    }

    /// The same thing with one more fact.
    #[must_use]
    pub fn with(mut self, name: Name, value: impl Into<String>) -> Self {
        self.0.insert(name, value.into());
        self
    }
}

/// How many facts there are at most beside those of the token.
pub(crate) const MAX_AMBIENT: u64 = 5 + Name::ALL.len() as u64;

/// The facts of a call about one thing.
pub(crate) fn ambient(
    call: CallFacts,
    element: &Element,
    now: Timestamp,
) -> impl Iterator<Item = Fact> {
    let interface = match call.interface {
        Interface::Rest => "rest",
        Interface::Grpc => "grpc",
        Interface::Socket => "socket",
    };
    let action = match call.action {
        Action::Read => "read",
        Action::Write => "write",
    };
    let common = [
        fact("time", Term::Date(u64::try_from(now.seconds()).unwrap_or_default())),
        fact("call", Term::Str(call.call.to_owned())),
        fact("action", Term::Str(action.to_owned())),
        fact("interface", Term::Str(interface.to_owned())),
        fact("ordinary", Term::Bool(call.standing == Standing::Ordinary)),
    ];
    let of_element =
        element.0.iter().map(|(name, value)| fact(name.text(), Term::Str(value.clone())));
    common.into_iter().chain(of_element)
}

/// A fact with one term.
pub(crate) fn fact(name: &str, term: Term) -> Fact {
    Fact::new(name.to_owned(), vec![term])
}
