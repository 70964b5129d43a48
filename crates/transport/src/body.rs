//! Bodies: what answers are made of, and requests read with limits.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it.
    Whole(Option<Bytes>),
    /// A gRPC answer with its trailers.
    Grpc(tonic::body::Body),
}

impl Body {
    pub(crate) const EMPTY: Self = Self::Whole(None);
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Grpc(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Grpc(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Grpc(body) => body.size_hint(),
        }
    }
}

/// Why a request's body could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyError {
    /// Larger than allowed.
    TooLarge,
    /// It came too slowly.
    TooSlow,
    /// The client broke off, or its framing is wrong.
    Broken,
}

/// How much of a body that is too large is read and thrown away, so that a client which writes
/// all before it reads gets its answer. Beyond it, the connection just ends.
const MOST_DISCARDED: usize = 8 << 20;

/// Reads a body of at most `limit` bytes within `patience`.
pub(crate) async fn read<B>(
    headers: &HeaderMap,
    body: B,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, BodyError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let expected = content_length(headers);
    let reading = async {
        if expected.is_some_and(|n| n > limit as u64) {
            let waits = headers.get(header::EXPECT).is_some();
            // A client that asked before sending sends nothing when it is told no.
            return if waits { Err(BodyError::TooLarge) } else { discard(body, 0).await };
        }
        read_all(body, limit, expected).await
    };
    tokio::time::timeout(patience, reading).await.unwrap_or(Err(BodyError::TooSlow))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

async fn read_all<B>(mut body: B, limit: usize, expected: Option<u64>) -> Result<Bytes, BodyError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let mut first: Option<Bytes> = None;
    let mut more: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(BodyError::Broken) };
        let Ok(data) = frame.into_data() else { continue };
        let so_far =
            more.as_ref().map_or_else(|| first.as_ref().map_or(0, Bytes::len), |m| m.len());
        if so_far + data.len() > limit {
            return discard(body, so_far + data.len()).await;
        }
        // Most bodies come in one piece and are not copied.
        match (&mut first, &mut more) {
            (_, Some(more)) => more.extend_from_slice(&data),
            (Some(one), None) => {
                let room = expected.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
                let mut all = BytesMut::with_capacity(room.max(one.len() + data.len()).min(limit));
                all.extend_from_slice(one);
                all.extend_from_slice(&data);
                more = Some(all);
            }
            (None, None) => first = Some(data),
        }
    }
    Ok(more.map(BytesMut::freeze).or(first).unwrap_or_default())
}

async fn discard<B>(mut body: B, mut seen: usize) -> Result<Bytes, BodyError>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    while seen < MOST_DISCARDED {
        match body.frame().await {
            None | Some(Err(_)) => break,
            Some(Ok(frame)) => seen += frame.data_ref().map_or(0, Bytes::len),
        }
    }
    Err(BodyError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};
    use std::convert::Infallible;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn chunks(
        chunks: Vec<&'static [u8]>,
    ) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Unpin {
        StreamBody::new(futures_util::stream::iter(
            chunks.into_iter().map(|c| Ok(Frame::data(Bytes::from_static(c)))),
        ))
    }

    #[tokio::test]
    async fn pieces_are_joined() {
        let headers = HeaderMap::new();
        let body = read(&headers, chunks(vec![b"ab", b"", b"cd", b"e"]), 5, PATIENCE).await;
        assert_eq!(body, Ok(Bytes::from_static(b"abcde")));
        let body = read(&headers, Full::new(Bytes::from_static(b"abcde")), 5, PATIENCE).await;
        assert_eq!(body, Ok(Bytes::from_static(b"abcde")));
    }

    #[tokio::test]
    async fn one_byte_too_many_is_too_large() {
        let headers = HeaderMap::new();
        let body = read(&headers, chunks(vec![b"abc", b"def"]), 5, PATIENCE).await;
        assert_eq!(body, Err(BodyError::TooLarge));
        let body = read(&headers, Full::new(Bytes::from_static(b"abcdef")), 5, PATIENCE).await;
        assert_eq!(body, Err(BodyError::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_too_slow() {
        let drops = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))), ()))
        });
        let body = StreamBody::new(Box::pin(drops));
        assert_eq!(read(&HeaderMap::new(), body, 100, PATIENCE).await, Err(BodyError::TooSlow));
    }
}
