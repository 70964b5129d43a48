//! One WebSocket to a server: calls that wait for their answer, sends that do not, and a reader
//! that hands everything else to a sink.

mod frame;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::http::{Http, PATIENCE, request};
use crate::target::Target;
use crate::users::User;
use crate::wire::{self, Format, Incoming, Message, kind};

/// Bytes that may wait for a server that does not read.
const UNSENT: usize = 1 << 20;
/// How long a close handshake may take before the connection is just dropped.
const FAREWELL: Duration = Duration::from_secs(2);

/// Gets every envelope that answers no call. Must not block.
pub(crate) type Sink = Rc<dyn Fn(&Incoming<'_>)>;

thread_local! {
    /// Every socket reads into this one: an idle socket then costs the generator next to nothing.
    static INPUT: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 << 10]);
}

/// An open socket. Dropping it drops the connection; [`Socket::close`] takes leave first.
pub(crate) struct Socket {
    shared: Rc<Shared>,
    reader: JoinHandle<()>,
}

struct Shared {
    stream: TcpStream,
    format: Format,
    cid: Cell<u32>,
    waiting: RefCell<Vec<(u32, oneshot::Sender<Answer>)>>,
    sink: RefCell<Option<Sink>>,
    /// Why it is no longer of use.
    dead: RefCell<Option<String>>,
    leaving: Cell<bool>,
    /// Encoded and not yet taken by the kernel.
    unsent: RefCell<Vec<u8>>,
    unsent_grew: Notify,
    envelope: RefCell<Vec<u8>>,
}

type Answer = std::result::Result<Vec<u8>, String>;

