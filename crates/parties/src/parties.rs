//! The parties of a node.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tavern_domain::{Clock, Entropy, NodeName, SessionId, check_json_object};
use uuid::Uuid;

use crate::config::Config;
use crate::error::PartyError;
use crate::id::PartyId;
use crate::listing::{Key, Listed, Listing, Page, Wanted, cursor};
use crate::party::{Left, Member, Party, Terms};
use crate::traits::{News, Snapshot, Voice};

/// The largest party.
const LARGEST: u32 = 256;

/// What one who creates a party is told.
pub type Created = Snapshot;

/// What came of a wish to join.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Joining {
    /// They are in, and have been told what the party is.
    In,
    /// The leader has been asked.
    Asked,
}

/// The parties of this node.
pub struct Parties<V> {
    node: NodeName,
    table: RwLock<HashMap<Uuid, Arc<Mutex<Party>>>>,
    /// Which parties a session is in or asks for.
    sessions: Mutex<HashMap<SessionId, Vec<Uuid>>>,
    voice: V,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    config: Config,
}

/// What [`Parties`] are made of.
#[must_use]
pub struct Builder<V> {
    node: NodeName,
    voice: V,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    config: Config,
}

impl<V: Voice> Builder<V> {
    /// Other bounds than the default ones.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// No party.
    #[must_use]
    pub fn build(self) -> Parties<V> {
        let Self { node, voice, clock, entropy, config } = self;
        let (table, sessions) = (RwLock::default(), Mutex::default());
        Parties { node, table, sessions, voice, clock, entropy, config }
    }
}

impl<V> fmt::Debug for Parties<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parties").field("count", &self.table.read().len()).finish_non_exhaustive()
    }
}

