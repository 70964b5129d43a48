//! The registry.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::RwLock;
use tavern_domain::{SessionId, Stream, UserId};

use crate::channel::Channel;
use crate::config::Config;
use crate::error::StreamsError;
use crate::listed::for_each_distinct;
use crate::sessions::{Session, Sessions, give_back, shard_of};
use crate::traits::{Class, CloseReason, InterestSink, Sink};

/// How many locks the stream table is split over. A power of two.
const SHARDS: usize = 128;

#[repr(align(64))] // a cache line each, so that neighbours do not slow each other down
struct Shard<M> {
    table: RwLock<HashTable<Arc<Channel<M>>>>,
    deliveries: AtomicU64,
}

/// Sums for metrics, each exact for a moment of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Open sessions.
    pub sessions: usize,
    /// Streams with a subscriber.
    pub streams: usize,
    /// Pairs of session and stream.
    pub subscriptions: usize,
    /// Messages handed to sinks since the start, one per recipient.
    pub deliveries: u64,
}

/// The sessions of this node and what each listens to. See the crate's header for its guarantees.
///
/// Cheap to share as `Arc<Streams<M>>`; every method may be called from any thread, except from
/// inside a [`Sink`] or an [`InterestSink`].
pub struct Streams<M: Send + Sync + 'static> {
    sessions: Sessions<M>,
    shards: Box<[Shard<M>]>,
    hasher: DefaultHashBuilder,
    subscriptions: AtomicUsize,
    interest: Option<Arc<dyn InterestSink>>,
    config: Config,
}

/// What a [`Streams`] is made of.
#[must_use]
#[derive(Default)]
pub struct Builder {
    config: Config,
    interest: Option<Arc<dyn InterestSink>>,
}

impl Builder {
    /// Other bounds than the default ones.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Who hears of first and last subscribers.
    pub fn interest(mut self, sink: Arc<dyn InterestSink>) -> Self {
        self.interest = Some(sink);
        self
    }

    /// An empty registry.
    #[must_use]
    pub fn build<M: Send + Sync + 'static>(self) -> Streams<M> {
        let shard =
            |_| Shard { table: RwLock::new(HashTable::new()), deliveries: AtomicU64::new(0) };
        Streams {
            sessions: Sessions::new(),
            shards: (0..SHARDS).map(shard).collect(),
            hasher: DefaultHashBuilder::default(),
            subscriptions: AtomicUsize::new(0),
            interest: self.interest,
            config: self.config,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<M: Send + Sync + 'static> fmt::Debug for Streams<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

impl<M: Send + Sync + 'static> Default for Streams<M> {
    fn default() -> Self {
        Builder::default().build()
    }
}

/// Sessions.
impl<M: Send + Sync + 'static> Streams<M> {
    /// A registry with options.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Opens a session. When this has returned, [`close_user`](Self::close_user) reaches it: who
    /// checks the user's right to be here once more now, misses no revocation.
    ///
    /// # Errors
    /// [`StreamsError::AlreadyOpen`].
    pub fn open(
        &self,
        session: SessionId,
        user: UserId,
        sink: Arc<dyn Sink<M>>,
    ) -> Result<(), StreamsError> {
        if self.sessions.insert(session, user, sink) {
            Ok(())
        } else {
            Err(StreamsError::AlreadyOpen { session })
        }
    }

    /// Forgets a session and all its subscriptions, and lets go of its sink; says whether it was
    /// open. Its sink's `close` is not called: this is what its owner does at the end.
    pub fn close_session(&self, session: SessionId) -> bool {
        let Some(session) = self.sessions.remove(session) else { return false };
        let channels = session.channels.lock().take().unwrap_or_default();
        for channel in &channels {
            self.leave(channel, session.id);
        }
        self.subscriptions.fetch_sub(channels.len(), Ordering::Relaxed);
        true
    }

    /// Whether the session is open. With [`close_session`](Self::close_session) done before other
    /// crates forget a session, they can ask here whether it is too late to remember one.
    #[must_use]
    pub fn is_open(&self, session: SessionId) -> bool {
        self.sessions.with(session, |_| ()).is_some()
    }

    /// Whose session it is.
    #[must_use]
    pub fn user_of(&self, session: SessionId) -> Option<UserId> {
        self.sessions.with(session, |s| s.user)
    }

    /// The open sessions of a user, in no order.
    #[must_use]
    pub fn sessions_of(&self, user: UserId) -> Vec<SessionId> {
        self.sessions.of_user(user)
    }

    /// Asks the sink of a session to close; says whether the session is open. It stays open until
    /// [`close_session`](Self::close_session).
    pub fn close(&self, session: SessionId, why: CloseReason) -> bool {
        self.sessions.with(session, |s| s.sink.close(why)).is_some()
    }

