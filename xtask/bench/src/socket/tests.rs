//! A socket against a server that does just what the test says.

use tokio::io::Interest;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};

use super::*;

/// The server's end of the connection.
struct Peer {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Peer {
    /// Accepts a connection and the upgrade on it; returns the request too.
    async fn accept(listener: &TcpListener) -> (Self, String) {
        let (stream, _) = listener.accept().await.unwrap();
        let mut peer = Self { stream, input: Vec::new() };
        let end = loop {
            if let Some(at) = peer.input.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(peer.fill().await, "the request ended early");
        };
        let request = String::from_utf8(peer.input.drain(..end).collect()).unwrap();
        (peer, request)
    }

    /// Reads more; false at the end of the connection.
    async fn fill(&mut self) -> bool {
        loop {
            self.stream.ready(Interest::READABLE).await.unwrap();
            let mut chunk = [0; 4096];
            match self.stream.try_read(&mut chunk) {
                Ok(count) => {
                    self.input.extend_from_slice(&chunk[..count]);
                    return count > 0;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    }

    /// The next frame from the client, unmasked; only short ones.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            if let &[first, second, ref rest @ ..] = &self.input[..] {
                let length = usize::from(second & 0x7f);
                assert!(second & 0x80 != 0 && length < 126, "masked and short");
                if let Some(body) = rest.get(..4 + length) {
                    let mask = body[..4].iter().cycle();
                    let plain = body[4..].iter().zip(mask).map(|(a, b)| a ^ b).collect();
                    self.input.drain(..6 + length);
                    return (first, plain);
                }
            }
            assert!(self.fill().await, "the connection ended early");
        }
    }

    fn send(&self, bytes: &[u8]) {
        assert_eq!(self.stream.try_write(bytes).unwrap(), bytes.len());
    }

    /// A short frame from the server.
    fn send_frame(&self, first: u8, payload: &[u8]) {
        let mut bytes = vec![first, u8::try_from(payload.len()).unwrap()];
        bytes.extend_from_slice(payload);
        self.send(&bytes);
    }

    async fn end(mut self) {
        drop(self.input.split_off(0));
        while self.fill().await {}
    }
}

const ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

fn play<S: Future<Output = ()>, C: Future<Output = ()>>(
    server: impl FnOnce(TcpListener) -> S,
    client: impl FnOnce(Target) -> C,
) {
    let runtime =
        Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::for_tests(listener.local_addr().unwrap().port());
        tokio::join!(server(listener), client(target));
    });
}

async fn open(target: &Target) -> Result<Socket> {
    Socket::open(target, &User::for_tests(), Format::Json, true).await
}

