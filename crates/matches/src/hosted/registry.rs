//! The register of the matches that this node runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tavern_domain::{Clock, Entropy, Lifecycle, MatchId, NodeName, Presence, SessionId};
use tavern_runtime_hooks::Value;
use tavern_runtime_hooks::matches::{JoinAttempt, MatchHandlers, MatchMessage};
use tokio::time::Instant;

use super::config::{ANSWER_WITHIN, HostedConfig, MOST_MATCHES, ROOM_WITHIN};
use super::inbox::{Attempted, Control, Inboxes, NotTaken};
use super::labels::{Labels, parse};
use super::meters::HostedMeters;
use super::shared::{MatchInfo, Shared, Stage};
use super::task;
use crate::error::MatchError;
use crate::listing::{Filter, Kind};

/// What a [`Hosted`] is made of.
pub struct HostedParts {
    /// This node.
    pub node: NodeName,
    /// The players.
    pub stage: Arc<dyn Stage>,
    /// Where who comes and goes is told.
    pub inboxes: Arc<Inboxes>,
    /// What matches are made of.
    pub handlers: Arc<MatchHandlers>,
    /// What the tasks of matches belong to.
    pub life: Lifecycle,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub chance: Arc<dyn Entropy>,
    /// What is measured.
    pub meters: HostedMeters,
    /// Bounds.
    pub config: HostedConfig,
}

/// What one who joins is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admitted {
    /// The match.
    pub info: MatchInfo,
    /// The members before, in the order in which they came; one who was in is among them.
    pub presences: Vec<Presence>,
}

/// What became of a player's data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// The match gets it with its next loop.
    Taken,
    /// There is no such match, or the player is not in it.
    Nowhere,
    /// The match did not make room for it in time.
    Dropped,
}

/// The matches that this node runs. Dropping it ends none: their tasks belong to the life of the
/// process.
pub struct Hosted {
    parts: HostedParts,
    labels: Arc<Labels>,
    stopping: AtomicBool,
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted").field("matches", &self.count()).finish_non_exhaustive()
    }
}

impl Hosted {
    /// A register of no match.
    #[must_use]
    pub fn new(parts: HostedParts) -> Self {
        let labels = Arc::new(Labels::new(parts.config.label_update_interval));
        Self { parts, labels, stopping: AtomicBool::new(false) }
    }

    /// What matches are made of.
    #[must_use]
    pub fn handlers(&self) -> &Arc<MatchHandlers> {
        &self.parts.handlers
    }

