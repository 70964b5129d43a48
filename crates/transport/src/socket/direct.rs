//! Writing to a socket at rest without waking its session.
//!
//! To wake a task, schedule it and poll it costs more than the write it is woken for. So while a
//! session sleeps with nothing to write, whoever has a message for it writes the frame, without
//! ever waiting for the socket.
//!
//! Two writers never interleave. [`Direct`] is part of what the outbox's lock protects, and
//!
//! - the session's task says [`rest`](Direct::rest) under that lock, when every frame, the codec's
//!   too, is written whole, and as the last thing it does with its socket before it sleeps;
//! - [`send`](Direct::send) writes only between that moment and the next
//!   [`rouse`](Direct::rouse), and under the lock for as long as the write takes;
//! - the task calls `rouse` under the lock first thing when it runs, before it touches the writer
//!   or the codec. It thus waits for a write that is going on, and no other follows. What the
//!   socket did not take of that write it gets with the call, and writes it before anything else.
//!
//! Messages keep their order, because the first one that is not written directly ends the rest:
//! all that follow wait behind it in the queue.

use std::cell::Cell;
use std::io::IoSlice;
use std::time::Duration;

use tavern_protocol::Format;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::Instant;

use super::writer::header;

/// After a direct write the next messages go by way of the task for so long, so that those of a
/// burst share one write.
const GAP: Duration = Duration::from_micros(200);

/// Bytes. Copying more into the kernel takes longer than a wake-up.
const LARGEST: usize = 16 << 10;

/// A thread writes directly at most [`MOST`] times in so long; what is more the tasks of the
/// sessions do, on all threads. Otherwise a message for thousands would keep its sender's thread.
const WINDOW: Duration = Duration::from_millis(1);
const MOST: u32 = 128;

thread_local! {
    /// When the window began, and how many writes are left in it.
    static BUDGET: Cell<(Option<Instant>, u32)> = const { Cell::new((None, 0)) };
}

/// The way to a socket that needs no task.
#[derive(Debug, Default)]
pub(super) struct Direct {
    /// None with TLS, and before and after the session.
    line: Option<OwnedWriteHalf>,
    /// The last direct write.
    last: Option<Instant>,
    /// The rest of a frame of which the socket took a part.
    carry: Box<[u8]>,
    /// The session's task sleeps and has nothing to write.
    resting: bool,
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sent {
    /// The socket has it. How many bytes that were.
    Whole(usize),
    /// The socket has a part: the task must write the rest. How many bytes both are.
    Begun(usize),
    /// Nothing: it must be queued.
    Nothing,
}

impl Direct {
    pub(super) fn open(&mut self, line: OwnedWriteHalf) {
        self.line = Some(line);
    }

    /// Lets go of the socket, so that it closes with the session.
    pub(super) fn shut(&mut self) {
        self.resting = false;
        if let Some(line) = self.line.take() {
            line.forget();
        }
    }

    /// The task sleeps from now on, and nothing waits to be written.
    pub(super) fn rest(&mut self) {
        debug_assert!(self.carry.is_empty(), "the task has taken the carry when it woke");
        self.resting = self.line.is_some();
    }

    /// The task runs. Answers what it has to write first.
    pub(super) fn rouse(&mut self) -> Box<[u8]> {
        self.resting = false;
        std::mem::take(&mut self.carry)
    }

    /// Writes a message if the session rests; if not all of it could be written, it no longer
    /// does.
    pub(super) fn send(&mut self, payload: &[u8], format: Format) -> Sent {
        if !self.resting {
            return Sent::Nothing;
        }
        let sent = self.write(payload, format);
        self.resting = matches!(sent, Sent::Whole(_));
        sent
    }

    fn write(&mut self, payload: &[u8], format: Format) -> Sent {
        let Some(line) = &self.line else { return Sent::Nothing };
        if payload.len() > LARGEST {
            return Sent::Nothing;
        }
        let now = Instant::now();
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < GAP) || !budget(now) {
            return Sent::Nothing;
        }
        let mut space = [0; 10];
        let mut left = &mut space[..];
        header(format)
            .format(payload.len() as u64, &mut left)
            .expect("ten bytes are enough for a header without a mask");
        let left = left.len();
        let head = &space[..space.len() - left];
        let all = head.len() + payload.len();
        match line.try_write_vectored(&[IoSlice::new(head), IoSlice::new(payload)]) {
            // Full or broken: the task finds out which when it writes.
            Ok(0) | Err(_) => Sent::Nothing,
            Ok(taken) if taken < all => {
                let head_rest = head.get(taken..).unwrap_or(&[]);
                let payload_rest = &payload[taken.saturating_sub(head.len())..];
                self.carry = [head_rest, payload_rest].concat().into();
                Sent::Begun(all)
            }
            Ok(_) => {
                self.last = Some(now);
                Sent::Whole(all)
            }
        }
    }

