//! A stream that tells its connection's [`Activity`] what goes through it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::activity::Activity;
use crate::stream::Stream;

/// The first bytes of HTTP/2 without TLS. No method of HTTP/1 begins like it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A guarded stream.
#[derive(Debug)]
pub(crate) struct Guarded {
    stream: Stream,
    activity: Arc<Activity>,
    /// Read while finding out the version; comes first.
    ahead: Bytes,
}

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Version {
    Http1,
    Http2,
}

impl Guarded {
    pub(crate) fn new(stream: Stream, activity: Arc<Activity>) -> Self {
        Self { stream, activity, ahead: Bytes::new() }
    }

    /// The stream and what was read ahead of it.
    pub(crate) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.ahead)
    }

    /// Finds out the version by what the client says first. Takes as long as the client does.
    pub(crate) async fn version(&mut self) -> io::Result<Version> {
        if let Stream::Tls(tls) = &self.stream
            && let Some(protocol) = tls.get_ref().1.alpn_protocol()
        {
            return Ok(if protocol == b"h2" { Version::Http2 } else { Version::Http1 });
        }
        let mut start = [0; PREFACE.len()];
        let mut filled = 0;
        while filled < start.len() {
            let n = self.stream.read(&mut start[filled..]).await?;
            filled += n;
            if n == 0 || !PREFACE.starts_with(&start[..filled]) {
                break;
            }
        }
        self.ahead = Bytes::copy_from_slice(&start[..filled]);
        let is_preface = filled == PREFACE.len() && start == PREFACE;
        Ok(if is_preface { Version::Http2 } else { Version::Http1 })
    }

    fn note<T>(&self, written: &Poll<T>) {
        if written.is_pending() {
            self.activity.stuck();
        } else {
            self.activity.unstuck();
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ahead.is_empty() {
            let n = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead[..n]);
            this.ahead.advance(n);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            this.activity.received();
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.note(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.note(&flushed);
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
