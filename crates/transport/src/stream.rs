//! A client's connection, with or without TLS.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::server::TlsStream;

use crate::socket::Path;

/// A connection. The TLS state is large, so it is kept apart: most connections have none.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    /// One to which others can write, too: see [`share`](Stream::share). The half reads like a
    /// whole stream, and its socket is written to by reference.
    Shared(OwnedReadHalf),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// The stream and a second way to write to it. With TLS there is none: its state has one owner.
    pub(crate) fn share(self) -> (Self, Option<OwnedWriteHalf>) {
        match self {
            Self::Plain(io) => {
                let (read, write) = io.into_split();
                (Self::Shared(read), Some(write))
            }
            Self::Shared(_) | Self::Tls(_) => (self, None),
        }
    }
}

impl Path for Stream {
    fn breaks_after(&self, patience: Option<Duration>) {
        let io: &TcpStream = match self {
            Self::Plain(io) => io,
            Self::Shared(io) => (*io).as_ref(),
            Self::Tls(io) => io.get_ref().0,
        };
        // Only some systems know it. Where it cannot be set a socket breaks later.
        #[cfg(target_os = "linux")]
        if let Err(error) = SockRef::from(io).set_tcp_user_timeout(patience) {
            tracing::debug!(%error, "no time limit for acknowledgements");
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (io, patience);
    }
}

/// Writes to a socket by reference.
fn poll_try(
    io: &TcpStream,
    cx: &mut Context<'_>,
    mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(io.poll_write_ready(cx))?;
        match write(io) {
            // Now it is known not to be ready.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Shared(io) => Pin::new(io).poll_read(cx, buf),
            Self::Tls(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Shared(io) => poll_try(io.as_ref(), cx, |io| io.try_write(buf)),
            Self::Tls(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Shared(io) => poll_try(io.as_ref(), cx, |io| io.try_write_vectored(bufs)),
            Self::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Shared(_) => true,
            Self::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Shared(_) => Poll::Ready(Ok(())),
            Self::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Shared(io) => {
                let io: &TcpStream = (*io).as_ref();
                match SockRef::from(io).shutdown(Shutdown::Write) {
                    Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                        Poll::Ready(Ok(()))
                    }
                    done => Poll::Ready(done),
                }
            }
            Self::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
