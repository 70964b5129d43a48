//! The task of a match: it alone calls the handler.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use hashbrown::HashMap;
use tavern_domain::{Presence, PresenceReason, SessionId};
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::matches::{
    JoinAnswer, JoinAttempt, MatchContext, MatchHandler, MatchPlayer, SignalAnswer, Step,
};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::inbox::{Attempted, Control};
use super::shared::Shared;

/// Why a match ended.
enum Ending {
    /// It wanted to.
    Done,
    /// It was empty for too long.
    Idle,
    /// The server stops.
    Stopped,
    /// A callback failed.
    Failed(&'static str, HookError),
}

/// A callback whose panic is an error of its own.
pub(super) async fn guarded<T>(
    callback: impl Future<Output = Result<T, HookError>>,
) -> Result<T, HookError> {
    AssertUnwindSafe(callback).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(HookError::internal(format!("the callback panicked: {text}")))
    })
}

/// Waits for a moment that may never come.
async fn over(ends: Option<Instant>) {
    match ends {
        Some(ends) => tokio::time::sleep_until(ends).await,
        None => std::future::pending().await,
    }
}

/// Runs a match to its end, and clears the stage.
pub(super) async fn live(
    shared: Arc<Shared>,
    handler: Box<dyn MatchHandler>,
    stop: &CancellationToken,
) {
    let mut running = Running {
        shared: Arc::clone(&shared),
        handler,
        players: HashMap::new(),
        expected: Vec::new(),
        tick: 0,
        empty_since: Some(Instant::now()),
        ends: None,
    };
    let ending = tokio::select! {
        biased;
        () = stop.cancelled() => Ending::Stopped,
        ending = running.run() => ending,
    };
    shared.inbox.close();
    let id = shared.id.to_string();
    let handler = &*shared.handler;
    let failed = match &ending {
        Ending::Done => false,
        Ending::Stopped => {
            tracing::info!(id, handler, tick = running.tick, "match ended with the server");
            false
        }
        Ending::Idle => {
            tracing::info!(id, handler, tick = running.tick, "match ended: nobody was in it");
            false
        }
        Ending::Failed(callback, error) => {
            let error: &dyn std::error::Error = error;
            tracing::error!(id, handler, tick = running.tick, callback, error, "match failed");
            shared.meters.failed.increment(1);
            true
        }
    };
    shared.flush();
    shared.stage.dismiss(&shared.stream, failed);
}

struct Running {
    shared: Arc<Shared>,
    handler: Box<dyn MatchHandler>,
    /// Those of whom the handler was told that they are in.
    players: HashMap<SessionId, MatchPlayer>,
    /// Those who were accepted and have not come yet, in the order of their deadlines.
    expected: Vec<(Instant, MatchPlayer)>,
    tick: i64,
    empty_since: Option<Instant>,
    /// When the time after the call of `terminate` is over.
    ends: Option<Instant>,
}

/// What ends a match is an error, so that `?` can be used.
type Turn<T = ()> = Result<T, Ending>;

impl Running {
    async fn run(&mut self) -> Ending {
        match self.forever().await {
            Ok(never) => never,
            Err(ending) => ending,
        }
    }

