//! The tickets that wait, and what happens to them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use hashbrown::HashMap;
use tavern_domain::{SessionId, Timestamp};
use tavern_search::{Query, Row};

use crate::config::Config;
use crate::error::MatchmakerError;
use crate::finder::{Finder, Outcome};
use crate::pass::{Group, Pass, PassReport, Progress};
use crate::pool::{Entry, Pool};
use crate::ticket::{Checked, Owner, Ticket, TicketId, TicketSpec};

/// How many completions [`Stats`] shows.
const COMPLETIONS: usize = 10;

/// A ticket that was matched: when it came and when it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Completion {
    /// When the ticket was added.
    pub created: Timestamp,
    /// When it was matched.
    pub completed: Timestamp,
}

/// How things stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Tickets that wait.
    pub tickets: usize,
    /// When the oldest of them was added.
    pub oldest: Option<Timestamp>,
    /// The last ten tickets that were matched, oldest first.
    pub completions: Vec<Completion>,
}

impl Stats {
    /// How long the last matched tickets waited on average, in milliseconds: what a new one may
    /// expect. `None` while nothing was matched.
    #[must_use]
    pub fn expected_wait_ms(&self) -> Option<i64> {
        let count = i64::try_from(self.completions.len()).ok().filter(|count| *count > 0)?;
        let waits = self.completions.iter().map(|c| c.completed.millis() - c.created.millis());
        Some(waits.sum::<i64>() / count)
    }
}

/// The matchmaker: pure state, no clock, no lock, no task. See the crate's header for the rules.
#[derive(Debug, Default)]
pub struct Matchmaker {
    config: Config,
    pool: Pool,
    finder: Finder,
    rows: HashMap<TicketId, Row>,
    by_session: HashMap<SessionId, Vec<TicketId>>,
    by_owner: HashMap<Owner, Vec<TicketId>>,
    ages: BTreeSet<(Timestamp, TicketId)>,
    completions: VecDeque<Completion>,
    passes: u64,
}

impl Matchmaker {
    /// An empty one.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// The options.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Adds a ticket; it looks for others from the next pass on. Takes microseconds.
    ///
    /// # Errors
    /// Whatever is wrong with the ticket, first the counts, then players, properties and queries;
    /// then [`MatchmakerError::TooManyTickets`], [`MatchmakerError::PoolFull`],
    /// [`MatchmakerError::IdTaken`]. Nothing has changed then.
    pub fn add(
        &mut self,
        id: TicketId,
        spec: TicketSpec,
        now: Timestamp,
    ) -> Result<Arc<Ticket>, MatchmakerError> {
        let checked = spec.check()?;
        let limit = self.config.max_tickets;
        let own = self.by_owner.get(&spec.owner).map_or(0, Vec::len);
        if spec.owner != Owner::Server && own >= limit as usize {
            return Err(MatchmakerError::TooManyTickets { limit });
        }
        if self.rows.len() >= self.config.max_pool as usize {
            return Err(MatchmakerError::PoolFull);
        }
        if self.rows.contains_key(&id) {
            return Err(MatchmakerError::IdTaken);
        }
        let ticket = Arc::new(Ticket { id, spec, created: now, passes: 0 });
        self.enter(Arc::clone(&ticket), checked, false);
        Ok(ticket)
    }

    /// Takes the tickets of a group back into the pool, as an override that refuses a group wants
    /// it: their age and passes are kept, and they look again in the next pass. They stand behind
    /// those who wait when others choose among candidates.
    ///
    /// Tickets whose id is in the pool again are left out, limits are not checked.
    pub fn give_back(&mut self, group: Group) {
        for ticket in group.tickets {
            if self.rows.contains_key(&ticket.id) {
                continue;
            }
            if let Ok(checked) = ticket.spec.check() {
                self.enter(ticket, checked, true);
            }
        }
    }

    fn enter(&mut self, ticket: Arc<Ticket>, checked: Checked, again: bool) {
        let Checked { mut shape, query } = checked;
        let passes = ticket.passes;
        shape.held = self.holds_out(passes.max(1));
        let plan = self.pool.index.prepare(&query);
        for player in &ticket.spec.players {
            self.by_session.entry(player.session).or_default().push(ticket.id);
        }
        if ticket.spec.owner != Owner::Server {
            self.by_owner.entry(ticket.spec.owner.clone()).or_default().push(ticket.id);
        }
        self.ages.insert((ticket.created, ticket.id));
        let id = ticket.id;
        let widens_after = ticket.spec.widening.first().map_or(u32::MAX, |next| next.after_passes);
        let entry = Entry { ticket, plan, passes, widened: 0, widens_after, unfinished: again };
        let row = self.pool.push(entry, shape);
        self.rows.insert(id, row);
    }

    /// A ticket that waits.
    #[must_use]
    pub fn get(&self, id: TicketId) -> Option<&Arc<Ticket>> {
        self.rows.get(&id).and_then(|row| self.pool.entry(*row)).map(|entry| &entry.ticket)
    }

