//! What waits: tickets and the players on them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tavern_domain::{NodeName, SessionId, Timestamp, UserId};
use tavern_search::{Document, Query};
use uuid::Uuid;

use crate::error::MatchmakerError;

/// Most properties of a ticket, texts and numbers together.
pub const MAX_PROPERTIES: usize = 128;
/// Most times a ticket widens.
pub const MAX_WIDENINGS: usize = 16;

/// The name of a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TicketId(pub Uuid);

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// Who a ticket belongs to: whose limit it counts for and who may take it back.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Owner {
    /// A player alone.
    Session(SessionId),
    /// A party, by its id.
    Party(Arc<str>),
    /// Server code. Without a limit of its own.
    Server,
}

/// One player on a ticket, as others see them when they are matched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Player {
    /// The account.
    pub user: UserId,
    /// The socket. When it goes, so do all tickets it is on.
    pub session: SessionId,
    /// The name.
    pub username: Arc<str>,
    /// The node the socket is on; `None` where there is only one.
    pub node: Option<NodeName>,
}

/// A looser query that takes the place of the former one when a ticket has waited for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Widening {
    /// From the pass behind this many on: 1 means the ticket's second pass.
    pub after_passes: u32,
    /// The query from then on.
    pub query: String,
}

/// What a ticket asks for and offers.
///
/// The counts are signed because that is how they arrive; [`crate::Matchmaker::add`] checks them.
#[derive(Clone, PartialEq, Debug)]
pub struct TicketSpec {
    /// Whose it is.
    pub owner: Owner,
    /// Everybody who comes with it; they are never separated.
    pub players: Vec<Player>,
    /// Texts that queries can ask for under `properties.<name>`.
    pub texts: BTreeMap<String, String>,
    /// Numbers that queries can ask for under `properties.<name>`. NaN is no value.
    pub numbers: BTreeMap<String, f64>,
    /// Whom it wants; empty or `*` for anybody.
    pub query: String,
    /// Fewest players of its group, itself included; at least 2.
    pub min_count: i32,
    /// Most players of its group; at least the minimum.
    pub max_count: i32,
    /// The number of players must be a multiple of this; at least 1, and dividing both counts.
    pub count_multiple: i32,
    /// Looser queries for later, in order of `after_passes`.
    pub widening: Vec<Widening>,
}

impl TicketSpec {
    /// A ticket of one player who wants one other, anybody: change what differs.
    #[must_use]
    pub fn solo(player: Player) -> Self {
        Self {
            owner: Owner::Session(player.session),
            players: vec![player],
            texts: BTreeMap::new(),
            numbers: BTreeMap::new(),
            query: String::new(),
            min_count: 2,
            max_count: 2,
            count_multiple: 1,
            widening: Vec::new(),
        }
    }

    /// What queries see of it.
    pub(crate) fn document(&self) -> Document<'_> {
        let texts = self.texts.iter().fold(Document::new(), |document, (name, value)| {
            document.text(format!("properties.{name}"), value.as_str())
        });
        self.numbers.iter().fold(texts, |document, (name, value)| {
            document.number(format!("properties.{name}"), *value)
        })
    }

    /// Checks everything that can be checked without looking at other tickets, in the order in
    /// which clients of such servers are used to hear of it.
    pub(crate) fn check(&self) -> Result<Checked, MatchmakerError> {
        use MatchmakerError as E;
        let min = u32::try_from(self.min_count).ok().filter(|min| *min >= 2).ok_or(E::MinCount)?;
        let max =
            u32::try_from(self.max_count).ok().filter(|max| *max >= min).ok_or(E::MaxCount)?;
        let multiple = u32::try_from(self.count_multiple)
            .ok()
            .filter(|multiple| *multiple >= 1)
            .ok_or(E::CountMultiple)?;
        if min % multiple != 0 {
            return Err(E::MinCountMultiple);
        }
        if max % multiple != 0 {
            return Err(E::MaxCountMultiple);
        }
        let players = self.players.len();
        if players == 0 {
            return Err(E::NoPlayers);
        }
        let count = u32::try_from(players)
            .ok()
            .filter(|count| *count <= max)
            .ok_or(E::TooManyPlayers { players, max })?;
        let mut sessions: Vec<SessionId> = self.players.iter().map(|p| p.session).collect();
        sessions.sort_unstable();
        if sessions.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(E::SessionTwice);
        }
        if self.texts.len() + self.numbers.len() > MAX_PROPERTIES {
            return Err(E::TooManyProperties);
        }
        if self.widening.len() > MAX_WIDENINGS {
            return Err(E::TooManyWidenings);
        }
        let query = Query::parse(&self.query).map_err(E::Query)?;
        for later in &self.widening {
            Query::parse(&later.query).map_err(E::Query)?;
        }
        Ok(Checked { shape: Shape { min, max, multiple, count, held: true }, query })
    }
}

/// A spec that has been checked.
pub(crate) struct Checked {
    pub(crate) shape: Shape,
    pub(crate) query: Query,
}

/// The numbers of a ticket, kept together because every search looks at them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) multiple: u32,
    /// Players that come with it. Kept apart from the list of players so that a ticket for free
    /// places in a running match can count players who are there already.
    pub(crate) count: u32,
    /// Whether it still holds out for its maximum.
    pub(crate) held: bool,
}

impl Shape {
    /// Whether a group of this many players suits it.
    #[inline]
    pub(crate) const fn fits(&self, size: u32) -> bool {
        self.min <= size && size <= self.max && size.is_multiple_of(self.multiple)
    }

    /// Whether it looks for a group of this size itself, rather than joining one.
    #[inline]
    pub(crate) const fn wants(&self, size: u32) -> bool {
        !self.held || size == self.max
    }
}

/// A ticket that waits or has been matched.
#[derive(Clone, PartialEq, Debug)]
pub struct Ticket {
    /// Its name.
    pub id: TicketId,
    /// What it asks for and offers.
    pub spec: TicketSpec,
    /// When it was added.
    pub created: Timestamp,
    /// Passes it has been through.
    pub passes: u32,
}