    async fn forever(&mut self) -> Turn<Ending> {
        let rate = self.shared.tick_rate.load(Ordering::Relaxed);
        let period = Duration::from_secs(1) / u32::try_from(rate).unwrap_or(1).max(1);
        let shared = Arc::clone(&self.shared);
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let ends = self.ends;
            tokio::select! {
                biased;
                () = over(ends) => return Err(Ending::Stopped),
                due = ticks.tick() => self.turn(due, period).await?,
                () = shared.inbox.wake() => self.controls().await?,
            }
        }
    }

    /// One loop of the match.
    async fn turn(&mut self, due: Instant, period: Duration) -> Turn {
        let now = Instant::now();
        let late = now.saturating_duration_since(due);
        self.shared.meters.lateness.record(late.as_secs_f64() * 1000.0);
        let skipped = late.as_nanos() / period.as_nanos().max(1);
        self.shared.meters.skipped.increment(u64::try_from(skipped).unwrap_or_default());
        // Who came before this loop is told before it, so that nobody speaks who has not come.
        self.controls().await?;
        let messages = self.shared.inbox.take_messages();
        let begun = Instant::now();
        let ran = self.handler.run(self.shared.context(self.tick), messages);
        let step = guarded(ran).await;
        self.shared.meters.looped.record(begun.elapsed().as_secs_f64() * 1000.0);
        self.after("loop", step)?;
        self.tick += 1;
        self.expire(now).await?;
        if self.ends.is_some() && self.players.is_empty() {
            return Err(Ending::Stopped);
        }
        let most = self.shared.config.max_empty;
        let empty = self.empty_since.map(|since| now.saturating_duration_since(since));
        if !most.is_zero() && empty.is_some_and(|empty| empty >= most) {
            return Err(Ending::Idle);
        }
        Ok(())
    }

    /// Everything that was told meanwhile.
    async fn controls(&mut self) -> Turn {
        while let Some(control) = self.shared.inbox.take() {
            match control {
                Control::Attempt { attempt, answer } => self.attempt(*attempt, answer).await?,
                Control::Came(presences) => self.came(&presences).await?,
                Control::Went(presences, reason) => self.went(&presences, reason).await?,
                Control::Abandoned(session) => self.abandoned(session).await?,
                Control::Signal { data, reply } => self.signal(data, reply).await?,
                Control::Terminate { grace } => self.terminate(grace).await?,
            }
        }
        Ok(())
    }

    fn context(&self) -> MatchContext {
        self.shared.context(self.tick)
    }

    fn after(&self, callback: &'static str, step: Result<Step, HookError>) -> Turn {
        self.shared.flush();
        match step {
            Ok(Step::Continue) => Ok(()),
            Ok(Step::End) => Err(Ending::Done),
            Err(error) => Err(Ending::Failed(callback, error)),
        }
    }

    async fn attempt(&mut self, attempt: JoinAttempt, answer: oneshot::Sender<Attempted>) -> Turn {
        if answer.is_closed() {
            return Ok(()); // nobody waits any more
        }
        let player = attempt.player.clone();
        let most = self.shared.config.max_members;
        if self.players.len() + self.expected.len() >= most {
            let reason = "the match has as many players as a match may have".to_owned();
            drop(answer.send(Attempted::Rejected(reason)));
            return Ok(());
        }
        let decided = guarded(self.handler.join_attempt(self.context(), attempt)).await;
        self.shared.flush();
        let said = match decided {
            Ok(JoinAnswer::Accept) => Attempted::Accepted,
            Ok(JoinAnswer::Reject(reason)) => Attempted::Rejected(reason),
            Ok(JoinAnswer::End) => {
                drop(answer.send(Attempted::Ended));
                return Err(Ending::Done);
            }
            Err(error) => {
                drop(answer.send(Attempted::Ended));
                return Err(Ending::Failed("join_attempt", error));
            }
        };
        let accepted = said == Attempted::Accepted;
        if accepted {
            let deadline = Instant::now() + self.shared.config.join_marker_deadline;
            self.expected.push((deadline, player.clone()));
        }
        if answer.send(said).is_err() && accepted {
            self.abandoned(player.session).await?;
        }
        Ok(())
    }

    async fn came(&mut self, presences: &[Presence]) -> Turn {
        let mut new = Vec::with_capacity(presences.len());
        for presence in presences {
            let player = self.player(presence, PresenceReason::Join);
            self.expected.retain(|(_, expected)| expected.session != player.session);
            let known = MatchPlayer { reason: None, ..player.clone() };
            if self.players.insert(player.session, known).is_none() {
                new.push(player);
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        self.empty_since = None;
        let step = guarded(self.handler.join(self.context(), new)).await;
        self.after("join", step)
    }

    async fn went(&mut self, presences: &[Presence], reason: PresenceReason) -> Turn {
        let mut gone = Vec::with_capacity(presences.len());
        for presence in presences {
            if self.players.remove(&presence.session).is_some() {
                gone.push(self.player(presence, reason));
            }
        }
        self.left(gone).await
    }

    async fn left(&mut self, gone: Vec<MatchPlayer>) -> Turn {
        if gone.is_empty() {
            return Ok(());
        }
        if self.players.is_empty() {
            self.empty_since.get_or_insert_with(Instant::now);
        }
        let step = guarded(self.handler.leave(self.context(), gone)).await;
        self.after("leave", step)
    }

    fn player(&self, presence: &Presence, reason: PresenceReason) -> MatchPlayer {
        MatchPlayer {
            user: presence.user,
            session: presence.session,
            username: Arc::clone(&presence.meta.username),
            node: self.shared.node.clone(),
            reason: Some(reason),
        }
    }

    /// One who was accepted does not come.
    async fn abandoned(&mut self, session: SessionId) -> Turn {
        let Some(at) = self.expected.iter().position(|(_, player)| player.session == session)
        else {
            return Ok(());
        };
        let (_, player) = self.expected.remove(at);
        self.left(vec![MatchPlayer { reason: Some(PresenceReason::Disconnect), ..player }]).await
    }

    /// Those who were accepted and did not come in time.
    async fn expire(&mut self, now: Instant) -> Turn {
        let late = self.expected.partition_point(|(deadline, _)| *deadline <= now);
        if late == 0 {
            return Ok(());
        }
        let gone = self.expected.drain(..late).map(|(_, player)| player);
        let reason = Some(PresenceReason::Disconnect);
        let gone = gone.map(|player| MatchPlayer { reason, ..player }).collect();
        self.left(gone).await
    }

    async fn signal(&mut self, data: String, reply: oneshot::Sender<Option<String>>) -> Turn {
        if reply.is_closed() {
            return Ok(()); // nobody waits any more
        }
        let answered = guarded(self.handler.signal(self.context(), data)).await;
        self.shared.flush();
        match answered {
            Ok(SignalAnswer::Reply(text)) => {
                drop(reply.send(Some(text)));
                Ok(())
            }
            Ok(SignalAnswer::End) => Err(Ending::Done),
            Err(error) => Err(Ending::Failed("signal", error)),
        }
    }

    async fn terminate(&mut self, grace: Duration) -> Turn {
        if self.ends.is_some() {
            return Ok(());
        }
        self.ends = Some(Instant::now() + grace);
        let seconds = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        let step = guarded(self.handler.terminate(self.context(), seconds)).await;
        self.after("terminate", step)?;
        if grace.is_zero() || self.players.is_empty() {
            return Err(Ending::Stopped);
        }
        Ok(())
    }
}