    /// As if the last direct write were long ago.
    #[cfg(test)]
    pub(super) fn forget_last(&mut self) {
        self.last = None;
    }
}

/// Whether this thread may write directly once more.
fn budget(now: Instant) -> bool {
    let (since, left) = BUDGET.get();
    if since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW) {
        BUDGET.set((Some(now), MOST - 1));
        return true;
    }
    BUDGET.set((since, left.saturating_sub(1)));
    left > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    /// A way to a socket, and the client that reads it.
    async fn line() -> (Direct, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        SockRef::from(&stream).set_send_buffer_size(4096).unwrap();
        stream.writable().await.unwrap();
        let (_, line) = stream.into_split();
        let mut direct = Direct::default();
        direct.open(line);
        (direct, client)
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_resting_session_is_written_to() {
        let (mut direct, mut client) = line().await;
        assert_eq!(direct.send(b"early", Format::Json), Sent::Nothing);
        direct.rest();
        assert_eq!(direct.send(b"one", Format::Json), Sent::Whole(5));
        assert!(direct.rouse().is_empty());
        assert_eq!(direct.send(b"late", Format::Json), Sent::Nothing);
        direct.rest();
        direct.forget_last();
        assert_eq!(direct.send(&[7; 300], Format::Binary), Sent::Whole(304));
        direct.shut();
        drop(direct);
        let mut seen = [0; 309];
        client.read_exact(&mut seen).await.unwrap();
        assert_eq!(seen[..5], *b"\x81\x03one");
        assert_eq!(seen[5..9], [0x82, 126, 1, 44]);
        assert_eq!(seen[9..], [7; 300]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_messages_of_a_burst_are_left_to_the_task() {
        let (mut direct, _client) = line().await;
        direct.rest();
        assert_eq!(direct.send(b"1", Format::Json), Sent::Whole(3));
        assert_eq!(direct.send(b"2", Format::Json), Sent::Nothing);
        tokio::time::advance(GAP).await;
        assert_eq!(direct.send(b"3", Format::Json), Sent::Nothing, "2 comes first");
        direct.rouse();
        direct.rest();
        assert_eq!(direct.send(b"4", Format::Json), Sent::Whole(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_message_is_left_to_the_task() {
        let (mut direct, _client) = line().await;
        direct.rest();
        assert_eq!(direct.send(&[0; LARGEST + 1], Format::Binary), Sent::Nothing);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_full_socket_does_not_take_is_carried_to_the_task() {
        let (mut direct, mut client) = line().await;
        let payload: Vec<u8> = (0..LARGEST).map(|n| n.to_le_bytes()[0]).collect();
        let mut frames = 0;
        let carry = loop {
            direct.rest();
            direct.forget_last();
            match direct.send(&payload, Format::Binary) {
                Sent::Whole(_) => frames += 1,
                Sent::Begun(_) => {
                    frames += 1;
                    break direct.rouse();
                }
                Sent::Nothing => break Box::default(),
            }
            // Not the budget of the thread is tried here.
            BUDGET.set((None, 0));
        };
        let mut expected = Vec::new();
        for _ in 0..frames {
            expected.extend_from_slice(&[0x82, 126, 0x40, 0]);
            expected.extend_from_slice(&payload);
        }
        let mut seen = vec![0; expected.len() - carry.len()];
        client.read_exact(&mut seen).await.unwrap();
        seen.extend_from_slice(&carry);
        assert!(seen == expected, "{frames} frames, {} bytes carried", carry.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_has_so_many_direct_writes_and_no_more() {
        BUDGET.set((None, 0));
        let now = Instant::now();
        assert_eq!((0..MOST * 2).filter(|_| budget(now)).count(), MOST as usize);
        assert!(!budget(now + WINDOW / 2));
        assert!(budget(now + WINDOW));
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_is_let_go_closes_with_its_other_half() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (read, line) = listener.accept().await.unwrap().0.into_split();
        let mut direct = Direct::default();
        direct.open(line);
        direct.rest();
        direct.shut();
        assert_eq!(direct.send(b"1", Format::Json), Sent::Nothing);
        drop(read);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
}