    /// Asks the sinks of all sessions of a user to close; returns how many there were.
    pub fn close_user(&self, user: UserId, why: CloseReason) -> usize {
        self.sessions.of_user(user).into_iter().filter(|s| self.close(*s, why)).count()
    }

    /// Asks the sinks of all sessions to close; returns how many there were. Sessions opened
    /// meanwhile may be missed: stop accepting first.
    pub fn close_all(&self, why: CloseReason) -> usize {
        let mut asked = 0;
        self.sessions.for_each(|s| {
            s.sink.close(why);
            asked += 1;
        });
        asked
    }
}

/// Subscriptions.
impl<M: Send + Sync + 'static> Streams<M> {
    /// Subscribes a session to a stream; says whether that is new. When this has returned, nothing
    /// sent from now on is missed.
    ///
    /// # Errors
    /// [`StreamsError::UnknownSession`], also for one that is being closed;
    /// [`StreamsError::TooManySubscriptions`].
    pub fn subscribe(&self, session: SessionId, stream: &Stream) -> Result<bool, StreamsError> {
        let unknown = StreamsError::UnknownSession { session };
        let Some(session) = self.sessions.with(session, Arc::clone) else { return Err(unknown) };
        // Held to the end: a concurrent `close_session` comes before (and is seen here) or after
        // (and sees what is added here).
        let mut channels = session.channels.lock();
        let Some(channels) = channels.as_mut() else { return Err(unknown) };
        let Some(channel) = self.enter(&session, stream, channels.len())? else {
            return Ok(false);
        };
        if channels.capacity() == 0 {
            channels.reserve_exact(2); // most sessions never have more
        }
        channels.push(channel);
        self.subscriptions.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// Ends a subscription; says whether there was one. When this has returned, nothing more of
    /// that stream reaches the session's sink.
    pub fn unsubscribe(&self, session: SessionId, stream: &Stream) -> bool {
        let Some(session) = self.sessions.with(session, Arc::clone) else { return false };
        let mut guard = session.channels.lock();
        let Some(channels) = guard.as_mut() else { return false };
        // A channel that the session is in is alive, hence the one in the table.
        let Some(channel) = self.channel(stream) else { return false };
        let Some(at) = channels.iter().position(|c| Arc::ptr_eq(c, &channel)) else { return false };
        channels.swap_remove(at);
        if channels.capacity() > 32 && channels.len() < channels.capacity() / 8 {
            channels.shrink_to(channels.len() * 2);
        }
        self.leave(&channel, session.id);
        self.subscriptions.fetch_sub(1, Ordering::Relaxed);
        true
    }

    /// Whether the session is subscribed to the stream.
    #[must_use]
    pub fn is_subscribed(&self, session: SessionId, stream: &Stream) -> bool {
        self.channel(stream).is_some_and(|c| c.members.read().get(session).is_some())
    }

    /// What the session is subscribed to, in no order; empty when it is not open.
    #[must_use]
    pub fn subscriptions_of(&self, session: SessionId) -> Vec<Stream> {
        let Some(session) = self.sessions.with(session, Arc::clone) else { return Vec::new() };
        let channels = session.channels.lock();
        channels.iter().flatten().map(|c| c.stream.clone()).collect()
    }

    /// How many sessions of this node are subscribed to the stream.
    #[must_use]
    pub fn subscribers(&self, stream: &Stream) -> usize {
        self.channel(stream).map_or(0, |c| c.members.read().len())
    }

    /// Sums for metrics. Walks the shards, not the sessions.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            sessions: self.sessions.len(),
            streams: self.shards.iter().map(|s| s.table.read().len()).sum(),
            subscriptions: self.subscriptions.load(Ordering::Relaxed),
            deliveries: self.shards.iter().map(|s| s.deliveries.load(Ordering::Relaxed)).sum(),
        }
    }
}