    /// All tickets that wait, in the order in which they came: for a processor that replaces the
    /// pass, which then takes what it chose with [`Self::take_group`].
    pub fn tickets(&self) -> impl Iterator<Item = &Arc<Ticket>> {
        self.pool.entries.iter().flatten().map(|entry| &entry.ticket)
    }

    /// How many tickets wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Removes a ticket, whoever it belongs to.
    pub fn remove(&mut self, id: TicketId) -> Option<Arc<Ticket>> {
        let row = *self.rows.get(&id)?;
        self.leave(row)
    }

    /// Removes a ticket if it belongs to this owner.
    ///
    /// # Errors
    /// [`MatchmakerError::NotFound`] also when it is somebody else's, so that nobody can find out.
    pub fn remove_of(&mut self, owner: &Owner, id: TicketId) -> Result<(), MatchmakerError> {
        match self.get(id) {
            Some(ticket) if ticket.spec.owner == *owner => {
                self.remove(id);
                Ok(())
            }
            Some(_) | None => Err(MatchmakerError::NotFound),
        }
    }

    /// Removes every ticket that this session is on, those of its parties included, and returns
    /// them. For the end of a session.
    pub fn remove_session(&mut self, session: SessionId) -> Vec<Arc<Ticket>> {
        let ids = self.by_session.get(&session).cloned().unwrap_or_default();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Removes every ticket of an owner and returns them. For a party that has changed.
    pub fn remove_all_of(&mut self, owner: &Owner) -> Vec<Arc<Ticket>> {
        let ids = self.by_owner.get(owner).cloned().unwrap_or_default();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Takes tickets out as a group that somebody else has chosen. Which of them go together is not
    /// checked.
    ///
    /// # Errors
    /// [`MatchmakerError::NotFound`] when one of them does not wait or is named twice; nothing has
    /// changed then.
    pub fn take_group(
        &mut self,
        ids: &[TicketId],
        now: Timestamp,
    ) -> Result<Group, MatchmakerError> {
        let distinct: BTreeSet<&TicketId> = ids.iter().collect();
        let rows: Option<Vec<Row>> = ids.iter().map(|id| self.rows.get(id).copied()).collect();
        match rows {
            Some(mut rows) if distinct.len() == ids.len() => {
                rows.sort_unstable();
                Ok(self.complete(&rows, now))
            }
            Some(_) | None => Err(MatchmakerError::NotFound),
        }
    }

    /// How things stand. Costs the same whatever the number of tickets.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            tickets: self.rows.len(),
            oldest: self.ages.first().map(|(created, _)| *created),
            completions: self.completions.iter().copied().collect(),
        }
    }

    /// Begins a pass: every ticket that waits has been through one more. Costs some ten
    /// nanoseconds per ticket. A pass begun earlier is over, whether it was through or not.
    pub fn begin_pass(&mut self, now: Timestamp) -> Pass {
        self.passes += 1;
        if self.pool.tidy() {
            for (row, entry) in (0_u32..).zip(&self.pool.entries) {
                if let Some(entry) = entry {
                    self.rows.insert(entry.ticket.id, row);
                }
            }
        }
        let mut anchors = Vec::new();
        for row in 0..self.pool.index.end() {
            if self.next_pass_of(row) {
                anchors.push(row);
            }
        }
        let pool = &self.pool;
        // Already so, except for tickets that were given back.
        anchors.sort_by_key(|row| pool.entry(*row).map(|entry| entry.ticket.created));
        self.pool.searcher.begin(&self.pool.index);
        let report =
            PassReport { tickets: self.rows.len(), active: anchors.len(), ..PassReport::default() };
        Pass { number: self.passes, begun: now, anchors, next: 0, report, proposes: false }
    }

    /// The same for a pass whose groups somebody else is asked about: they are given back, and
    /// [`Self::take_group`] forms those that are wanted. Nothing of it is a completion.
    pub fn begin_proposals(&mut self, now: Timestamp) -> Pass {
        Pass { proposes: true, ..self.begin_pass(now) }
    }

