//! What waits for one socket, and what need not: a message for a session at rest is written at
//! once, see `direct.rs`.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use tavern_api::{Class, CloseReason, Sink};
use tavern_protocol::{Format, Outgoing};
use tokio::net::tcp::OwnedWriteHalf;

use super::Parts;
use super::direct::{Direct, Sent};

/// A queue longer than this gives its memory back when it is empty.
const KEPT: usize = 16;

/// So many times as many messages may wait while there is no socket, and until the next one has
/// caught up. Bytes are bounded as ever.
const WIDER: usize = 16;

/// The bounded queue in front of a socket.
///
/// When it is full, messages that may be lost go first, the oldest first; when none is left and the
/// new one must not be lost, everything is thrown away and the session ends with
/// [`CloseReason::Overflow`].
///
/// It belongs to a session, which may come to have another socket: see `parking.rs`.
pub(crate) struct Outbox {
    inner: Mutex<Inner>,
    /// The length of the queue, readable without the lock.
    queued: AtomicUsize,
    format: Format,
    parts: Arc<Parts>,
}

struct Inner {
    queue: VecDeque<Waiting>,
    bytes: usize,
    /// How many of the queue may be lost.
    unreliable: usize,
    state: State,
    /// Set while the session's task sleeps.
    waker: Option<Waker>,
    /// The way past the queue.
    direct: Direct,
    /// More may wait than usual.
    wide: bool,
    /// Somebody wants to know whether the socket works.
    probe: bool,
}

struct Waiting {
    message: Arc<Outgoing>,
    bytes: usize,
    class: Class,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    /// Open without a socket.
    Parked,
    Retiring,
    Closing(CloseReason),
    Shut,
    Aborted,
}

/// What somebody wants of the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// Nothing.
    None,
    /// That it ends when the message being handled is.
    Retire,
    /// That it ends.
    Close(CloseReason),
    /// That it ends without a word.
    Abort,
}

/// What a session finds when it wakes.
#[derive(Debug)]
pub(crate) struct Awake {
    pub(crate) wish: Wish,
    /// To be written before anything else: the rest of a frame. Mostly empty.
    pub(crate) carry: Box<[u8]>,
    /// The client is to be asked for a sign of life.
    pub(crate) probe: bool,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("queued", &self.queued).finish_non_exhaustive()
    }
}