impl<V: Voice> Parties<V> {
    /// Parties of a node, which tell their members by `voice`.
    pub fn builder(
        node: NodeName,
        voice: V,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Builder<V> {
        Builder { node, voice, clock, entropy, config: Config::default() }
    }

    /// How many parties there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.read().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Creates a party, whose creator leads it. Into one of size 0 nobody else comes.
    ///
    /// # Errors
    /// [`PartyError::Size`], those of labels, [`PartyError::TooMany`], [`PartyError::NoRoom`],
    /// [`PartyError::Entering`].
    pub fn create(
        &self,
        who: &Member,
        open: bool,
        hidden: bool,
        max_size: i32,
        label: &str,
    ) -> Result<Created, PartyError> {
        let max_size = u32::try_from(max_size).map_err(|_| PartyError::Size)?;
        if max_size > LARGEST {
            return Err(PartyError::Size);
        }
        let terms = Terms { open, hidden, label: self.label(label, hidden)? };
        let id = PartyId { id: self.entropy.uuid_v4(), node: self.node.clone() };
        self.note(who.session, id.id)?;
        let party = Party::new(terms, max_size, who.clone(), self.clock.now());
        let party = Arc::new(Mutex::new(party));
        let mut locked = party.lock();
        let kept = {
            let mut table = self.table.write();
            let room = table.len() < self.config.max_parties;
            if room {
                table.insert(id.id, Arc::clone(&party));
            }
            room
        };
        let entered = match kept {
            true => self.voice.enter(&id, who).map_err(PartyError::Entering),
            false => Err(PartyError::NoRoom),
        };
        if let Err(error) = entered {
            locked.end();
            self.table.write().remove(&id.id);
            self.unnote(who.session, id.id);
            return Err(error);
        }
        Ok(snapshot(&id, &locked, who.clone()))
    }

    /// Joins an open party, or asks to join a closed one.
    ///
    /// # Errors
    /// [`PartyError::NotFound`], [`PartyError::Full`], [`PartyError::RequestsFull`],
    /// [`PartyError::Duplicate`], [`PartyError::AlreadyMember`], [`PartyError::TooMany`],
    /// [`PartyError::Entering`].
    pub fn join(&self, who: &Member, id: &PartyId) -> Result<Joining, PartyError> {
        let party = self.find(id)?;
        self.note(who.session, id.id)?;
        let mut party = party.lock();
        match party.knock(who) {
            Ok(true) => self.bring_in(id, &mut party, who.clone()).map(|()| Joining::In),
            Ok(false) => {
                if let Some(leader) = party.leader() {
                    self.voice.tell(id, leader.session, News::Request(who));
                }
                Ok(Joining::Asked)
            }
            Err(error) => {
                // Whoever is in or has asked stays noted for that.
                let known = party.is_in(who.session)
                    || party.requests().iter().any(|request| request.session == who.session);
                if !known {
                    self.unnote(who.session, id.id);
                }
                Err(error)
            }
        }
    }

    /// Leaves a party, or no longer asks to join it; where one is neither is fine.
    pub fn leave(&self, session: SessionId, id: &PartyId) {
        let Ok(party) = self.find(id) else { return };
        self.unnote(session, id.id);
        let mut party = party.lock();
        party.drop_request(session);
        self.take_out(id, &mut party, session);
    }

    /// Tells a session again what the parties that it is in are, and, where it leads, who asks to
    /// join. For one that may have missed something.
    pub fn tell_again(&self, session: SessionId) {
        let all = self.sessions.lock().get(&session).cloned().unwrap_or_default();
        for id in all {
            let id = PartyId { id, node: self.node.clone() };
            let Ok(party) = self.find(&id) else { continue };
            let party = party.lock();
            let Some(leader) = party.leader().filter(|_| party.is_in(session)) else { continue };
            let now = snapshot(&id, &party, leader.clone());
            self.voice.tell(&id, session, News::Joined(&now));
            if leader.session == session {
                for request in party.requests() {
                    self.voice.tell(&id, session, News::Request(request));
                }
            }
        }
    }

    /// The session has ended: it is in no party and asks for none.
    pub fn session_ended(&self, session: SessionId) {
        self.leave_others(session, None);
        self.sessions.lock().remove(&session);
    }

    /// Leaves all parties but one, for those who may be in one only.
    pub fn leave_others(&self, session: SessionId, but: Option<&PartyId>) {
        let all = self.sessions.lock().get(&session).cloned().unwrap_or_default();
        for id in all.into_iter().filter(|id| but.is_none_or(|but| but.id != *id)) {
            self.leave(session, &PartyId { id, node: self.node.clone() });
        }
    }

    /// Makes another member the leader.
    ///
    /// # Errors
    /// [`PartyError::NotFound`], [`PartyError::NotLeader`], [`PartyError::NotMember`].
    pub fn promote(&self, by: SessionId, id: &PartyId, whom: &Member) -> Result<(), PartyError> {
        let party = self.find(id)?;
        let mut party = party.lock();
        party.check_leader(by)?;
        let leader = party.promote(whom)?;
        self.voice.tell_all(id, News::Leader(&leader));
        Ok(())
    }

    /// Lets one in who asks.
    ///
    /// # Errors
    /// [`PartyError::NotFound`], [`PartyError::NotLeader`], [`PartyError::Full`],
    /// [`PartyError::NotAsking`], [`PartyError::Entering`].
    pub fn accept(&self, by: SessionId, id: &PartyId, whom: &Member) -> Result<(), PartyError> {
        let party = self.find(id)?;
        let mut party = party.lock();
        party.check_leader(by)?;
        let who = party.accept(whom)?;
        self.bring_in(id, &mut party, who)
    }

    /// Removes a member, who is told, or turns one down who asks.
    ///
    /// # Errors
    /// [`PartyError::NotFound`], [`PartyError::NotLeader`], [`PartyError::RemoveSelf`],
    /// [`PartyError::NotMember`].
    pub fn remove(&self, by: SessionId, id: &PartyId, whom: &Member) -> Result<(), PartyError> {
        let party = self.find(id)?;
        let mut party = party.lock();
        party.check_leader(by)?;
        if by == whom.session {
            return Err(PartyError::RemoveSelf);
        }
        if party.members().contains(whom) {
            self.take_out(id, &mut party, whom.session);
            self.voice.tell(id, whom.session, News::Closed);
        } else if party.requests().contains(whom) {
            party.drop_request(whom.session);
        } else {
            return Err(PartyError::NotMember);
        }
        self.unnote(whom.session, id.id);
        Ok(())
    }

    /// Ends a party for all.
    ///
    /// # Errors
    /// [`PartyError::NotFound`], [`PartyError::NotLeader`].
    pub fn close(&self, by: SessionId, id: &PartyId) -> Result<(), PartyError> {
        let party = self.find(id)?;
        let mut party = party.lock();
        party.check_leader(by)?;
        self.voice.tell_all(id, News::Closed);
        let (members, requests) = party.end();
        for member in &members {
            self.voice.leave(id, member.session);
        }
        self.table.write().remove(&id.id);
        for who in members.iter().chain(&requests) {
            self.unnote(who.session, id.id);
        }
        self.voice.changed(id);
        Ok(())
    }

    /// Changes what a party is for those who look for one, and tells its members.
    ///
    /// # Errors
    /// [`PartyError::NotFound`], [`PartyError::NotLeader`], those of labels.
    pub fn update(
        &self,
        by: SessionId,
        id: &PartyId,
        open: bool,
        hidden: bool,
        label: &str,
    ) -> Result<(), PartyError> {
        let party = self.find(id)?;
        let mut party = party.lock();
        party.check_leader(by)?;
        let label = self.label(label, hidden)?;
        party.terms = Terms { open, hidden, label };
        let terms = &party.terms;
        self.voice.tell_all(id, News::Updated { open, hidden, label: &terms.label });
        Ok(())
    }

    /// Those who ask to join, in the order in which they asked.
    ///
    /// # Errors
    /// [`PartyError::NotFound`], [`PartyError::NotLeader`].
    pub fn requests(&self, by: SessionId, id: &PartyId) -> Result<Vec<Member>, PartyError> {
        let party = self.find(id)?;
        let party = party.lock();
        party.check_leader(by)?;
        Ok(party.requests().to_vec())
    }

    /// The members, for one who leads: who looks for matches together.
    ///
    /// # Errors
    /// [`PartyError::NotFound`], [`PartyError::NotLeader`].
    pub fn led_by(&self, by: SessionId, id: &PartyId) -> Result<Vec<Member>, PartyError> {
        let party = self.find(id)?;
        let party = party.lock();
        party.check_leader(by)?;
        Ok(party.members().to_vec())
    }

    /// A member, for data that it sends to the others.
    ///
    /// # Errors
    /// [`PartyError::NotFound`], [`PartyError::NotMember`].
    pub fn check_member(&self, session: SessionId, id: &PartyId) -> Result<(), PartyError> {
        let party = self.find(id)?;
        let inside = party.lock().is_in(session);
        if inside { Ok(()) } else { Err(PartyError::NotMember) }
    }

    /// A part of the parties, newest first. Walks them all.
    ///
    /// # Errors
    /// [`PartyError::Limit`], [`PartyError::Cursor`], [`PartyError::Query`].
    pub fn list(&self, listing: &Listing<'_>) -> Result<Page, PartyError> {
        let wanted = Wanted::new(listing)?;
        let all: Vec<_> =
            self.table.read().iter().map(|(id, party)| (*id, Arc::clone(party))).collect();
        let mut found: Vec<(Key, Listed)> = Vec::new();
        for (id, party) in all {
            let party = party.lock();
            let key = (party.created, id);
            if wanted.takes(key, &party) {
                found.push((key, self.listed(id, &party)));
            }
        }
        found.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        let more = found.len() > wanted.limit;
        found.truncate(wanted.limit);
        let last = found.last().map(|(key, _)| *key);
        let cursor = last.filter(|_| more).map(cursor);
        Ok(Page { parties: found.into_iter().map(|(_, listed)| listed).collect(), cursor })
    }

    fn listed(&self, id: Uuid, party: &Party) -> Listed {
        let Terms { open, hidden, label } = party.terms.clone();
        let label = if label.is_empty() { "{}".to_owned() } else { label };
        let id = PartyId { id, node: self.node.clone() };
        Listed { id, open, hidden, max_size: party.max_size, label }
    }

    fn find(&self, id: &PartyId) -> Result<Arc<Mutex<Party>>, PartyError> {
        if id.node != self.node {
            return Err(PartyError::NotFound);
        }
        self.table.read().get(&id.id).cloned().ok_or(PartyError::NotFound)
    }

    fn label(&self, label: &str, hidden: bool) -> Result<String, PartyError> {
        let limit = self.config.max_label_bytes;
        if label.len() > limit {
            return Err(PartyError::LabelTooLong { limit });
        }
        if label.is_empty() {
            return Ok(String::new());
        }
        check_json_object(label, limit).map_err(|_| PartyError::Label)?;
        if hidden && label.trim() != "{}" {
            return Err(PartyError::HiddenLabel);
        }
        Ok(label.to_owned())
    }

    /// Shows one in the party and tells them what it is.
    fn bring_in(&self, id: &PartyId, party: &mut Party, who: Member) -> Result<(), PartyError> {
        if let Err(error) = self.voice.enter(id, &who) {
            self.unnote(who.session, id.id);
            return Err(PartyError::Entering(error));
        }
        party.add(who.clone());
        let leader = party.leader().cloned().unwrap_or_else(|| who.clone());
        self.voice.tell(id, who.session, News::Joined(&snapshot(id, party, leader)));
        self.voice.changed(id);
        Ok(())
    }

    /// Takes a member out of the party; who leads next is told.
    fn take_out(&self, id: &PartyId, party: &mut Party, session: SessionId) {
        match party.remove(session) {
            Left::Nothing => return,
            Left::Stays { leads } => {
                self.voice.leave(id, session);
                if let Some(leader) = leads {
                    self.voice.tell_all(id, News::Leader(&leader));
                }
            }
            Left::Over => {
                self.voice.leave(id, session);
                let (_, requests) = party.end();
                self.table.write().remove(&id.id);
                for request in requests {
                    self.unnote(request.session, id.id);
                    self.voice.tell(id, request.session, News::Closed);
                }
            }
        }
        self.voice.changed(id);
    }

    fn note(&self, session: SessionId, party: Uuid) -> Result<(), PartyError> {
        let limit = self.config.max_per_session;
        let mut sessions = self.sessions.lock();
        let parties = sessions.entry(session).or_default();
        if parties.contains(&party) {
            return Ok(());
        }
        if parties.len() >= limit {
            return Err(PartyError::TooMany { limit });
        }
        parties.push(party);
        Ok(())
    }

    fn unnote(&self, session: SessionId, party: Uuid) {
        let mut sessions = self.sessions.lock();
        if let Some(parties) = sessions.get_mut(&session) {
            parties.retain(|known| *known != party);
            if parties.is_empty() {
                sessions.remove(&session);
            }
        }
    }
}

fn snapshot(id: &PartyId, party: &Party, leader: Member) -> Snapshot {
    Snapshot {
        id: id.clone(),
        open: party.terms.open,
        hidden: party.terms.hidden,
        max_size: party.max_size,
        label: party.terms.label.clone(),
        leader,
        members: party.members().to_vec(),
    }
}
