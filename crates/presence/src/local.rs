//! The register of one node: `core` behind locks.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};
use parking_lot::{Mutex, RwLock};
use tavern_domain::{Presence, PresenceMeta, PresenceReason, SessionId, Stream, StreamMode};

use crate::config::Config;
use crate::core::{Change, Shard};
use crate::error::PresenceError;
use crate::replica::RemoteChange;
use crate::traits::{ChangeLog, Count, Include, OpenSessions, PresenceSink, Presences, Tracked};

/// How many locks the streams, and the sessions, are split over. A power of two, and many: a lock
/// is held while the sink hands a diff to everybody on a stream.
const SHARDS: usize = 256;

#[repr(align(64))] // a cache line each, so that neighbours do not slow each other down
struct Aligned<T>(T);

/// The streams that each session is on, in the order in which it joined them.
type Sessions = HashMap<SessionId, Vec<Arc<Stream>>>;

/// Sums for metrics, each exact for a moment of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Pairs of session and stream.
    pub presences: usize,
    /// Streams with somebody on them.
    pub streams: usize,
    /// Sessions that are on a stream.
    pub sessions: usize,
}

/// The register of presences of one node.
///
/// A change holds the lock of its session's shard and inside it that of its stream's shard, both
/// out of 256; reading takes only one of them.
pub struct LocalPresence {
    streams: Box<[Aligned<RwLock<Shard>>]>,
    sessions: Box<[Aligned<Mutex<Sessions>>]>,
    hasher: DefaultHashBuilder,
    sink: Arc<dyn PresenceSink>,
    open: Option<Arc<dyn OpenSessions>>,
    log: Option<Arc<dyn ChangeLog>>,
    config: Config,
}

/// What a [`LocalPresence`] is made of.
#[must_use]
pub struct Builder {
    sink: Arc<dyn PresenceSink>,
    open: Option<Arc<dyn OpenSessions>>,
    log: Option<Arc<dyn ChangeLog>>,
    config: Config,
}

impl Builder {
    /// Other bounds than the default ones.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Who knows which sessions are open; without it, every session is.
    pub fn open_sessions(mut self, open: Arc<dyn OpenSessions>) -> Self {
        self.open = Some(open);
        self
    }

    /// Who hears of every change of this node's sessions, to tell other nodes.
    pub fn change_log(mut self, log: Arc<dyn ChangeLog>) -> Self {
        self.log = Some(log);
        self
    }

    /// An empty register.
    #[must_use]
    pub fn build(self) -> LocalPresence {
        LocalPresence {
            streams: (0..SHARDS).map(|_| Aligned(RwLock::default())).collect(),
            sessions: (0..SHARDS).map(|_| Aligned(Mutex::default())).collect(),
            hasher: DefaultHashBuilder::default(),
            sink: self.sink,
            open: self.open,
            log: self.log,
            config: self.config,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl fmt::Debug for LocalPresence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalPresence").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

/// Picks a shard by bits that the tables inside use last.
fn shard_of(hash: u64) -> usize {
    usize::from(((hash >> 40) & 0xffff) as u16) & (SHARDS - 1)
}

impl LocalPresence {
    /// A register that tells `sink` of its changes.
    pub fn builder(sink: Arc<dyn PresenceSink>) -> Builder {
        Builder { sink, open: None, log: None, config: Config::default() }
    }

    /// Sums for metrics. Walks the shards, not what is in them.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for shard in &self.streams {
            let (streams, presences) = shard.0.read().len();
            totals.streams += streams;
            totals.presences += presences;
        }
        totals.sessions = self.sessions.iter().map(|s| s.0.lock().len()).sum();
        totals
    }

    fn stream_shard(&self, stream: &Stream) -> (&RwLock<Shard>, u64) {
        let hash = self.hasher.hash_one(stream);
        (&self.streams[shard_of(hash)].0, hash)
    }

    fn session_shard(&self, session: SessionId) -> &Mutex<Sessions> {
        &self.sessions[shard_of(self.hasher.hash_one(session))].0
    }

    /// Shows what became of a presence of another node: it is listed, counted and announced like
    /// those of this node. `change` must follow from what was shown before, as those of a
    /// [`Replicator`](crate::replica::Replicator) do; the bounds of the configuration were its own
    /// node's to keep.
    pub fn show(&self, change: &RemoteChange) {
        let RemoteChange { stream, was, now, reason } = change;
        let Some(session) = was.as_ref().or(now.as_ref()).map(|presence| presence.session) else {
            return;
        };
        let mut sessions = self.session_shard(session).lock();
        let (shard, hash) = self.stream_shard(stream);
        let mut shard = shard.write();
        let shown = match (was, now) {
            (Some(_), Some(now)) => {
                let updated = shard.update(hash, stream, session, &now.meta, &self.hasher);
                updated.map(|(_, change)| change)
            }
            (None, Some(now)) => {
                let tracked = shard.track(hash, stream, now, usize::MAX, &self.hasher);
                let change = tracked.ok().and_then(|(_, change)| change);
                if let Some(change) = &change {
                    sessions.entry(session).or_default().push(Arc::clone(&change.stream));
                }
                change
            }
            (Some(_), None) => {
                forget(&mut sessions, session, stream);
                let reason = reason.unwrap_or(PresenceReason::Unknown);
                shard.untrack(hash, stream, session, reason, &self.hasher)
            }
            (None, None) => None,
        };
        if let Some(diff) = shown.as_ref().and_then(Change::diff) {
            self.sink.on_diff(&diff);
        }
    }

    /// Called under the stream's lock, which is what gives the diffs of a stream their order.
    fn announce(&self, change: &Change) {
        if let Some(log) = &self.log {
            match (&change.join, &change.leave) {
                (Some(now), _) => log.put(&change.stream, now),
                (None, Some(was)) => log.gone(&change.stream, was.session, change.reason),
                (None, None) => {}
            }
        }
        if let Some(diff) = change.diff() {
            self.sink.on_diff(&diff);
        }
    }
}

impl Presences for LocalPresence {
    fn track(&self, who: &Presence, stream: &Stream) -> Result<Tracked, PresenceError> {
        let mut sessions = self.session_shard(who.session).lock();
        if self.open.as_ref().is_some_and(|open| !open.is_open(who.session)) {
            return Err(PresenceError::SessionGone { session: who.session });
        }
        let limit = self.config.max_streams_per_session;
        let on = sessions.get(&who.session).map_or(0, Vec::len);
        let (shard, hash) = self.stream_shard(stream);
        let mut shard = shard.write();
        if on >= limit && !has(&shard, hash, stream, who.session, &self.hasher) {
            return Err(PresenceError::TooManyStreams { limit });
        }
        let most = self.config.max_presences_per_stream;
        let (tracked, change) = shard.track(hash, stream, who, most, &self.hasher)?;
        if let Some(change) = change {
            let streams = sessions.entry(who.session).or_default();
            if streams.capacity() == 0 {
                streams.reserve_exact(1); // most sessions are on one stream: their status
            }
            streams.push(Arc::clone(&change.stream));
            self.announce(&change);
        }
        Ok(tracked)
    }

