//! A bare HTTP/1.1 client: one connection, one request at a time, kept alive.
//!
//! Requests are built once and sent as they are; answers are read just far enough to know their
//! status and body. A full client would cost more CPU per request than the servers under test.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long anything may take before it counts as an error.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that is read.
const LARGEST: usize = 16 << 20;
const CHUNK: usize = 8 << 10;

/// Builds a request. `auth` is the whole value of the `Authorization` header.
pub(crate) fn request(
    method: &str,
    path: &str,
    host: SocketAddr,
    auth: Option<&str>,
    body: Option<&str>,
) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    if let Some(auth) = auth {
        text.push_str(&format!("Authorization: {auth}\r\n"));
    }
    if let Some(body) = body {
        text.push_str("Content-Type: application/json\r\n");
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    } else {
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// One kept-alive connection.
pub(crate) struct Http {
    stream: TcpStream,
    /// Received and not yet consumed.
    input: Vec<u8>,
    body: Vec<u8>,
}

impl Http {
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self> {
        let stream = timeout(PATIENCE, TcpStream::connect(addr))
            .await
            .context("connecting took too long")?
            .with_context(|| format!("connect to {addr}"))?;
        stream.set_nodelay(true).context("set TCP_NODELAY")?;
        Ok(Self { stream, input: Vec::new(), body: Vec::new() })
    }

    /// Sends a request and returns the status and body of its answer. After an error, or when
    /// dropped half way, the connection is of no more use.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        let status = timeout(PATIENCE, self.exchange(request)).await.context("no answer")??;
        Ok((status, &self.body))
    }

    /// Like [`Http::send`]; any status but 200 is an error that shows the answer.
    pub(crate) async fn expect_ok(&mut self, request: &[u8]) -> Result<&[u8]> {
        let (status, body) = self.send(request).await?;
        ensure!(status == 200, "status {status}: {}", String::from_utf8_lossy(body));
        Ok(body)
    }

    /// Sends an upgrade request. On status 101 returns the stream and what came after the
    /// answer.
    pub(crate) async fn upgrade(mut self, request: &[u8]) -> Result<(TcpStream, Vec<u8>)> {
        let status = timeout(PATIENCE, self.exchange(request)).await.context("no answer")??;
        ensure!(
            status == 101,
            "the upgrade was refused with status {status}: {}",
            String::from_utf8_lossy(&self.body)
        );
        Ok((self.stream, self.input))
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        write_all(&self.stream, request).await?;
        loop {
            if let Some(answer) = parse(&self.input, &mut self.body)? {
                self.input.drain(..answer.length);
                return Ok(answer.status);
            }
            ensure!(self.input.len() < LARGEST, "the answer is too long");
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        loop {
            self.stream.readable().await?;
            let had = self.input.len();
            self.input.resize(had + CHUNK, 0);
            let read = self.stream.try_read(&mut self.input[had..]);
            self.input.truncate(had + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => bail!("the server closed the connection"),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("read an answer"),
            }
        }
    }
}

/// Writes everything.
async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                stream.writable().await?;
            }
            Err(error) => return Err(error).context("write a request"),
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Bytes of head and body on the wire.
    length: usize,
}

/// Reads one answer from the front of `input`, its body into `body`; `None` while it is
/// incomplete.
fn parse(input: &[u8], body: &mut Vec<u8>) -> Result<Option<Answer>> {
    let Some(head_end) = find(input, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&input[..head_end]).context("the head is not text")?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
        .context("not an HTTP/1.1 answer")?;
    let (mut length, mut chunked) = (None, false);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse::<usize>().context("content-length")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.trim().eq_ignore_ascii_case("chunked");
        }
    }
    let rest = &input[head_end + 4..];
    body.clear();
    let used = if chunked {
        dechunk(rest, body)?
    } else if status == 101 || status == 204 {
        Some(0)
    } else {
        let length = length.context("the answer has no length")?;
        ensure!(length <= LARGEST, "the answer is too long");
        rest.get(..length).map(|bytes| {
            body.extend_from_slice(bytes);
            length
        })
    };
    Ok(used.map(|used| Answer { status, length: head_end + 4 + used }))
}

/// Undoes chunking; returns the bytes it took, `None` while incomplete.
fn dechunk(rest: &[u8], body: &mut Vec<u8>) -> Result<Option<usize>> {
    let mut at = 0;
    loop {
        let Some(line) = find(&rest[at..], b"\r\n") else { return Ok(None) };
        let digits = std::str::from_utf8(&rest[at..at + line]).context("chunk size")?;
        let digits = digits.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).context("chunk size")?;
        ensure!(size <= LARGEST, "the answer is too long");
        let start = at + line + 2;
        let Some(chunk) = rest.get(start..start + size + 2) else { return Ok(None) };
        ensure!(chunk.ends_with(b"\r\n"), "a chunk is longer than it says");
        body.extend_from_slice(&chunk[..size]);
        at = start + size + 2;
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<(Answer, String)>> {
        let mut body = Vec::new();
        let answer = parse(text.as_bytes(), &mut body)?;
        Ok(answer.map(|answer| (answer, String::from_utf8(body).unwrap())))
    }

    #[test]
    fn an_answer_with_a_length_and_one_behind_it() {
        let text = "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1";
        let (answer, body) = read(text).unwrap().unwrap();
        assert_eq!((answer.status, body.as_str()), (200, "hello"));
        assert_eq!(&text[answer.length..], "HTTP/1.1");
    }

    #[test]
    fn a_chunked_answer() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                    4\r\nWiki\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";
        let (answer, body) = read(text).unwrap().unwrap();
        assert_eq!((answer.length, body.as_str()), (text.len(), "Wiki0123456789"));
    }

    #[test]
    fn every_prefix_is_incomplete() {
        for text in [
            "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        ] {
            for end in 0..text.len() {
                assert_eq!(read(&text[..end]).unwrap(), None, "{end}");
            }
            assert!(read(text).unwrap().is_some());
        }
    }

    #[test]
    fn what_is_not_an_answer_is_an_error() {
        assert!(read("SSH-2.0-x\r\n\r\n").is_err());
        assert!(read("HTTP/1.1 200 OK\r\n\r\n").is_err(), "no length");
        let huge = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
        assert!(read(huge).is_err());
    }

    #[test]
    fn a_request_carries_what_it_was_given() {
        let host = "127.0.0.1:7350".parse().unwrap();
        let text = request("POST", "/v2/x", host, Some("Bearer t"), Some("{}"));
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "POST /v2/x HTTP/1.1\r\nHost: 127.0.0.1:7350\r\nAuthorization: Bearer t\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        );
    }
}
