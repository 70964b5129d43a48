//! The rules of relayed matches.

use std::fmt;
use std::sync::Arc;

use tavern_domain::{Entropy, MatchId, Presence, PresenceMeta, SessionId, Stream, UserId};
use uuid::Uuid;

use crate::config::Config;
use crate::error::MatchError;
use crate::listing::{Filter, Kind};
use crate::traits::Members;

/// By what right somebody joins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// By knowing the id: somebody must be in.
    Id,
    /// By a genuine token of the matchmaker: the first of those matched finds nobody.
    Token,
}

/// What one who creates or joins a match is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joined {
    /// The match.
    pub id: MatchId,
    /// The members before, in the order in which they came. One who joins again finds itself among
    /// them; one who creates never does.
    pub presences: Vec<Presence>,
    /// The size as the protocol tells it: of a match that is created, with its creator; of one that
    /// is joined, without who joins.
    pub size: usize,
    /// Whether it was not a member before, so that others hear of it.
    pub new: bool,
}

/// Who of a match gets a piece of data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recipients<'a> {
    /// Every member but the sender.
    AllBut(SessionId),
    /// Those listed that are members, once each, be it the sender.
    Only(&'a [SessionId]),
}

/// Where a piece of data goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route<'a> {
    /// The stream of the match.
    pub stream: Stream,
    /// To whom on it.
    pub to: Recipients<'a>,
}

/// The presence that a session shows in a match.
#[must_use]
pub fn member(user: UserId, session: SessionId, username: &Arc<str>) -> Presence {
    let username = Arc::clone(username);
    let meta = PresenceMeta { username, hidden: false, persistence: false, status: None };
    Presence { user, session, meta: Arc::new(meta) }
}

/// Reads a match id as clients write it.
///
/// # Errors
/// [`MatchError::InvalidId`].
pub fn parse_id(text: &str) -> Result<MatchId, MatchError> {
    text.parse().map_err(|_| MatchError::InvalidId)
}

/// Reads the session ids of the recipients that a client lists.
///
/// # Errors
/// [`MatchError::InvalidPresence`] when one is no id; [`MatchError::TooManyPresences`].
pub fn parse_listed<'a>(
    sessions: impl IntoIterator<Item = &'a str>,
    config: &Config,
) -> Result<Vec<SessionId>, MatchError> {
    let limit = config.max_listed_presences;
    let mut listed = Vec::new();
    for text in sessions {
        if listed.len() == limit {
            return Err(MatchError::TooManyPresences { limit });
        }
        listed.push(text.parse().map_err(|_| MatchError::InvalidPresence)?);
    }
    Ok(listed)
}

/// The rules, over whoever keeps the members.
pub struct Relayed<M> {
    members: M,
    chance: Arc<dyn Entropy>,
    config: Config,
}

/// What a [`Relayed`] is made of.
#[must_use]
pub struct Builder<M> {
    members: M,
    chance: Arc<dyn Entropy>,
    config: Config,
}

impl<M: Members> Builder<M> {
    /// Other bounds than the default ones.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The rules.
    #[must_use]
    pub fn build(self) -> Relayed<M> {
        Relayed { members: self.members, chance: self.chance, config: self.config }
    }
}

