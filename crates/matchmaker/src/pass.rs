//! A pass over the tickets, in slices.

use std::sync::Arc;

use tavern_domain::Timestamp;
use tavern_search::Row;

use crate::ticket::{Player, Ticket};

/// Tickets that were put together. They are in the pool no more.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// Its tickets, oldest first; at least two.
    pub tickets: Vec<Arc<Ticket>>,
}

impl Group {
    /// Everybody in it, with the ticket they came with.
    pub fn players(&self) -> impl Iterator<Item = (&Ticket, &Player)> {
        self.tickets
            .iter()
            .flat_map(|ticket| ticket.spec.players.iter().map(move |player| (&**ticket, player)))
    }

    /// How many players it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.tickets.iter().map(|ticket| ticket.spec.players.len()).sum()
    }
}

/// A pass that is under way. Dropping it ends it; the tickets it did not come to look again in the
/// next.
#[derive(Debug)]
pub struct Pass {
    pub(crate) number: u64,
    pub(crate) begun: Timestamp,
    /// Tickets that look for others, oldest first.
    pub(crate) anchors: Vec<Row>,
    pub(crate) next: usize,
    pub(crate) report: PassReport,
    /// Its groups are asked about, not formed: they count as matched when they are taken.
    pub(crate) proposes: bool,
}

impl Pass {
    /// How many tickets look for others in it.
    #[must_use]
    pub fn active(&self) -> usize {
        self.anchors.len()
    }
}

/// Whether a pass is through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// There is more to do.
    More,
    /// It is through.
    Done(PassReport),
}

/// What a pass did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PassReport {
    /// Tickets that waited when it began.
    pub tickets: usize,
    /// Those of them that looked for others.
    pub active: usize,
    /// Groups formed.
    pub groups: usize,
    /// Tickets in these groups.
    pub matched: usize,
    /// Tickets that ran out of budget and will look again.
    pub unfinished: usize,
    /// What it cost, in steps of some ten nanoseconds.
    pub work: u64,
}