    /// How many matches run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.parts.inboxes.len()
    }

    /// Makes a match of the handler of this name, and starts it.
    ///
    /// # Errors
    /// [`MatchError::UnknownHandler`], [`MatchError::Handler`] when it fails,
    /// [`MatchError::TickRate`], [`MatchError::TooManyMatches`], and [`MatchError::Stopping`].
    pub async fn create(&self, handler: &str, params: Value) -> Result<MatchId, MatchError> {
        let parts = &self.parts;
        let unknown = || MatchError::UnknownHandler { name: handler.to_owned() };
        let factory = parts.handlers.get(handler).ok_or_else(unknown)?;
        if self.stopping.load(Ordering::SeqCst) {
            return Err(MatchError::Stopping);
        }
        if self.count() >= MOST_MATCHES {
            return Err(MatchError::TooManyMatches { limit: MOST_MATCHES });
        }
        let id = MatchId { id: parts.chance.uuid_v4(), node: Some(parts.node.clone()) };
        let shared = Arc::new(Shared::new(
            (id.clone(), parts.node.clone()),
            handler.into(),
            (Arc::clone(&parts.stage), Arc::clone(&self.labels)),
            parts.config.clone(),
            parts.meters.clone(),
        ));
        let made = task::guarded(factory.init(shared.context(0), params));
        let made = made.await.map_err(MatchError::Handler)?;
        let rate = usize::try_from(made.tick_rate).ok().filter(|rate| (1..=60).contains(rate));
        let rate = rate.ok_or(MatchError::TickRate { rate: made.tick_rate })?;
        shared.tick_rate.store(rate, Ordering::Relaxed);
        shared.set_label(&made.label).map_err(MatchError::Handler)?;
        parts.inboxes.add(Arc::clone(&shared));
        self.labels.add(&shared, parts.clock.now());
        parts.meters.running.began();
        let (inboxes, stop) = (Arc::clone(&parts.inboxes), parts.life.abort().clone());
        drop(parts.life.spawn(async move {
            task::live(Arc::clone(&shared), made.handler, &stop).await;
            inboxes.remove(shared.id.id);
            shared.labels.remove(shared.id.id);
            shared.meters.running.ended();
        }));
        Ok(id)
    }

    fn find(&self, id: &MatchId) -> Option<Arc<Shared>> {
        let here = id.node.as_ref() == Some(&self.parts.node);
        here.then(|| self.parts.inboxes.get(id.id)).flatten()
    }

    /// What is known of a match; `None` when this node does not run it.
    #[must_use]
    pub fn get(&self, id: &MatchId) -> Option<MatchInfo> {
        self.find(id).map(|shared| shared.info())
    }

    /// Asks the match whether a player may join, and brings the player in. One who is in already
    /// is answered at once.
    ///
    /// # Errors
    /// [`MatchError::NotFound`]; [`MatchError::Rejected`] when the match says no, does not answer
    /// within 10 seconds, or too many wait; [`MatchError::Full`]; [`MatchError::Refused`].
    pub async fn join(
        &self,
        id: &MatchId,
        who: &Presence,
        attempt: JoinAttempt,
    ) -> Result<Admitted, MatchError> {
        let shared = self.find(id).ok_or(MatchError::NotFound)?;
        let stage = &self.parts.stage;
        if !stage.is_member(&shared.stream, who.session) {
            self.ask(&shared, attempt).await?;
        }
        let entered = stage.enter(&shared.stream, who).inspect_err(|_| {
            shared.inbox.tell(Control::Abandoned(who.session));
        })?;
        // The match may have ended meanwhile: then its end has not seen this player.
        if shared.inbox.is_closed() {
            stage.leave(&shared.stream, who.session);
            return Err(MatchError::NotFound);
        }
        Ok(Admitted { info: shared.info(), presences: entered.before })
    }

    async fn ask(&self, shared: &Shared, attempt: JoinAttempt) -> Result<(), MatchError> {
        let config = &self.parts.config;
        if self.stopping.load(Ordering::SeqCst) {
            return Err(rejected("the server is stopping"));
        }
        if shared.size() >= config.max_members {
            return Err(MatchError::Full { limit: config.max_members });
        }
        let waiting = shared.inbox.attempt(attempt, config.join_attempt_queue_size);
        let waiting = waiting.map_err(|why| match why {
            NotTaken::Closed => MatchError::NotFound,
            NotTaken::Full => {
                self.parts.meters.attempts_refused.increment(1);
                rejected("too many wait to join this match")
            }
        })?;
        match tokio::time::timeout(ANSWER_WITHIN, waiting).await {
            Ok(Ok(Attempted::Accepted)) => Ok(()),
            Ok(Ok(Attempted::Rejected(reason))) if reason.is_empty() => {
                Err(rejected("the match did not let the player in"))
            }
            Ok(Ok(Attempted::Rejected(reason))) => Err(rejected(reason)),
            Ok(Ok(Attempted::Ended) | Err(_)) => Err(rejected("the match has ended")),
            Err(_) => Err(rejected("the match did not answer in time")),
        }
    }

    /// Leaves a match; says whether the session was in.
    pub fn leave(&self, id: &MatchId, session: SessionId) -> bool {
        let Some(shared) = self.find(id) else { return false };
        self.parts.stage.leave(&shared.stream, session)
    }

    /// Hands a player's data to a match. Waits for room at most a second, and only with data that
    /// must arrive.
    pub async fn send(&self, id: &MatchId, message: MatchMessage) -> Sent {
        let Some(shared) = self.find(id) else { return Sent::Nowhere };
        if !self.parts.stage.is_member(&shared.stream, message.sender.session) {
            return Sent::Nowhere;
        }
        let deadline = Instant::now() + ROOM_WITHIN;
        match shared.inbox.message(message, || shared.input_room(), deadline).await {
            Ok(()) => Sent::Taken,
            Err(NotTaken::Closed) => Sent::Nowhere,
            Err(NotTaken::Full) => {
                self.parts.meters.input_dropped.increment(1);
                Sent::Dropped
            }
        }
    }

    /// Sends a signal to a match and waits for the reply, at most 10 seconds.
    ///
    /// # Errors
    /// [`MatchError::NotFound`], also when the match ends instead of replying;
    /// [`MatchError::Busy`].
    pub async fn signal(&self, id: &MatchId, data: String) -> Result<String, MatchError> {
        let shared = self.find(id).ok_or(MatchError::NotFound)?;
        let waiting = shared.inbox.signal(data, self.parts.config.signal_queue_size);
        let waiting = waiting.map_err(|why| match why {
            NotTaken::Closed => MatchError::NotFound,
            NotTaken::Full => {
                self.parts.meters.signals_refused.increment(1);
                MatchError::Busy
            }
        })?;
        match tokio::time::timeout(ANSWER_WITHIN, waiting).await {
            Ok(Ok(Some(reply))) => Ok(reply),
            Ok(Ok(None) | Err(_)) => Err(MatchError::NotFound),
            Err(_) => Err(MatchError::Busy),
        }
    }

    /// The matches of a listing, best first, of equals the newest first; none when it is about
    /// others. A query goes before a label.
    ///
    /// # Errors
    /// [`MatchError::BadQuery`].
    pub fn list(
        &self,
        filter: &Filter,
        label: Option<&str>,
        query: Option<&str>,
    ) -> Result<Vec<MatchInfo>, MatchError> {
        let query = query.map(parse).transpose()?;
        if filter.kind == Kind::Relayed {
            return Ok(Vec::new());
        }
        Ok(self.labels.list(filter, label, query.as_ref()))
    }

    /// Takes no new match and no new player, tells every match that the server stops in `grace`,
    /// and waits until all have ended or the time is over; answers how many have not.
    pub async fn shut_down(&self, grace: Duration) -> usize {
        self.stopping.store(true, Ordering::SeqCst);
        let running = self.parts.inboxes.all();
        for shared in &running {
            shared.inbox.tell(Control::Terminate { grace });
        }
        // They end when the time is over, not before; let them finish.
        let deadline = Instant::now() + grace + Duration::from_millis(200);
        let in_time = tokio::time::timeout_at(deadline, self.parts.inboxes.empty()).await.is_ok();
        if in_time { 0 } else { self.count() }
    }
}

fn rejected(reason: impl Into<String>) -> MatchError {
    MatchError::Rejected { reason: reason.into() }
}
