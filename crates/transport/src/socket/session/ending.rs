//! How a session ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::Stream as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tungstenite::error::ProtocolError;
use tungstenite::{Error as WsError, Message};

use super::{Path, Session, TURN, Work};
use crate::finish::detach;
use crate::socket::end::End;
use crate::socket::outbox::Outbox;
use crate::socket::parking::{Closes, Lost, PROBE, Seat, keep};

/// A session that ends.
pub(super) struct Closing {
    pub(super) end: End,
    pub(super) step: Step,
    pub(super) until: Instant,
}

/// How far the end has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// What waits is written, and the message being handled may finish.
    Delivering,
    /// What waits now is all that is still written.
    Sealed,
    /// The close frame is on its way.
    Saying,
    /// The client's part is awaited.
    Waiting,
}

/// What comes after a step of the end.
pub(super) enum After {
    /// Writing, then the next step.
    Write,
    /// Nothing, until the task is woken.
    Wait,
    /// It is over.
    Over,
}

impl<S, K> Session<S, K>
where
    S: AsyncRead + AsyncWrite + Path + Unpin,
    K: Unpin,
{
    /// Begins to end the session. Only the first reason counts.
    pub(super) fn begin_close(&mut self, end: End) {
        if self.closing.is_some() {
            return;
        }
        if !end.lets_finish() {
            self.part(&end);
        }
        if !end.delivers() {
            self.outbox.shut();
        }
        self.hurry = true;
        let settings = &self.parts.settings;
        let until = Instant::now() + settings.write_wait.max(settings.close_ack_wait);
        self.closing = Some(Closing { end, step: Step::Delivering, until });
    }

    /// The session loses its socket: it waits for another one, if this one just broke and the
    /// service wants that, or is over.
    pub(super) fn part(&mut self, end: &End) {
        let breaks = end.breaks() && self.closing.is_none();
        let grace = match &self.connection {
            Some(connection) if breaks => connection.broken(),
            Some(_) | None => Duration::ZERO,
        };
        if grace.is_zero() || tokio::runtime::Handle::try_current().is_err() {
            return self.leave();
        }
        let Some(place) = self.seat.as_ref().and_then(Seat::place) else { return self.leave() };
        let (Some(connection), Some(seat)) = (self.connection.take(), self.seat.take()) else {
            return self.leave();
        };
        let handling = match std::mem::replace(&mut self.work, Work::None) {
            Work::Handling(handling) => Some(handling),
            Work::Opening(_) | Work::None => None,
        };
        self.parts.meters.sockets.session_ended();
        let lost = Lost { connection, seat, handling, grace, place };
        detach(&self.parts.life, keep(lost, Arc::clone(&self.parts.meters)));
        // What is still said to this client is said without the session.
        self.outbox = Outbox::new(self.outbox.format(), Arc::clone(&self.parts));
    }

    /// Asks the client for a sign of life. Answers the end if it cannot be asked.
    pub(super) fn ask_for_life(&mut self) -> Option<End> {
        if self.closing.is_some() || self.probed {
            return None;
        }
        self.probed = true;
        self.ws.get_ref().breaks_after(Some(PROBE));
        if self.writer.is_within_frame() {
            // The rest of the frame asks for as much.
            return None;
        }
        let ping = Message::Ping(Bytes::new());
        self.writer.send_control(&mut self.ws, ping).err().map(|error| end_of(&error))
    }

    /// A sign of life came.
    pub(super) fn lives(&mut self) {
        if !std::mem::take(&mut self.probed) {
            return;
        }
        self.ws.get_ref().breaks_after(None);
        if let Some(seat) = &self.seat {
            seat.works();
        }
    }

    /// The service hears that the session is over: now, or, when it is in the middle of something,
    /// after that.
    pub(super) fn leave(&mut self) {
        let work = std::mem::replace(&mut self.work, Work::None);
        let connection = self.connection.take();
        if let Some(seat) = &self.seat {
            seat.close();
        }
        let parts = &self.parts;
        if connection.is_some() {
            parts.meters.sockets.session_ended();
        }
        match (work, connection) {
            (Work::Opening(opening), _) => detach(&parts.life, async move {
                if let Ok(connection) = opening.await {
                    connection.closed();
                }
            }),
            (Work::Handling(handling), Some(connection)) => {
                let closes = Closes::new(connection);
                detach(&parts.life, async move {
                    handling.await;
                    drop(closes);
                });
            }
            (Work::None, Some(connection)) => connection.closed(),
            (Work::Handling(_) | Work::None, None) => {}
        }
    }

    /// One step of the end, when everything that waited is written.
    pub(super) fn poll_closing(&mut self, cx: &mut Context<'_>) -> After {
        let Some(closing) = &self.closing else { return After::Wait };
        match closing.step {
            Step::Delivering => {
                if closing.end.lets_finish() {
                    if self.poll_work(cx).is_pending() {
                        return After::Wait;
                    }
                    self.outbox.seal();
                }
                self.step(Step::Sealed, self.parts.settings.write_wait);
                After::Write
            }
            Step::Sealed => {
                self.say_goodbye();
                After::Write
            }
            Step::Saying if closing.end == End::ByClient => After::Over,
            Step::Saying => {
                if self.deaf {
                    // The client may wait for us to close, and we cannot hear it say so.
                    drop(Pin::new(self.ws.get_mut()).poll_shutdown(cx));
                }
                self.step(Step::Waiting, self.parts.settings.close_ack_wait);
                self.poll_peer(cx)
            }
            Step::Waiting => self.poll_peer(cx),
        }
    }

    pub(super) fn step(&mut self, step: Step, wait: Duration) {
        if let Some(closing) = &mut self.closing {
            closing.step = step;
            closing.until = Instant::now() + wait;
            self.hurry = true;
        }
    }

    /// Hands the close frame to the codec.
    fn say_goodbye(&mut self) {
        self.leave();
        self.outbox.shut();
        let frame = self.closing.as_ref().and_then(|closing| closing.end.frame());
        if let Some(frame) = frame {
            let said = self.writer.send_control(&mut self.ws, Message::Close(Some(frame)));
            // It fails when the client has closed meanwhile: then there is nothing to say.
            drop(said);
        }
        self.step(Step::Saying, self.parts.settings.write_wait);
    }

    /// Waits for the client's part of the closing handshake, throwing away what else it says: a
    /// connection that is closed with bytes unread takes the close frame back.
    fn poll_peer(&mut self, cx: &mut Context<'_>) -> After {
        for _ in 0..TURN {
            if self.deaf {
                let mut bytes = [0; 1024];
                let mut buffer = ReadBuf::new(&mut bytes);
                match Pin::new(self.ws.get_mut()).poll_read(cx, &mut buffer) {
                    Poll::Pending => return After::Wait,
                    Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                    Poll::Ready(_) => return After::Over,
                }
            } else {
                match Pin::new(&mut self.ws).poll_next(cx) {
                    Poll::Pending => return After::Wait,
                    Poll::Ready(None | Some(Ok(Message::Close(_)))) => return After::Over,
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(Some(Err(error))) if end_of(&error) == End::Gone => {
                        return After::Over;
                    }
                    Poll::Ready(Some(Err(_))) => self.deaf = true,
                }
            }
        }
        cx.waker().wake_by_ref();
        After::Wait
    }
}

/// What an error of the codec means for the session.
pub(super) fn end_of(error: &WsError) -> End {
    match error {
        WsError::Capacity(_) => End::TooLarge,
        WsError::Utf8(_) => End::NotText,
        WsError::Protocol(
            ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::SendAfterClosing
            | ProtocolError::ReceivedAfterClosing,
        ) => End::Gone,
        WsError::Protocol(_) => End::Violation,
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Io(_)
        | WsError::Tls(_)
        | WsError::WriteBufferFull(_)
        | WsError::AttackAttempt
        | WsError::Url(_)
        | WsError::Http(_)
        | WsError::HttpFormat(_) => End::Gone,
    }
}
