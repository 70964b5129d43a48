//! The task of one session.

mod ending;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::Stream as _;
use tavern_api::{Connection, Flow};
use tavern_domain::CodedError;
use tavern_protocol::{Format, decode_envelope};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;

use self::ending::{After, Closing, Step, end_of};
use super::Parts;
use super::clock::{Clock, Due};
use super::end::End;
use super::outbox::{Awake, Outbox, Wish};
use super::parking::Seat;
use super::writer::{Tally, Writer};
use crate::finish::poll_caught;

/// Most messages handled before other sessions get their turn.
const TURN: u32 = 64;

/// The service opening a session.
pub(crate) type Opening = BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>>;

/// What a session's socket can be told beside reading and writing.
pub(crate) trait Path {
    /// The socket breaks when the other end acknowledges nothing for so long; `None` leaves that to
    /// the system, which has minutes of patience.
    fn breaks_after(&self, patience: Option<Duration>);
}

/// A session: reads, handles one message at a time, writes what waits, keeps the time. As long as
/// a message is being handled nothing is read, so that a client which sends too fast is slowed
/// down by its own connection; what others send it is written meanwhile.
pub(crate) struct Session<S, K> {
    ws: WebSocketStream<S>,
    writer: Writer,
    outbox: Arc<Outbox>,
    /// Given up with the session, or kept for the next socket.
    seat: Option<Seat>,
    /// A sign of life is awaited.
    probed: bool,
    parts: Arc<Parts>,
    /// Dropped with the session.
    _kept: K,
    work: Work,
    connection: Option<Arc<dyn Connection>>,
    closing: Option<Closing>,
    /// The codec cannot read any more: what still comes is thrown away.
    deaf: bool,
    clock: Clock,
    timer: Pin<Box<Sleep>>,
    set_for: Instant,
    /// A deadline may have come nearer than the timer.
    hurry: bool,
}