    /// Takes a ticket into its next pass; returns whether it looks for others in it.
    fn next_pass_of(&mut self, row: Row) -> bool {
        let (max_intervals, mutual) = (self.config.max_intervals, self.config.rev_precision);
        let Some(entry) = self.pool.entries[row as usize].as_deref_mut() else { return false };
        let due = entry.widens_after <= entry.passes;
        if due {
            let later = &entry.ticket.spec.widening;
            let more = later[entry.widened..].iter();
            entry.widened += more.take_while(|next| next.after_passes <= entry.passes).count();
            entry.widens_after =
                later.get(entry.widened).map_or(u32::MAX, |next| next.after_passes);
            let query = entry.widened.checked_sub(1).and_then(|at| later.get(at));
            // It was parsed when the ticket was added.
            if let Some(Ok(query)) = query.map(|now| Query::parse(&now.query)) {
                let plan = self.pool.index.prepare(&query);
                self.pool.index.release(std::mem::replace(&mut entry.plan, plan));
            }
        }
        entry.passes = entry.passes.saturating_add(1);
        let shape = &mut self.pool.shapes[row as usize];
        shape.held = entry.passes <= max_intervals;
        let flexible = shape.min < shape.max;
        let last = max_intervals.saturating_add(1);
        // With mutual matching, whoever could go with a ticket that has looked in vain is either
        // new, and will look itself, or not changed since. One-way matching has no such symmetry.
        let looks = match (flexible, mutual) {
            (false, _) => entry.passes == 1,
            (true, true) => entry.passes == 1 || entry.passes == last,
            (true, false) => entry.passes <= last,
        };
        // Until it has been served: a pass may be given up half-way.
        entry.unfinished |= looks || due;
        entry.unfinished
    }

    const fn holds_out(&self, passes: u32) -> bool {
        passes <= self.config.max_intervals
    }

    /// Goes on with a pass until about `work` is done (steps of some ten nanoseconds; one ticket is
    /// always served to its end, and costs less than 50 ms) and appends the groups it formed.
    /// Tickets may be added and removed between two calls.
    pub fn advance(
        &mut self,
        pass: &mut Pass,
        now: Timestamp,
        work: u64,
        groups: &mut Vec<Group>,
    ) -> Progress {
        if pass.number != self.passes {
            return Progress::Done(pass.report);
        }
        let mutual = self.config.rev_precision && !self.is_late(pass, now);
        let budget = u64::from(self.config.search_budget);
        let mut done = 0;
        while let Some(row) = pass.anchors.get(pass.next).copied() {
            if done >= work {
                pass.report.work += done;
                return Progress::More;
            }
            pass.next += 1;
            let outcome = self.finder.find(&self.pool, row, mutual, budget);
            if let Some(entry) = self.pool.entry_mut(row) {
                entry.unfinished = outcome == Outcome::Unfinished;
            }
            done += 1 + self.finder.take_work() + self.pool.searcher.take_work();
            match outcome {
                Outcome::Group(rows) => {
                    let group = if pass.proposes {
                        self.take_out(&rows)
                    } else {
                        self.complete(&rows, now)
                    };
                    pass.report.groups += 1;
                    pass.report.matched += group.tickets.len();
                    groups.push(group);
                }
                Outcome::Unfinished => pass.report.unfinished += 1,
                Outcome::None => {}
            }
        }
        pass.report.work += done;
        Progress::Done(pass.report)
    }

    /// A whole pass at once.
    pub fn pass(&mut self, now: Timestamp) -> (Vec<Group>, PassReport) {
        let mut pass = self.begin_pass(now);
        let mut groups = Vec::new();
        loop {
            if let Progress::Done(report) = self.advance(&mut pass, now, u64::MAX, &mut groups) {
                return (groups, report);
            }
        }
    }

    /// Whether a pass has taken so long that the configuration wants the rest of it one-way.
    fn is_late(&self, pass: &Pass, now: Timestamp) -> bool {
        let most = i64::from(self.config.interval_sec) * i64::from(self.config.rev_threshold);
        most > 0 && now.seconds() - pass.begun.seconds() >= most
    }

    fn complete(&mut self, rows: &[Row], now: Timestamp) -> Group {
        let group = self.take_out(rows);
        for ticket in &group.tickets {
            if self.completions.len() == COMPLETIONS {
                self.completions.pop_front();
            }
            self.completions.push_back(Completion { created: ticket.created, completed: now });
        }
        group
    }

    fn take_out(&mut self, rows: &[Row]) -> Group {
        Group { tickets: rows.iter().filter_map(|row| self.leave(*row)).collect() }
    }

    fn leave(&mut self, row: Row) -> Option<Arc<Ticket>> {
        let entry = self.pool.take(row)?;
        self.pool.index.release(entry.plan);
        let mut ticket = entry.ticket;
        let id = ticket.id;
        self.rows.remove(&id);
        self.ages.remove(&(ticket.created, id));
        for player in &ticket.spec.players {
            forget(&mut self.by_session, &player.session, id);
        }
        forget(&mut self.by_owner, &ticket.spec.owner, id);
        if ticket.passes != entry.passes {
            Arc::make_mut(&mut ticket).passes = entry.passes;
        }
        Some(ticket)
    }
}

/// Takes an id out of a list and the list out of the table when it was the last.
fn forget<K: std::hash::Hash + Eq>(table: &mut HashMap<K, Vec<TicketId>>, key: &K, id: TicketId) {
    if let Some(ids) = table.get_mut(key) {
        ids.retain(|other| *other != id);
        if ids.is_empty() {
            table.remove(key);
        }
    }
}
