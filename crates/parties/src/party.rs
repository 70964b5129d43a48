//! One party, as a value.

use std::sync::Arc;

use tavern_domain::{SessionId, Timestamp, UserId};

use crate::error::PartyError;

/// A session in a party, or one that asks to join.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Member {
    pub user: UserId,
    pub session: SessionId,
    pub username: Arc<str>,
}

/// What a party is for those who look for one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Terms {
    pub(crate) open: bool,
    pub(crate) hidden: bool,
    pub(crate) label: String,
}

/// Who is in, who leads and who asks.
#[derive(Debug)]
pub(crate) struct Party {
    pub(crate) terms: Terms,
    pub(crate) max_size: u32,
    pub(crate) created: Timestamp,
    leader: SessionId,
    /// In the order in which they came. Empty once it is over.
    members: Vec<Member>,
    /// In the order in which they asked.
    requests: Vec<Member>,
}

/// What came of one who left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// They were not in.
    Nothing,
    /// Others stay.
    Stays {
        /// Who leads from now on, if the leader has left.
        leads: Option<Member>,
    },
    /// Nobody is left.
    Over,
}

impl Party {
    pub(crate) fn new(terms: Terms, max_size: u32, founder: Member, created: Timestamp) -> Self {
        let leader = founder.session;
        Self { terms, max_size, created, leader, members: vec![founder], requests: Vec::new() }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(crate) fn is_in(&self, session: SessionId) -> bool {
        self.members.iter().any(|member| member.session == session)
    }

    /// The leader; `None` once it is over.
    pub(crate) fn leader(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.session == self.leader)
    }

    pub(crate) fn check_leader(&self, session: SessionId) -> Result<(), PartyError> {
        if self.is_over() {
            Err(PartyError::NotFound)
        } else if self.leader == session {
            Ok(())
        } else {
            Err(PartyError::NotLeader)
        }
    }

    fn check_room(&self) -> Result<(), PartyError> {
        let most = usize::try_from(self.max_size).unwrap_or(usize::MAX);
        if self.members.len() < most { Ok(()) } else { Err(PartyError::Full) }
    }

    /// Whether one may come in at once; if not, the request is kept.
    pub(crate) fn knock(&mut self, who: &Member) -> Result<bool, PartyError> {
        if self.is_over() {
            return Err(PartyError::NotFound);
        }
        if self.members.iter().any(|member| member.user == who.user) {
            return Err(PartyError::AlreadyMember);
        }
        self.check_room()?;
        if self.terms.open {
            return Ok(true);
        }
        if self.requests.iter().any(|request| request.user == who.user) {
            return Err(PartyError::Duplicate);
        }
        if self.requests.len() >= usize::try_from(self.max_size).unwrap_or(usize::MAX) {
            return Err(PartyError::RequestsFull);
        }
        self.requests.push(who.clone());
        Ok(false)
    }

    /// Takes up a request.
    pub(crate) fn accept(&mut self, who: &Member) -> Result<Member, PartyError> {
        self.check_room()?;
        let asks = self.requests.contains(who);
        asks.then(|| self.drop_request(who.session)).flatten().ok_or(PartyError::NotAsking)
    }

    pub(crate) fn drop_request(&mut self, session: SessionId) -> Option<Member> {
        let at = self.requests.iter().position(|request| request.session == session)?;
        Some(self.requests.remove(at))
    }

    pub(crate) fn requests(&self) -> &[Member] {
        &self.requests
    }

    pub(crate) fn add(&mut self, who: Member) {
        self.members.push(who);
    }

    /// Makes a member the leader.
    pub(crate) fn promote(&mut self, who: &Member) -> Result<Member, PartyError> {
        if !self.members.contains(who) {
            return Err(PartyError::NotMember);
        }
        self.leader = who.session;
        Ok(who.clone())
    }

    pub(crate) fn remove(&mut self, session: SessionId) -> Left {
        let Some(at) = self.members.iter().position(|member| member.session == session) else {
            return Left::Nothing;
        };
        self.members.remove(at);
        match self.members.first() {
            None => Left::Over,
            Some(oldest) if self.leader == session => {
                self.leader = oldest.session;
                Left::Stays { leads: Some(oldest.clone()) }
            }
            Some(_) => Left::Stays { leads: None },
        }
    }

    /// Ends it; answers who was in and who asked.
    pub(crate) fn end(&mut self) -> (Vec<Member>, Vec<Member>) {
        (std::mem::take(&mut self.members), std::mem::take(&mut self.requests))
    }
}