enum Work {
    None,
    Opening(Opening),
    Handling(BoxFuture<'static, Flow>),
}

/// How far reading got.
enum Read {
    /// Something must come, and the task is woken when it does.
    Pending,
    /// What waits must be written first.
    WriteFirst,
    /// Others want their turn.
    Yield,
    /// The session ends.
    End(End),
}

impl<S, K> Session<S, K>
where
    S: AsyncRead + AsyncWrite + Path + Unpin,
    K: Unpin,
{
    /// A session whose handshake is done. It runs when polled, and must be polled to its end.
    pub(crate) fn new(
        ws: WebSocketStream<S>,
        seat: Seat,
        opening: Opening,
        parts: Arc<Parts>,
        kept: K,
    ) -> Self {
        let now = Instant::now();
        let clock = Clock::new(now, &parts.settings);
        let set_for = clock.next();
        parts.meters.sockets.opened();
        Self {
            ws,
            writer: Writer::default(),
            outbox: Arc::clone(&seat.outbox),
            seat: Some(seat),
            probed: false,
            work: Work::Opening(opening),
            connection: None,
            closing: None,
            deaf: false,
            clock,
            timer: Box::pin(tokio::time::sleep_until(set_for)),
            set_for,
            hurry: true,
            parts,
            _kept: kept,
        }
    }

    /// Reads and handles messages for as long as that is possible without waiting. `wrote` says
    /// that everything was written a moment ago: then at least one message is read, or a flood of
    /// messages from others could keep a client from being heard.
    fn read(&mut self, cx: &mut Context<'_>, budget: &mut u32, mut wrote: bool) -> Read {
        loop {
            match self.poll_work(cx) {
                Poll::Pending => return Read::Pending,
                Poll::Ready(Some(end)) => return Read::End(end),
                Poll::Ready(None) => {}
            }
            if self.writer.is_within_frame() || (self.outbox.wants_writing() && !wrote) {
                return Read::WriteFirst;
            }
            wrote = false;
            if *budget == 0 {
                return Read::Yield;
            }
            *budget -= 1;
            let message = match Pin::new(&mut self.ws).poll_next(cx) {
                Poll::Pending => return Read::Pending,
                Poll::Ready(None) => return Read::End(End::Gone),
                Poll::Ready(Some(Err(error))) => {
                    self.deaf = true;
                    return Read::End(end_of(&error));
                }
                Poll::Ready(Some(Ok(message))) => message,
            };
            if let Some(end) = self.take_in(message) {
                return Read::End(end);
            }
        }
    }

    /// Goes on with what is being handled. `Ready` when nothing is any more.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        let end = match &mut self.work {
            Work::None => return Poll::Ready(None),
            Work::Opening(opening) => match poll_caught(opening, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Ok(connection))) => {
                    self.connection = Some(connection);
                    self.parts.meters.sockets.session_began();
                    if let Some(seat) = &self.seat {
                        seat.open();
                    }
                    None
                }
                Poll::Ready(Ok(Err(error))) => {
                    tracing::debug!(code = error.code().name(), %error, "session not opened");
                    Some(End::NotOpened)
                }
                Poll::Ready(Err(_)) => Some(End::Panicked),
            },
            Work::Handling(handling) => match poll_caught(handling, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Flow::Continue)) => None,
                Poll::Ready(Ok(Flow::Close(text))) => Some(End::Refused(text)),
                Poll::Ready(Err(_)) => Some(End::Panicked),
            },
        };
        self.work = Work::None;
        Poll::Ready(end)
    }

    /// Begins to handle a message.
    fn take_in(&mut self, message: Message) -> Option<End> {
        let format = self.outbox.format();
        let payload = match (message, format) {
            (Message::Text(text), Format::Json) => Bytes::from(text),
            (Message::Binary(bytes), Format::Binary) => bytes,
            (Message::Text(_), Format::Binary) | (Message::Binary(_), Format::Json) => {
                return Some(End::WrongFrame);
            }
            (Message::Ping(_), _) => {
                // The codec has queued the pong.
                self.writer.control_waits();
                return None;
            }
            (Message::Pong(_), _) => {
                self.clock.pong(Instant::now(), &self.parts.settings);
                self.lives();
                return None;
            }
            (Message::Close(_), _) => {
                self.writer.control_waits();
                return Some(End::ByClient);
            }
            (Message::Frame(_), _) => return None,
        };
        self.clock.message();
        let meters = &self.parts.meters;
        meters.received_messages.increment(1);
        meters.received_bytes.increment(payload.len() as u64);
        match (decode_envelope(payload, format), &self.connection) {
            (Ok(envelope), Some(connection)) => {
                self.work = Work::Handling(Arc::clone(connection).handle(envelope));
                None
            }
            (Err(error), _) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "unreadable message");
                Some(End::Malformed)
            }
            // Nothing is read before the session is open.
            (Ok(_), None) => None,
        }
    }

    /// Writes what waits.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let mut tally = Tally::default();
        let written = self.writer.poll(&mut self.ws, &self.outbox, cx, &mut tally);
        let parts = &self.parts;
        if tally.messages > 0 {
            parts.meters.sent_messages.increment(tally.messages);
            parts.meters.sent_bytes.increment(tally.bytes);
        }
        if written.is_ready() || tally.progress {
            self.clock.unstuck();
        }
        if written.is_pending() {
            self.hurry |= self.clock.stuck(Instant::now, &parts.settings);
        }
        written
    }

    /// The timer rang. Answers the end if there is no time left for words.
    fn rang(&mut self, now: Instant) -> Option<End> {
        let settings = &self.parts.settings;
        if let Some(closing) = &self.closing {
            let stuck = self.clock.due(now, false, settings) == Due::Stuck;
            if !stuck && now < closing.until {
                return None;
            }
            if !stuck && closing.step == Step::Delivering && closing.end.lets_finish() {
                // What is being handled had its chance.
                self.leave();
                self.step(Step::Delivering, self.parts.settings.write_wait);
                return None;
            }
            return Some(closing.end.clone());
        }
        let reading = matches!(self.work, Work::None) && !self.writer.is_within_frame();
        match self.clock.due(now, reading, settings) {
            Due::Nothing => None,
            Due::Stuck => Some(End::Stuck),
            Due::NoPong => {
                self.begin_close(End::NoPong);
                None
            }
            Due::Ping => {
                if !self.writer.is_within_frame() {
                    let ping = Message::Ping(Bytes::new());
                    self.writer.send_control(&mut self.ws, ping).err().map(|e| end_of(&e))
                } else {
                    None
                }
            }
        }
    }

    /// Sets the timer if something is due before it rings.
    fn set_timer(&mut self, cx: &mut Context<'_>) {
        if !self.hurry && !self.timer.is_elapsed() {
            return;
        }
        self.hurry = false;
        let next = self.clock.next();
        let next = self.closing.as_ref().map_or(next, |closing| closing.until.min(next));
        if next < self.set_for || self.timer.is_elapsed() {
            self.set_for = next;
            self.timer.as_mut().reset(next);
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// Why it ends, where nothing was said the client is just gone.
    fn end(&self) -> End {
        self.closing.as_ref().map_or(End::Gone, |closing| closing.end.clone())
    }

    fn ended(&mut self, end: &End, cx: &mut Context<'_>) -> Poll<()> {
        self.part(end);
        self.outbox.shut();
        self.parts.meters.ended(end);
        // TLS has a last word of its own. If it cannot be said now, it is not.
        drop(Pin::new(self.ws.get_mut()).poll_shutdown(cx));
        tracing::debug!(reason = end.name(), "session ended");
        Poll::Ready(())
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let mut budget = TURN;
        let mut wrote = false;
        loop {
            let read = match &self.closing {
                Some(_) => Read::Pending,
                None => self.read(cx, &mut budget, wrote),
            };
            let read = match read {
                Read::End(end @ (End::Gone | End::Stuck | End::Aborted)) => {
                    return Poll::Ready(end);
                }
                Read::End(end) => {
                    self.begin_close(end);
                    Read::Pending
                }
                Read::Pending | Read::WriteFirst | Read::Yield => read,
            };
            match self.write(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => wrote = true,
                Poll::Ready(Err(error)) => {
                    tracing::debug!(%error, "socket broke off");
                    return Poll::Ready(self.end());
                }
            }
            if self.closing.is_some() {
                match self.poll_closing(cx) {
                    After::Write => continue,
                    After::Wait => return Poll::Pending,
                    After::Over => return Poll::Ready(self.end()),
                }
            }
            match read {
                Read::WriteFirst => {}
                Read::Yield => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Read::Pending | Read::End(_) => {
                    if self.connection.is_some() {
                        // Everything is written. From here on nothing touches the socket until
                        // the task is polled again.
                        self.outbox.rest();
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<S, K> Future for Session<S, K>
where
    S: AsyncRead + AsyncWrite + Path + Unpin,
    K: Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // Before anything else: from now on nobody else writes to the socket.
        let Awake { wish, carry, probe } = this.outbox.awake();
        this.writer.carry_on(carry);
        match wish {
            Wish::None => {}
            Wish::Retire => this.begin_close(End::Retired),
            Wish::Close(why) => this.begin_close(End::Asked(why)),
            Wish::Abort => return this.ended(&End::Aborted, cx),
        }
        if probe && let Some(end) = this.ask_for_life() {
            return this.ended(&end, cx);
        }
        if this.timer.is_elapsed()
            && let Some(end) = this.rang(Instant::now())
        {
            return this.ended(&end, cx);
        }
        match this.run(cx) {
            Poll::Ready(end) => this.ended(&end, cx),
            Poll::Pending => {
                this.set_timer(cx);
                Poll::Pending
            }
        }
    }
}

impl<S, K> Drop for Session<S, K> {
    fn drop(&mut self) {
        self.parts.meters.sockets.closed();
        // What follows is only needed when the task was cut off: the runtime goes down.
        self.outbox.shut();
        if let Some(connection) = self.connection.take() {
            connection.closed();
        }
    }
}