impl Outbox {
    pub(crate) fn new(format: Format, parts: Arc<Parts>) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                queue: VecDeque::new(),
                bytes: 0,
                unreliable: 0,
                state: State::Open,
                waker: None,
                direct: Direct::default(),
                wide: false,
                probe: false,
            }),
            queued: AtomicUsize::new(0),
            format,
            parts,
        })
    }

    /// The format of its socket.
    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Whether the session should write before it reads more: its own answers must not overflow
    /// its own outbox.
    pub(crate) fn wants_writing(&self) -> bool {
        self.queued.load(Ordering::Relaxed) * 4 >= self.parts.settings.queue_messages
    }

    /// The session begins, and `line` leads to its socket past its task.
    pub(crate) fn connect(&self, line: OwnedWriteHalf) {
        self.inner.lock().direct.open(line);
    }

    /// The session's task runs: nobody needs to wake it until it looks again, and nobody writes
    /// to its socket. To be called before the task writes anything.
    pub(crate) fn awake(&self) -> Awake {
        let mut inner = self.inner.lock();
        inner.waker = None;
        let carry = inner.direct.rouse();
        let probe = std::mem::take(&mut inner.probe);
        let wish = match inner.state {
            State::Open | State::Parked | State::Shut => Wish::None,
            State::Retiring => Wish::Retire,
            State::Closing(why) => Wish::Close(why),
            State::Aborted => Wish::Abort,
        };
        Awake { wish, carry, probe }
    }

    /// Asks the session for a sign of life of its client.
    pub(crate) fn probe(&self) {
        let mut inner = self.inner.lock();
        if inner.state != State::Open {
            return;
        }
        inner.probe = true;
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The socket is gone, and another may come: lets go of it and goes on taking messages.
    pub(crate) fn park(&self) {
        let mut inner = self.inner.lock();
        if inner.state == State::Open {
            inner.state = State::Parked;
        }
        inner.direct.shut();
        // The rest of a frame is nothing to the next socket.
        drop(inner.direct.rouse());
        inner.wide = true;
        inner.probe = false;
        inner.waker = None;
    }

    /// The next socket is there; `line` leads to it past its task.
    pub(crate) fn resume(&self, line: Option<OwnedWriteHalf>) {
        let mut inner = self.inner.lock();
        if inner.state == State::Parked {
            inner.state = State::Open;
        }
        inner.waker = None;
        if let Some(line) = line {
            inner.direct.open(line);
        }
    }

    /// Waits, while there is no socket, until somebody wants the session to end.
    pub(crate) async fn ended(&self) {
        poll_fn(|cx| {
            let mut inner = self.inner.lock();
            if inner.state != State::Parked {
                return Poll::Ready(());
            }
            inner.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// The session's task has written everything and sleeps: until it is awake, others may write
    /// to its socket. Nothing happens if something came since the task looked.
    pub(crate) fn rest(&self) {
        let mut inner = self.inner.lock();
        if inner.state == State::Open && inner.queue.is_empty() && inner.waker.is_some() {
            inner.direct.rest();
        }
    }

    /// Takes what waits, in order, until `most_bytes` are reached. Answers whether more is left;
    /// if not, `waker` is woken when something comes.
    pub(crate) fn take(
        &self,
        into: &mut Vec<Arc<Outgoing>>,
        most_bytes: usize,
        waker: &Waker,
    ) -> bool {
        let mut taken = 0;
        let mut inner = self.inner.lock();
        while taken < most_bytes
            && let Some(next) = inner.pop()
        {
            taken += next.bytes;
            into.push(next.message);
        }
        self.queued.store(inner.queue.len(), Ordering::Relaxed);
        if !inner.queue.is_empty() {
            return true;
        }
        if inner.queue.capacity() > KEPT {
            inner.queue = VecDeque::new();
        }
        inner.wide = false;
        inner.waker = Some(waker.clone());
        false
    }

    /// Asks for the end because the server stops: once the message being handled is, with its
    /// answers and all that comes until then.
    pub(crate) fn retire(&self) {
        self.change(State::Retiring);
    }

    /// The message being handled is: nothing more is taken, what waits is still to be written.
    pub(crate) fn seal(&self) {
        let mut inner = self.inner.lock();
        if inner.state == State::Retiring {
            inner.state = State::Closing(CloseReason::ShuttingDown);
        }
    }

    /// Counts a message that was written directly.
    fn sent(&self, bytes: usize) {
        self.parts.meters.sent_messages.increment(1);
        self.parts.meters.sent_bytes.increment(bytes as u64);
    }

    #[cfg(test)]
    pub(super) fn forget_last(&self) {
        self.inner.lock().direct.forget_last();
    }

    /// From open, with or without a socket, to something else, once.
    fn change(&self, state: State) {
        let mut inner = self.inner.lock();
        if !matches!(inner.state, State::Open | State::Parked) {
            return;
        }
        inner.state = state;
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes nothing more, forgets what waits and lets go of the socket. Idempotent.
    pub(crate) fn shut(&self) {
        let mut inner = self.inner.lock();
        if inner.state != State::Aborted {
            inner.state = State::Shut;
        }
        inner.clear();
        inner.direct.shut();
        self.queued.store(0, Ordering::Relaxed);
    }

    /// Asks for the end without a word.
    pub(crate) fn abort(&self) {
        let mut inner = self.inner.lock();
        inner.state = State::Aborted;
        inner.clear();
        self.queued.store(0, Ordering::Relaxed);
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Inner {
    fn pop(&mut self) -> Option<Waiting> {
        let next = self.queue.pop_front()?;
        self.forget(&next);
        Some(next)
    }

    fn forget(&mut self, gone: &Waiting) {
        self.bytes -= gone.bytes;
        self.unreliable -= usize::from(gone.class == Class::Unreliable);
    }

    fn drop_oldest_unreliable(&mut self) -> bool {
        if self.unreliable == 0 {
            return false;
        }
        let oldest = self.queue.iter().position(|w| w.class == Class::Unreliable);
        if let Some(gone) = oldest.and_then(|at| self.queue.remove(at)) {
            self.forget(&gone);
        }
        oldest.is_some()
    }

    fn clear(&mut self) {
        self.queue = VecDeque::new();
        self.bytes = 0;
        self.unreliable = 0;
    }
}

impl Sink<Outgoing> for Outbox {
    fn push(&self, message: Arc<Outgoing>, class: Class) {
        // Encoded outside the lock, by the first who needs it.
        let payload = message.encoded(self.format);
        let bytes = payload.len();
        let (mut dropped, mut overflowed) = (0, false);
        let limits = &self.parts.settings;
        let mut inner = self.inner.lock();
        match inner.state {
            State::Open => match inner.direct.send(payload, self.format) {
                Sent::Whole(bytes) => {
                    drop(inner);
                    return self.sent(bytes);
                }
                Sent::Begun(bytes) => {
                    let waker = inner.waker.take();
                    drop(inner);
                    self.sent(bytes);
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                    return;
                }
                Sent::Nothing => {}
            },
            State::Parked | State::Retiring => {}
            State::Closing(_) | State::Shut | State::Aborted => return,
        }
        let most = limits.queue_messages.saturating_mul(if inner.wide { WIDER } else { 1 });
        let fits = |inner: &Inner| {
            inner.queue.is_empty()
                || (inner.queue.len() < most && inner.bytes + bytes <= limits.queue_bytes)
        };
        while !fits(&inner) && inner.drop_oldest_unreliable() {
            dropped += 1;
        }
        if fits(&inner) {
            inner.bytes += bytes;
            inner.unreliable += usize::from(class == Class::Unreliable);
            inner.queue.push_back(Waiting { message, bytes, class });
        } else if class == Class::Unreliable {
            dropped += 1;
        } else {
            dropped += inner.queue.len() as u64 + 1;
            overflowed = true;
            inner.clear();
            inner.state = State::Closing(CloseReason::Overflow);
        }
        self.queued.store(inner.queue.len(), Ordering::Relaxed);
        // Without a socket there is nobody to write it.
        let waker = if inner.state == State::Parked { None } else { inner.waker.take() };
        drop(inner);
        if dropped > 0 {
            self.parts.meters.sockets.outbox_dropped(dropped);
        }
        if overflowed {
            self.parts.meters.sockets.closed_by_overflow();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn close(&self, why: CloseReason) {
        self.change(State::Closing(why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;
    use std::task::Wake;

    use crate::Config;
    use crate::meters::Meters;
    use crate::settings::Settings;
    use tavern_domain::Lifecycle;
    use tavern_protocol::realtime::{Envelope, Pong};
    use tavern_telemetry::Metrics;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    #[derive(Default)]
    struct Woken(AtomicU64);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn outbox(messages: usize, bytes: usize) -> (Metrics, Arc<Outbox>) {
        let metrics = Metrics::default();
        let config = Config {
            outgoing_queue_size: messages,
            outgoing_queue_bytes: bytes,
            ..Config::default()
        };
        let parts = Arc::new(Parts {
            life: Lifecycle::new(),
            settings: Settings::new(&config).unwrap().socket,
            meters: Arc::new(Meters::new(&metrics)),
            parking: Arc::default(),
        });
        (metrics, Outbox::new(Format::Json, parts))
    }

    /// A message that can be recognised: `{"cid":"<n>","pong":{}}`.
    fn message(n: u32) -> Arc<Outgoing> {
        Arc::new(Envelope::reply(n.to_string(), Pong {}).into())
    }

    fn take(outbox: &Outbox) -> Vec<u32> {
        let mut taken = Vec::new();
        while outbox.take(&mut taken, 1, Waker::noop()) {}
        taken.iter().map(|m| m.envelope().cid.parse().unwrap()).collect()
    }

    fn counted(metrics: &Metrics, line: &str) -> bool {
        metrics.render().lines().any(|l| l == line)
    }

    #[test]
    fn messages_keep_their_order() {
        let (_, outbox) = outbox(4, 1000);
        for n in 1..=4 {
            outbox.push(message(n), Class::Reliable);
        }
        assert_eq!(take(&outbox), [1, 2, 3, 4]);
        assert_eq!(outbox.awake().wish, Wish::None);
    }

    #[test]
    fn the_oldest_that_may_be_lost_goes_first() {
        let (metrics, outbox) = outbox(3, 1000);
        outbox.push(message(1), Class::Reliable);
        outbox.push(message(2), Class::Unreliable);
        outbox.push(message(3), Class::Unreliable);
        outbox.push(message(4), Class::Reliable);
        outbox.push(message(5), Class::Unreliable);
        outbox.push(message(6), Class::Reliable);
        assert_eq!(take(&outbox), [1, 4, 6]);
        assert!(counted(&metrics, "tavern_outbox_dropped_total 3"), "{}", metrics.render());
    }

    #[test]
    fn a_new_one_that_may_be_lost_goes_when_no_older_one_does() {
        let (metrics, outbox) = outbox(2, 1000);
        outbox.push(message(1), Class::Reliable);
        outbox.push(message(2), Class::Reliable);
        outbox.push(message(3), Class::Unreliable);
        assert_eq!(outbox.awake().wish, Wish::None);
        assert_eq!(take(&outbox), [1, 2]);
        assert!(counted(&metrics, "tavern_outbox_dropped_total 1"));
        assert!(counted(&metrics, "tavern_outbox_overflow_closes_total 0"));
    }

    #[test]
    fn one_too_many_that_must_not_be_lost_ends_the_session() {
        let (metrics, outbox) = outbox(2, 1000);
        for n in 1..=3 {
            outbox.push(message(n), Class::Reliable);
        }
        assert_eq!(outbox.awake().wish, Wish::Close(CloseReason::Overflow));
        outbox.push(message(4), Class::Reliable);
        assert_eq!(take(&outbox), [] as [u32; 0]);
        assert!(counted(&metrics, "tavern_outbox_dropped_total 3"));
        assert!(counted(&metrics, "tavern_outbox_overflow_closes_total 1"));
    }

    #[test]
    fn bytes_are_bounded_too_but_one_message_always_passes() {
        let one = message(1).json().len();
        let (_, outbox) = outbox(100, one * 2);
        outbox.push(message(1), Class::Reliable);
        outbox.push(message(2), Class::Reliable);
        assert_eq!(outbox.awake().wish, Wish::None);
        outbox.push(message(3), Class::Reliable);
        assert_eq!(outbox.awake().wish, Wish::Close(CloseReason::Overflow));

        let (_, outbox) = super::tests::outbox(100, 1);
        outbox.push(message(1), Class::Reliable);
        assert_eq!(take(&outbox), [1]);
    }

    #[test]
    fn many_pushes_wake_a_sleeping_session_once_and_a_running_one_never() {
        let (_, outbox) = outbox(8, 1000);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut none = Vec::new();
        assert!(!outbox.take(&mut none, 100, &waker));
        outbox.push(message(1), Class::Reliable);
        outbox.push(message(2), Class::Reliable);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(!outbox.take(&mut none, 100, &waker));
        outbox.awake();
        outbox.push(message(3), Class::Reliable);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn only_the_first_close_counts_and_what_waits_is_kept_for_it() {
        let (_, outbox) = outbox(8, 1000);
        outbox.push(message(1), Class::Reliable);
        outbox.close(CloseReason::Banned);
        outbox.close(CloseReason::ShuttingDown);
        outbox.push(message(2), Class::Reliable);
        assert_eq!(outbox.awake().wish, Wish::Close(CloseReason::Banned));
        assert_eq!(take(&outbox), [1]);
        outbox.shut();
        assert_eq!(outbox.awake().wish, Wish::None);
        outbox.abort();
        assert_eq!(outbox.awake().wish, Wish::Abort);
    }

    #[test]
    fn a_retiring_session_takes_answers_until_it_is_sealed() {
        let (_, outbox) = outbox(8, 1000);
        outbox.retire();
        assert_eq!(outbox.awake().wish, Wish::Retire);
        outbox.push(message(1), Class::Reliable);
        outbox.seal();
        outbox.push(message(2), Class::Reliable);
        assert_eq!(take(&outbox), [1]);
    }

    /// A socket for an outbox, and the client that reads it.
    async fn connect(outbox: &Outbox) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        stream.writable().await.unwrap();
        outbox.connect(stream.into_split().1);
        client
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_at_rest_is_not_woken_and_order_is_kept_when_it_must_be() {
        let (metrics, outbox) = outbox(8, 1000);
        let mut client = connect(&outbox).await;
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut none = Vec::new();
        assert!(!outbox.take(&mut none, 100, &waker));
        outbox.rest();
        outbox.push(message(1), Class::Reliable);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        // A burst: the task writes the second, and what comes after must come after it.
        outbox.push(message(2), Class::Reliable);
        outbox.forget_last();
        outbox.push(message(3), Class::Reliable);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(take(&outbox), [2, 3]);

        let text = message(1).json().clone();
        let mut seen = vec![0; text.len() + 2];
        client.read_exact(&mut seen).await.unwrap();
        assert_eq!(seen[2..], text[..]);
        let bytes = format!("tavern_socket_sent_bytes_total {}", seen.len());
        assert!(counted(&metrics, "tavern_socket_sent_messages_total 1"), "{}", metrics.render());
        assert!(counted(&metrics, &bytes), "{}", metrics.render());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_rests_only_if_nothing_came_and_nothing_is_wished() {
        let (_, outbox) = outbox(8, 1000);
        let _client = connect(&outbox).await;
        let mut none = Vec::new();
        // Something comes between the last look and the rest.
        assert!(!outbox.take(&mut none, 100, Waker::noop()));
        outbox.push(message(1), Class::Reliable);
        outbox.rest();
        outbox.push(message(2), Class::Reliable);
        assert_eq!(take(&outbox), [1, 2]);
        // It runs again.
        outbox.rest();
        assert!(outbox.awake().carry.is_empty());
        outbox.push(message(3), Class::Reliable);
        assert_eq!(take(&outbox), [3]);
        // It is to end: what still comes is taken by the task alone.
        outbox.rest();
        outbox.retire();
        outbox.push(message(4), Class::Reliable);
        assert_eq!(take(&outbox), [4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_ends_lets_go_of_its_socket() {
        let (_, outbox) = outbox(8, 1000);
        let mut client = connect(&outbox).await;
        assert!(!outbox.take(&mut Vec::new(), 100, Waker::noop()));
        outbox.rest();
        outbox.shut();
        outbox.push(message(1), Class::Reliable);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[test]
    fn an_empty_queue_keeps_little_memory() {
        let (_, outbox) = outbox(1000, 1 << 20);
        for n in 0..500 {
            outbox.push(message(n), Class::Reliable);
        }
        assert_eq!(take(&outbox).len(), 500);
        assert!(outbox.inner.lock().queue.capacity() <= KEPT);
    }
}