/// Sending. Each returns to how many sinks the message was handed; a sink may still drop it.
impl<M: Send + Sync + 'static> Streams<M> {
    /// To every subscriber.
    pub fn send(&self, stream: &Stream, message: Arc<M>, class: Class) -> usize {
        self.fan_out(stream, |members, count| {
            members.for_each(|_, sink| {
                sink.push(Arc::clone(&message), class);
                *count += 1;
            });
        })
    }

    /// To every subscriber but one.
    pub fn send_except(
        &self,
        stream: &Stream,
        except: SessionId,
        message: Arc<M>,
        class: Class,
    ) -> usize {
        self.fan_out(stream, |members, count| {
            members.for_each(|session, sink| {
                if session != except {
                    sink.push(Arc::clone(&message), class);
                    *count += 1;
                }
            });
        })
    }

    /// To those of the listed sessions that are subscribed, once each.
    pub fn send_to_members(
        &self,
        stream: &Stream,
        sessions: &[SessionId],
        message: Arc<M>,
        class: Class,
    ) -> usize {
        self.fan_out(stream, |members, count| {
            for_each_distinct(sessions, |session| {
                if let Some(sink) = members.get(session) {
                    sink.push(Arc::clone(&message), class);
                    *count += 1;
                }
            });
        })
    }

    /// To every open session, whatever it is subscribed to. Sessions opened meanwhile may be missed.
    pub fn send_to_all(&self, message: &Arc<M>, class: Class) -> usize {
        let mut count = 0;
        self.sessions.for_each(|session| {
            session.sink.push(Arc::clone(message), class);
            count += 1;
        });
        // Any shard will do; these have no stream.
        self.shards[0].deliveries.fetch_add(count as u64, Ordering::Relaxed);
        count
    }

    /// To those of the listed sessions that are open, once each, whatever they are subscribed to.
    pub fn send_to(&self, sessions: &[SessionId], message: Arc<M>, class: Class) -> usize {
        let mut count = 0;
        for_each_distinct(sessions, |session| {
            let pushed = self.sessions.with(session, |s| s.sink.push(Arc::clone(&message), class));
            count += usize::from(pushed.is_some());
        });
        // Any shard will do; these have no stream.
        self.shards[0].deliveries.fetch_add(count as u64, Ordering::Relaxed);
        count
    }
}

/// Channels.
impl<M: Send + Sync + 'static> Streams<M> {
    fn shard(&self, stream: &Stream) -> (&Shard<M>, u64) {
        let hash = self.hasher.hash_one(stream);
        (&self.shards[shard_of(hash, SHARDS)], hash)
    }

    fn channel(&self, stream: &Stream) -> Option<Arc<Channel<M>>> {
        let (shard, hash) = self.shard(stream);
        shard.table.read().find(hash, |c| c.stream == *stream).cloned()
    }

    /// Runs `f` under the channel's read lock, not the table's: a large room does not hold up the
    /// streams that share its shard.
    fn fan_out(
        &self,
        stream: &Stream,
        f: impl FnOnce(&crate::channel::Members<M>, &mut usize),
    ) -> usize {
        let (shard, hash) = self.shard(stream);
        let channel = shard.table.read().find(hash, |c| c.stream == *stream).cloned();
        let mut count = 0;
        if let Some(channel) = channel {
            f(&channel.members.read(), &mut count);
            shard.deliveries.fetch_add(count as u64, Ordering::Relaxed);
        }
        count
    }

    /// Makes the session a member; `None` when it is one already. `held` is how many channels it
    /// is in.
    fn enter(
        &self,
        session: &Session<M>,
        stream: &Stream,
        held: usize,
    ) -> Result<Option<Arc<Channel<M>>>, StreamsError> {
        let limit = self.config.max_subscriptions_per_session;
        let full = || StreamsError::TooManySubscriptions { limit };
        let (shard, hash) = self.shard(stream);
        loop {
            let known = shard.table.read().find(hash, |c| c.stream == *stream).cloned();
            if let Some(channel) = known {
                let mut members = channel.members.write();
                if members.get(session.id).is_some() {
                    return Ok(None);
                }
                if !members.is_empty() {
                    if held >= limit {
                        return Err(full());
                    }
                    members.add(session.id, Arc::clone(&session.sink));
                    drop(members);
                    return Ok(Some(channel));
                }
            }
            if held >= limit {
                return Err(full());
            }
            let fresh = Channel::new(stream, session.id, Arc::clone(&session.sink));
            let mut table = shard.table.write();
            let rehash = |c: &Arc<Channel<M>>| self.hasher.hash_one(&c.stream);
            match table.entry(hash, |c| c.stream == *stream, rehash) {
                Entry::Vacant(slot) => {
                    slot.insert(Arc::clone(&fresh));
                    if let Some(interest) = &self.interest {
                        interest.gained(stream);
                    }
                }
                // Its last member is on its way to take it out: take its place instead, and the
                // interest never ended.
                Entry::Occupied(mut slot) if slot.get().members.read().is_empty() => {
                    *slot.get_mut() = Arc::clone(&fresh);
                }
                // Somebody else was first.
                Entry::Occupied(_) => continue,
            }
            return Ok(Some(fresh));
        }
    }

    /// Takes a member out, and with the last one the channel.
    fn leave(&self, channel: &Arc<Channel<M>>, session: SessionId) {
        let emptied = {
            let mut members = channel.members.write();
            members.remove(session) && members.is_empty()
        };
        if !emptied {
            return;
        }
        let (shard, hash) = self.shard(&channel.stream);
        let mut table = shard.table.write();
        // Not there when a new subscriber has put a fresh channel in its place.
        if let Ok(entry) = table.find_entry(hash, |c| Arc::ptr_eq(c, channel)) {
            entry.remove();
            if let Some(interest) = &self.interest {
                interest.lost(&channel.stream);
            }
            give_back(&mut table, |c| self.hasher.hash_one(&c.stream));
        }
    }
}
