//! From the outbox to the socket.
//!
//! Data frames are made here, in a buffer that all sessions of a thread share, and written with
//! one call however many wait; only what the kernel does not take is kept per session. Control
//! frames go through the WebSocket codec. The two never interleave: nothing is asked of the codec
//! while a data frame is half written, and no data frame is begun before the codec has flushed.
//! Data frames are also written past this module, but only while it has nothing to do: see
//! `direct.rs`.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Sink as _;
use tavern_protocol::{Format, Outgoing};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::outbox::Outbox;

/// About how many bytes go out with one call.
const BATCH: usize = 64 << 10;

thread_local! {
    static SCRATCH: RefCell<Scratch> = const {
        RefCell::new(Scratch { messages: Vec::new(), bytes: Vec::new() })
    };
}

struct Scratch {
    messages: Vec<Arc<Outgoing>>,
    bytes: Vec<u8>,
}

/// What was written.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Whether the kernel took anything at all.
    pub(crate) progress: bool,
}

/// The writing side of a session.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// What the kernel did not take; empty most of the time.
    rest: Vec<u8>,
    from: usize,
    /// The codec has, or may have, something to flush.
    control: bool,
}

impl Writer {
    /// Takes over the rest of a frame which somebody else began to write; may be empty.
    pub(crate) fn carry_on(&mut self, rest: Box<[u8]>) {
        if !rest.is_empty() {
            debug_assert!(!self.is_within_frame() && !self.control, "the session was at rest");
            self.rest = rest.into();
        }
    }

    /// Whether a data frame is half written: then the codec must not be asked anything.
    pub(crate) fn is_within_frame(&self) -> bool {
        !self.rest.is_empty()
    }

    /// The codec has something to flush.
    pub(crate) fn control_waits(&mut self) {
        self.control = true;
    }

    /// Hands a control frame to the codec. Only outside data frames.
    pub(crate) fn send_control<S>(
        &mut self,
        ws: &mut WebSocketStream<S>,
        message: Message,
    ) -> Result<(), tungstenite::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        debug_assert!(!self.is_within_frame(), "a control frame inside a data frame");
        self.control = true;
        Pin::new(ws).start_send(message)
    }

    /// Writes all that waits. When it returns `Ready(Ok)`, nothing does, and the task is woken
    /// when something comes into the outbox.
    pub(crate) fn poll<S>(
        &mut self,
        ws: &mut WebSocketStream<S>,
        outbox: &Outbox,
        cx: &mut Context<'_>,
        tally: &mut Tally,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_rest(ws, cx, tally))?;
            if self.control {
                ready!(Pin::new(&mut *ws).poll_flush(cx)).map_err(into_io)?;
                self.control = false;
                tally.progress = true;
            }
            let more =
                SCRATCH.with_borrow_mut(|scratch| self.batch(scratch, ws, outbox, cx, tally))?;
            if !more && self.rest.is_empty() && !self.control {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_rest<S>(
        &mut self,
        ws: &mut WebSocketStream<S>,
        cx: &mut Context<'_>,
        tally: &mut Tally,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.rest.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while self.from < self.rest.len() {
            match ready!(Pin::new(ws.get_mut()).poll_write(cx, &self.rest[self.from..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.from += n,
            }
            tally.progress = true;
        }
        self.rest = Vec::new();
        self.from = 0;
        // Streams with TLS have a buffer of their own.
        self.control = true;
        Poll::Ready(Ok(()))
    }

    /// Writes one batch; answers whether the outbox has more.
    fn batch<S>(
        &mut self,
        scratch: &mut Scratch,
        ws: &mut WebSocketStream<S>,
        outbox: &Outbox,
        cx: &mut Context<'_>,
        tally: &mut Tally,
    ) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Scratch { messages, bytes } = scratch;
        let more = outbox.take(messages, BATCH, cx.waker());
        if messages.is_empty() {
            return Ok(more);
        }
        for message in messages.drain(..) {
            tally.messages += 1;
            frame(&message, outbox.format(), bytes);
        }
        let written = Pin::new(ws.get_mut()).poll_write(cx, bytes);
        let taken = match written {
            Poll::Ready(Ok(n)) => {
                tally.progress |= n > 0;
                n
            }
            Poll::Ready(Err(error)) => {
                bytes.clear();
                return Err(error);
            }
            Poll::Pending => 0,
        };
        tally.bytes += bytes.len() as u64;
        if taken < bytes.len() {
            self.rest = bytes[taken..].to_vec();
        } else if Pin::new(ws.get_mut()).poll_flush(cx)?.is_pending() {
            self.control = true;
        }
        bytes.clear();
        bytes.shrink_to(2 * BATCH);
        Ok(more)
    }
}

fn frame(message: &Outgoing, format: Format, out: &mut Vec<u8>) {
    let payload = message.encoded(format);
    header(format).format(payload.len() as u64, out).expect("a vector takes every byte");
    out.extend_from_slice(payload);
}

/// How a data frame of a whole message begins.
pub(super) fn header(format: Format) -> FrameHeader {
    let opcode = match format {
        Format::Json => Data::Text,
        Format::Binary => Data::Binary,
    };
    FrameHeader { opcode: OpCode::Data(opcode), ..FrameHeader::default() }
}

fn into_io(error: tungstenite::Error) -> io::Error {
    if let tungstenite::Error::Io(error) = error { error } else { io::Error::other(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavern_protocol::realtime::{Envelope, Pong};
    use tungstenite::protocol::frame::coding::OpCode;

    #[test]
    fn a_frame_is_final_and_unmasked() {
        let message: Outgoing = Envelope::push(Pong {}).into();
        let mut out = Vec::new();
        frame(&message, Format::Json, &mut out);
        let text = message.json();
        assert_eq!(out[0], 0x80 | u8::from(OpCode::Data(Data::Text)));
        assert_eq!(usize::from(out[1]), text.len());
        assert_eq!(out[2..], text[..]);
    }
}