impl<M> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for Relayed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relayed").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<M: Members> Relayed<M> {
    /// Rules over `members`; new ids come from `chance`.
    pub fn builder(members: M, chance: Arc<dyn Entropy>) -> Builder<M> {
        Builder { members, chance, config: Config::default() }
    }

    /// The bounds in force, for [`parse_listed`].
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Creates a match of its own for `who`, or with a name, the one of all who use that name.
    /// An empty name is none.
    ///
    /// # Errors
    /// [`MatchError::NameTooLong`], [`MatchError::Full`] for a name that many use, and
    /// [`MatchError::Refused`].
    pub fn create(&self, who: &Presence, name: &str) -> Result<Joined, MatchError> {
        let limit = self.config.max_name_bytes;
        if name.len() > limit {
            return Err(MatchError::NameTooLong { limit });
        }
        let id = match name {
            "" => MatchId::relayed(self.chance.uuid_v4()),
            name => MatchId::relayed_by_name(name),
        };
        let mut joined = self.enter(who, id)?;
        joined.presences.retain(|p| p.session != who.session);
        joined.size = joined.presences.len() + 1;
        Ok(joined)
    }

    /// Joins a match. Joining again changes nothing and is no error.
    ///
    /// The last member may leave at the very moment in which another joins by id: then that one is
    /// alone in the match.
    ///
    /// # Errors
    /// [`MatchError::NotFound`] when nobody is in and no token admits, or the server runs the match;
    /// [`MatchError::Full`] and [`MatchError::Refused`].
    pub fn join(&self, who: &Presence, id: &MatchId, by: Admission) -> Result<Joined, MatchError> {
        let stream = stream_of(id).ok_or(MatchError::NotFound)?;
        if by == Admission::Id && self.members.size(&stream) == 0 {
            return Err(MatchError::NotFound);
        }
        self.enter(who, id.clone())
    }

    fn enter(&self, who: &Presence, id: MatchId) -> Result<Joined, MatchError> {
        let stream = stream_of(&id).ok_or(MatchError::NotFound)?;
        let limit = self.config.max_members;
        if self.members.size(&stream) >= limit && !self.members.is_member(&stream, who.session) {
            return Err(MatchError::Full { limit });
        }
        let entered = self.members.enter(&stream, who)?;
        let size = entered.before.len();
        Ok(Joined { id, presences: entered.before, size, new: entered.new })
    }

    /// Leaves a match; says whether the session was in. To leave what one is not in is no error.
    pub fn leave(&self, session: SessionId, id: &MatchId) -> bool {
        stream_of(id).is_some_and(|stream| self.members.leave(&stream, session))
    }

    /// How many are in a match; nobody is in one that the server runs.
    #[must_use]
    pub fn size(&self, id: &MatchId) -> usize {
        stream_of(id).map_or(0, |stream| self.members.size(&stream))
    }

    /// Says where data from `sender` goes: to all other members, or to those `listed` if there are
    /// any. `None`: nowhere, for the sender is no member.
    #[must_use]
    pub fn route<'a>(
        &self,
        sender: SessionId,
        id: &MatchId,
        listed: &'a [SessionId],
    ) -> Option<Route<'a>> {
        let stream = stream_of(id).filter(|stream| self.members.is_member(stream, sender))?;
        let to = match listed {
            [] => Recipients::AllBut(sender),
            listed => Recipients::Only(listed),
        };
        Some(Route { stream, to })
    }

    /// The relayed matches of a listing and their sizes, in no order; none when it is about others.
    #[must_use]
    pub fn list(&self, filter: &Filter) -> Vec<(MatchId, usize)> {
        match filter.kind {
            Kind::Authoritative => Vec::new(),
            Kind::Relayed | Kind::Any => {
                let found = self.members.matches(filter.limit, &mut |size| filter.wants(size));
                found.into_iter().map(|(id, size)| (MatchId::relayed(id), size)).collect()
            }
        }
    }
}

/// The stream of a relayed match; `None` for one that the server runs.
fn stream_of(id: &MatchId) -> Option<Stream> {
    let relayed: Option<Uuid> = id.node.is_none().then_some(id.id);
    relayed.map(Stream::relayed_match)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_recipients_are_read_and_bounded() {
        let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
        let config = Config { max_listed_presences: 2, ..Config::default() };
        let read = |texts: &[&'static str]| parse_listed(texts.iter().copied(), &config);
        assert_eq!(read(&[]).unwrap(), []);
        assert_eq!(read(&[id, id]).unwrap().len(), 2);
        assert!(matches!(read(&[id, "x"]), Err(MatchError::InvalidPresence)));
        assert!(matches!(read(&[id, id, id]), Err(MatchError::TooManyPresences { limit: 2 })));
    }

    #[test]
    fn a_match_that_the_server_runs_has_no_relayed_stream() {
        let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
        assert!(stream_of(&parse_id(&format!("{id}.node")).unwrap()).is_none());
        assert!(stream_of(&parse_id(&format!("{id}.")).unwrap()).is_some());
        assert!(matches!(parse_id(id), Err(MatchError::InvalidId)));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".{0,60}", tail in ".{0,20}") {
            for text in [text.clone(), format!("7c9e6679-7425-40de-944b-e07fc1f90ae7.{tail}")] {
                if let Ok(id) = parse_id(&text) {
                    proptest::prop_assert_eq!(id.to_string(), text.to_lowercase().split('.').next()
                        .map(|uuid| format!("{uuid}.{}", id.node.as_ref().map_or("", |n| n.as_str())))
                        .unwrap_or_default());
                }
            }
        }
    }
}