impl Socket {
    /// Opens a socket for `user`; `online` makes the user appear so at once.
    pub(crate) async fn open(
        target: &Target,
        user: &User,
        format: Format,
        online: bool,
    ) -> Result<Self> {
        let path =
            format!("/ws?lang=en&status={online}&format={}&token={}", format.name(), user.token());
        let mut upgrade = request("GET", &path, target.addr, None, None);
        upgrade.truncate(upgrade.len() - 2);
        // The key only has to be answered right; its answer is that of the RFC's example.
        upgrade.extend_from_slice(
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        let http = Http::open(target.addr).await?;
        let (stream, early) = http.upgrade(&upgrade).await?;
        let shared = Rc::new(Shared {
            stream,
            format,
            cid: Cell::new(0),
            waiting: RefCell::default(),
            sink: RefCell::default(),
            dead: RefCell::default(),
            leaving: Cell::new(false),
            unsent: RefCell::default(),
            unsent_grew: Notify::new(),
            envelope: RefCell::default(),
        });
        let reader = tokio::task::spawn_local(read(Rc::clone(&shared), early));
        Ok(Self { shared, reader })
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.shared.dead.borrow().is_some()
    }

    pub(crate) fn format(&self) -> Format {
        self.shared.format
    }

    /// From now on, envelopes that answer no call go to `sink`; before, they are forgotten.
    pub(crate) fn listen(&self, sink: Sink) {
        *self.shared.sink.borrow_mut() = Some(sink);
    }

    /// Sends a request and waits for its answer, which is an error if the server says so.
    pub(crate) async fn call(&self, message: Message<'_>) -> Result<Vec<u8>> {
        let shared = &self.shared;
        let cid = shared.cid.get() + 1;
        shared.cid.set(cid);
        let (tell, told) = oneshot::channel();
        shared.waiting.borrow_mut().push((cid, tell));
        shared.send(cid, message)?;
        match timeout(PATIENCE, told).await.context("no answer on the socket")? {
            Ok(answer) => answer.map_err(|text| anyhow!(text)),
            Err(_) => Err(shared.why_dead()),
        }
    }

    /// Sends without waiting for anything. An answer, if there is one, goes to the sink.
    pub(crate) fn send(&self, message: Message<'_>) -> Result<()> {
        self.shared.send(0, message)
    }

    /// Like [`Socket::send`] for messages that the server acknowledges when asked to.
    pub(crate) fn send_acknowledged(&self, message: Message<'_>) -> Result<()> {
        self.shared.send(u32::MAX, message)
    }

    /// Closes with code 1000 and waits for the server to close the connection.
    pub(crate) async fn close(mut self) -> Result<()> {
        self.shared.leaving.set(true);
        self.shared.put(frame::CLOSE, &1000_u16.to_be_bytes())?;
        let ended = timeout(FAREWELL, &mut self.reader).await;
        ended.context("the server did not close the connection")?.context("reader")
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Shared {
    fn send(&self, cid: u32, message: Message<'_>) -> Result<()> {
        let mut envelope = self.envelope.take();
        envelope.clear();
        wire::encode(self.format, cid, message, &mut envelope);
        let opcode = match self.format {
            Format::Json => frame::TEXT,
            Format::Protobuf => frame::BINARY,
        };
        let put = self.put(opcode, &envelope);
        self.envelope.replace(envelope);
        put
    }

    /// Writes a frame at once if possible; what the kernel does not take, the reader's task
    /// writes later.
    fn put(&self, opcode: u8, payload: &[u8]) -> Result<()> {
        if self.dead.borrow().is_some() {
            return Err(self.why_dead());
        }
        let mut unsent = self.unsent.borrow_mut();
        ensure!(unsent.len() < UNSENT, "the server does not read what it is sent");
        let blocked = !unsent.is_empty();
        frame::put(&mut unsent, opcode, payload);
        if !blocked {
            self.flush(&mut unsent)?;
            if !unsent.is_empty() {
                self.unsent_grew.notify_one();
            }
        }
        Ok(())
    }

    fn flush(&self, unsent: &mut Vec<u8>) -> Result<()> {
        match self.stream.try_write(unsent) {
            Ok(written) => {
                unsent.drain(..written);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error).context("write to the socket"),
        }
    }

    fn why_dead(&self) -> anyhow::Error {
        let why = self.dead.borrow();
        anyhow!("the socket is closed: {}", why.as_deref().unwrap_or("unknown reason"))
    }

    fn receive(&self, opcode: u8, payload: &[u8]) -> Result<()> {
        match opcode {
            frame::TEXT | frame::BINARY => {
                ensure!(
                    (opcode == frame::TEXT) == (self.format == Format::Json),
                    "the frame is of the wrong type for {}",
                    self.format.name()
                );
                let incoming = Incoming::read(self.format, payload)
                    .with_context(|| format!("not an envelope: {payload:?}"))?;
                self.dispatch(&incoming, payload);
                Ok(())
            }
            frame::PING => self.put(frame::PONG, payload),
            frame::PONG => Ok(()),
            frame::CLOSE => {
                if self.leaving.replace(true) {
                    // Our own close is answered; now the server ends the connection.
                    return Ok(());
                }
                self.put(frame::CLOSE, payload.get(..2).unwrap_or_default())?;
                let reason = payload.get(2..).unwrap_or_default();
                bail!("the server closed it: {}", String::from_utf8_lossy(reason))
            }
            other => bail!("a frame of unknown type {other}"),
        }
    }

    fn dispatch(&self, incoming: &Incoming<'_>, payload: &[u8]) {
        let called = {
            let mut waiting = self.waiting.borrow_mut();
            let at = waiting.iter().position(|(cid, _)| *cid == incoming.cid);
            at.map(|at| waiting.swap_remove(at).1)
        };
        if let Some(tell) = called {
            let answer = match error_text(incoming) {
                Some(text) => Err(text),
                None => Ok(payload.to_vec()),
            };
            // The caller may have lost its patience; then nobody wants the answer.
            drop(tell.send(answer));
            return;
        }
        let sink = self.sink.borrow().clone();
        if let Some(sink) = sink {
            sink(incoming);
        }
    }
}

/// What an error envelope says.
pub(crate) fn error_text(incoming: &Incoming<'_>) -> Option<String> {
    let text = || incoming.text(&[("message", 2)]).unwrap_or("no message");
    incoming.is(kind::ERROR).then(|| format!("error envelope: {}", text()))
}

/// Reads until the connection ends, then lets everybody who waits know why.
async fn read(shared: Rc<Shared>, early: Vec<u8>) {
    let Err(error) = read_on(&shared, early).await else { return };
    *shared.dead.borrow_mut() = Some(format!("{error:#}"));
    shared.waiting.borrow_mut().clear();
}

/// Never returns `Ok`.
async fn read_on(shared: &Shared, early: Vec<u8>) -> Result<()> {
    let mut rest = early;
    let mut fragments: Option<(u8, Vec<u8>)> = None;
    if !rest.is_empty() {
        consume(shared, &mut rest, &mut fragments, &[])?;
    }
    loop {
        let blocked = !shared.unsent.borrow().is_empty();
        tokio::select! {
            biased;
            ready = shared.stream.readable() => ready?,
            ready = shared.stream.writable(), if blocked => {
                ready?;
                shared.flush(&mut shared.unsent.borrow_mut())?;
                continue;
            }
            () = shared.unsent_grew.notified(), if !blocked => continue,
        }
        INPUT.with_borrow_mut(|input| match shared.stream.try_read(input) {
            Ok(0) => bail!("the connection ended"),
            Ok(count) => consume(shared, &mut rest, &mut fragments, &input[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error).context("read from the socket"),
        })?;
    }
}

/// Handles every whole frame in `rest` followed by `new`, and leaves what remains in `rest`.
fn consume(
    shared: &Shared,
    rest: &mut Vec<u8>,
    fragments: &mut Option<(u8, Vec<u8>)>,
    new: &[u8],
) -> Result<()> {
    let joined;
    let input = if rest.is_empty() {
        new
    } else {
        rest.extend_from_slice(new);
        joined = std::mem::take(rest);
        &joined[..]
    };
    let mut at = 0;
    while let Some(frame) = frame::read(&input[at..])? {
        at += frame.length;
        match (frame.opcode, frame.last, fragments.as_mut()) {
            (frame::CONTINUATION, last, Some((opcode, whole))) => {
                whole.extend_from_slice(frame.payload);
                if last {
                    shared.receive(*opcode, whole)?;
                    *fragments = None;
                }
            }
            (frame::TEXT | frame::BINARY, false, None) => {
                *fragments = Some((frame.opcode, frame.payload.to_vec()));
            }
            (opcode, true, _) => shared.receive(opcode, frame.payload)?,
            (opcode, false, _) => bail!("a fragment of type {opcode} out of order"),
        }
    }
    rest.extend_from_slice(&input[at..]);
    Ok(())
}