    fn update(
        &self,
        session: SessionId,
        stream: &Stream,
        meta: &Arc<PresenceMeta>,
    ) -> Option<Arc<PresenceMeta>> {
        // The session's lock is not needed: which streams it is on does not change.
        let (shard, hash) = self.stream_shard(stream);
        let mut shard = shard.write();
        let (old, change) = shard.update(hash, stream, session, meta, &self.hasher)?;
        self.announce(&change);
        Some(old)
    }

    fn untrack(&self, session: SessionId, stream: &Stream) -> bool {
        let mut sessions = self.session_shard(session).lock();
        if !forget(&mut sessions, session, stream) {
            return false;
        }
        let (shard, hash) = self.stream_shard(stream);
        let mut shard = shard.write();
        let change = shard.untrack(hash, stream, session, PresenceReason::Leave, &self.hasher);
        debug_assert!(change.is_some(), "a session is on every stream of its list");
        change.inspect(|change| self.announce(change)).is_some()
    }

    fn untrack_all(&self, session: SessionId, reason: PresenceReason) -> usize {
        // Held to the end, or a `track` in between would find the session half gone.
        let mut sessions = self.session_shard(session).lock();
        let Some(streams) = sessions.remove(&session) else { return 0 };
        give_back(&mut sessions);
        for stream in &streams {
            let (shard, hash) = self.stream_shard(stream);
            let mut shard = shard.write();
            let change = shard.untrack(hash, stream, session, reason, &self.hasher);
            debug_assert!(change.is_some(), "a session is on every stream of its list");
            change.inspect(|change| self.announce(change));
        }
        streams.len()
    }

    fn get(&self, session: SessionId, stream: &Stream) -> Option<Presence> {
        let (shard, hash) = self.stream_shard(stream);
        let shard = shard.read();
        let entry = shard.members(hash, stream)?.get(session, &self.hasher)?;
        Some(entry.presence.clone())
    }

    fn is_on(&self, session: SessionId, stream: &Stream) -> bool {
        let (shard, hash) = self.stream_shard(stream);
        has(&shard.read(), hash, stream, session, &self.hasher)
    }

    fn list(&self, stream: &Stream, include: Include) -> Vec<Presence> {
        let (shard, hash) = self.stream_shard(stream);
        shard.read().members(hash, stream).map(|m| m.list(include)).unwrap_or_default()
    }

    fn count(&self, stream: &Stream) -> Count {
        let (shard, hash) = self.stream_shard(stream);
        shard.read().members(hash, stream).map(|m| m.count()).unwrap_or_default()
    }

    fn streams_of(&self, session: SessionId) -> Vec<Stream> {
        let sessions = self.session_shard(session).lock();
        sessions.get(&session).into_iter().flatten().map(|s| (**s).clone()).collect()
    }

    fn streams_of_mode(
        &self,
        mode: StreamMode,
        limit: usize,
        keep: &mut dyn FnMut(&Stream, Count) -> bool,
    ) -> Vec<(Stream, Count)> {
        let mut found = Vec::new();
        for shard in &self.streams {
            shard.0.read().streams_of_mode(mode, limit, keep, &mut found);
        }
        found
    }
}

fn has(
    shard: &Shard,
    hash: u64,
    stream: &Stream,
    session: SessionId,
    hasher: &DefaultHashBuilder,
) -> bool {
    shard.members(hash, stream).is_some_and(|m| m.get(session, hasher).is_some())
}

/// Takes a stream off a session's list; says whether it was on it.
fn forget(sessions: &mut Sessions, session: SessionId, stream: &Stream) -> bool {
    let Some(streams) = sessions.get_mut(&session) else { return false };
    let Some(at) = streams.iter().position(|s| **s == *stream) else { return false };
    streams.remove(at);
    if streams.is_empty() {
        sessions.remove(&session);
        give_back(sessions);
    }
    true
}

/// Returns memory after a wave of departures; rare enough to cost nothing per removal.
fn give_back(sessions: &mut Sessions) {
    if sessions.capacity() > 32 && sessions.len() < sessions.capacity() / 8 {
        sessions.shrink_to(sessions.len() * 2);
    }
}