#[test]
fn a_call_gets_its_answer_and_the_sink_everything_else() {
    play(
        async |listener| {
            let (mut peer, request) = Peer::accept(&listener).await;
            assert!(
                request.starts_with(
                    "GET /ws?lang=en&status=true&format=json&token=token HTTP/1.1\r\n"
                )
            );
            // The first envelope comes with the answer to the upgrade, before any call.
            let mut early = ACCEPTED.to_vec();
            early.extend_from_slice(&[0x81, 2]);
            early.extend_from_slice(b"{}");
            peer.send(&early);
            let (first, call) = peer.frame().await;
            assert_eq!((first, &call[..]), (0x81, &br#"{"cid":"1","ping":{}}"#[..]));
            peer.send_frame(0x81, br#"{"match_data":{"op_code":"1"}}"#);
            // The answer in two fragments, with a ping between them.
            peer.send_frame(0x01, br#"{"cid":"1","#);
            peer.send_frame(0x89, b"hello");
            peer.send_frame(0x80, br#""pong":{}}"#);
            assert_eq!(peer.frame().await, (0x8a, b"hello".to_vec()), "pings are answered");
            let (first, close) = peer.frame().await;
            assert_eq!((first, &close[..]), (0x88, &1000_u16.to_be_bytes()[..]));
            peer.send_frame(0x88, &close);
        },
        async |target| {
            let socket = open(&target).await.unwrap();
            let seen: Rc<RefCell<Vec<u32>>> = Rc::default();
            let note = Rc::clone(&seen);
            socket.listen(Rc::new(move |incoming| note.borrow_mut().push(incoming.kind)));
            let answer = socket.call(Message::Ping).await.unwrap();
            assert_eq!(answer, br#"{"cid":"1","pong":{}}"#);
            assert_eq!(seen.borrow().last(), Some(&kind::MATCH_DATA.1));
            socket.close().await.unwrap();
        },
    );
}

#[test]
fn an_error_envelope_fails_the_call_and_no_other() {
    play(
        async |listener| {
            let (mut peer, _) = Peer::accept(&listener).await;
            peer.send(ACCEPTED);
            peer.frame().await;
            peer.frame().await;
            peer.send_frame(0x81, br#"{"cid":"2","pong":{}}"#);
            peer.send_frame(0x81, br#"{"cid":"1","error":{"code":3,"message":"no"}}"#);
            peer.end().await;
        },
        async |target| {
            let socket = open(&target).await.unwrap();
            let (one, two) =
                tokio::join!(socket.call(Message::MatchCreate), socket.call(Message::Ping));
            assert_eq!(one.unwrap_err().to_string(), "error envelope: no");
            assert!(two.is_ok());
            assert!(!socket.is_dead());
        },
    );
}

#[test]
fn a_close_by_the_server_fails_what_waits_and_says_why() {
    play(
        async |listener| {
            let (mut peer, _) = Peer::accept(&listener).await;
            peer.send(ACCEPTED);
            peer.frame().await;
            peer.send_frame(0x88, b"\x03\xe8queue full");
            assert_eq!(peer.frame().await, (0x88, b"\x03\xe8".to_vec()));
        },
        async |target| {
            let socket = open(&target).await.unwrap();
            let error = socket.call(Message::Ping).await.unwrap_err().to_string();
            assert!(error.contains("queue full"), "{error}");
            assert!(socket.is_dead());
            assert!(socket.send(Message::Ping).is_err());
        },
    );
}

#[test]
fn what_the_kernel_does_not_take_is_bounded_and_sent_later() {
    let told = Rc::new(Notify::new());
    let sent = Rc::new(Cell::new(0));
    let (tell, count) = (Rc::clone(&told), Rc::clone(&sent));
    play(
        async move |listener| {
            let (mut peer, _) = Peer::accept(&listener).await;
            peer.send(ACCEPTED);
            told.notified().await;
            let mut received = 0;
            while peer.fill().await {
                received += std::mem::take(&mut peer.input).len();
            }
            assert_eq!(received, sent.get(), "everything came, and nothing twice");
        },
        async move |target| {
            let socket = open(&target).await.unwrap();
            let message = Message::PartyData { id: "p", data: &[7; 1_500] };
            let (mut envelope, mut frame) = (Vec::new(), Vec::new());
            wire::encode(Format::Json, 0, message, &mut envelope);
            frame::put(&mut frame, frame::TEXT, &envelope);
            let refused = loop {
                match socket.send(message) {
                    Ok(()) => count.set(count.get() + frame.len()),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(refused.contains("does not read"), "{refused}");
            assert!(socket.shared.unsent.borrow().len() < UNSENT + frame.len());
            tell.notify_one();
            while !socket.shared.unsent.borrow().is_empty() {
                tokio::task::yield_now().await;
            }
        },
    );
}

#[test]
fn a_refused_upgrade_shows_the_answer() {
    play(
        async |listener| {
            let (peer, _) = Peer::accept(&listener).await;
            peer.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\n\r\nexpired");
        },
        async |target| {
            let error = open(&target).await.map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("401: expired"), "{error}");
        },
    );
}
