//! Sessions over a pipe in memory, with the clock stopped: what the timers do, and what a session
//! does with clients that are slow, rude or gone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use parking_lot::Mutex;
use tavern_api::{
    Admission, Class, ClientAddress, CloseReason, Connection, Flow, Player, Resumption, Sink,
};
use tavern_domain::{CodedError, ErrorCode, Lifecycle, SessionId, Timestamp, TokenId, UserId};
use tavern_protocol::realtime::{Envelope, Ping, Pong, StreamData, envelope};
use tavern_protocol::{Format, Outgoing, Wire, api};
use tavern_telemetry::Metrics;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;
use tungstenite::protocol::Role;

use super::parking::{Parked, Seat};
use super::session::{Opening, Session};
use super::{Outbox, Parts, Path};
use crate::Config;
use crate::meters::Meters;
use crate::settings::Settings;
use crate::table::Table;

/// Longer than anything here takes; the clock is stopped, so it costs nothing.
pub(super) const LONG: Duration = Duration::from_secs(3600);

/// Whose session it is.
pub(super) fn admission() -> Admission {
    let player = Player {
        user: UserId::NIL,
        username: "player".into(),
        vars: std::collections::BTreeMap::new(),
        token_id: TokenId::NIL,
        issued: Timestamp::EPOCH,
        expires: Timestamp::EPOCH,
    };
    Admission {
        resumption: Some(Resumption::new(&player, None)),
        player: Arc::new(player),
        delegation: None,
        session: SessionId::NIL,
        status: false,
        lang: "en".into(),
        client: ClientAddress::default(),
    }
}

/// A connection that does what the ids of `rpc` messages say.
pub(super) struct Fake {
    outbox: Arc<Outbox>,
    pub(super) gate: Semaphore,
    pub(super) handled: Mutex<Vec<String>>,
    pub(super) closed: AtomicUsize,
    /// Seconds.
    pub(super) grace: AtomicU64,
}

impl Connection for Fake {
    fn handle(self: Arc<Self>, envelope: Envelope) -> BoxFuture<'static, Flow> {
        async move {
            let cid = envelope.cid;
            match envelope.message {
                Some(envelope::Message::Rpc(rpc)) => match rpc.id.as_str() {
                    "wait" => self.gate.acquire().await.unwrap().forget(),
                    "panic" => panic!("made up"),
                    "refuse" => return Flow::Close("refused by the test"),
                    _ => {}
                },
                Some(_) => {}
                None => return Flow::Close("missing message"),
            }
            self.handled.lock().push(cid.clone());
            self.outbox.push(Arc::new(Envelope::reply(cid, Pong {}).into()), Class::Reliable);
            Flow::Continue
        }
        .boxed()
    }

    fn broken(&self) -> Duration {
        Duration::from_secs(self.grace.load(Ordering::SeqCst))
    }

    fn resume(
        self: Arc<Self>,
        _: Admission,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>> {
        async { Ok(self as Arc<dyn Connection>) }.boxed()
    }

    fn closed(&self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

impl Path for Counting {
    fn breaks_after(&self, patience: Option<Duration>) {
        self.patience.lock().push(patience);
    }
}

/// A pipe that counts what is written into it, and keeps what else it is told.
struct Counting {
    pipe: DuplexStream,
    writes: Arc<AtomicUsize>,
    patience: Arc<Mutex<Vec<Option<Duration>>>>,
}

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

pub(super) fn seat(parts: &Parts, outbox: &Arc<Outbox>) -> Seat {
    let place = Arc::new(Table::default()).open_session(outbox).unwrap();
    Seat::new(Arc::clone(outbox), admission().resumption, &parts.parking, place)
}

pub(super) struct Bench {
    pub(super) metrics: Metrics,
    pub(super) life: Lifecycle,
    pub(super) parts: Arc<Parts>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) fake: Arc<Fake>,
    writes: Arc<AtomicUsize>,
    pub(super) patience: Arc<Mutex<Vec<Option<Duration>>>>,
    session: JoinHandle<()>,
}

impl Bench {
    /// A session over a pipe with room for `room` bytes.
    pub(super) fn with_room(room: usize, format: Format, config: &Config) -> (Self, DuplexStream) {
        Self::opening(room, format, config, |fake| {
            async { Ok(fake as Arc<dyn Connection>) }.boxed()
        })
    }

    fn opening(
        room: usize,
        format: Format,
        config: &Config,
        open: impl FnOnce(Arc<Fake>) -> Opening,
    ) -> (Self, DuplexStream) {
        let (client, server) = tokio::io::duplex(room);
        let (metrics, life) = (Metrics::default(), Lifecycle::new());
        let parts = Arc::new(Parts {
            life: life.clone(),
            settings: Settings::new(config).unwrap().socket,
            meters: Arc::new(Meters::new(&metrics)),
            parking: Arc::default(),
        });
        let outbox = Outbox::new(format, Arc::clone(&parts));
        let fake = Arc::new(Fake {
            outbox: Arc::clone(&outbox),
            gate: Semaphore::new(0),
            handled: Mutex::default(),
            closed: AtomicUsize::new(0),
            grace: AtomicU64::new(0),
        });
        let patience: Arc<Mutex<_>> = Arc::default();
        let writes = Arc::new(AtomicUsize::new(0));
        let (keeps, counts) = (Arc::clone(&patience), Arc::clone(&writes));
        let server = Counting { pipe: server, writes: counts, patience: keeps };
        let opening = open(Arc::clone(&fake));
        let seat = seat(&parts, &outbox);
        let running = Arc::clone(&parts);
        let session = life.spawn(async move {
            let codec = Some(running.settings.codec());
            let ws = WebSocketStream::from_raw_socket(server, Role::Server, codec).await;
            Session::new(ws, seat, opening, running, ()).await;
        });
        (Self { metrics, life, parts, outbox, fake, writes, patience, session }, client)
    }

    /// The session goes on over another pipe.
    pub(super) async fn goes_on(&mut self, parked: Parked) -> Ws {
        let (client, server) = tokio::io::duplex(1 << 20);
        let (writes, patience) = (Arc::clone(&self.writes), Arc::clone(&self.patience));
        let server = Counting { pipe: server, writes, patience };
        let Parked { connection, seat } = parked;
        seat.outbox.resume(None);
        let opening = connection.disarm().unwrap().resume(admission());
        let running = Arc::clone(&self.parts);
        self.session = self.life.spawn(async move {
            let codec = Some(running.settings.codec());
            let ws = WebSocketStream::from_raw_socket(server, Role::Server, codec).await;
            Session::new(ws, seat, opening, running, ()).await;
        });
        WebSocketStream::from_raw_socket(client, Role::Client, None).await
    }

    pub(super) async fn json() -> (Self, WebSocketStream<DuplexStream>) {
        let (bench, client) = Self::with_room(1 << 20, Format::Json, &Config::default());
        (bench, WebSocketStream::from_raw_socket(client, Role::Client, None).await)
    }

    pub(super) fn push(&self, n: usize, class: Class) {
        let data = StreamData { data: n.to_string(), ..StreamData::default() };
        self.outbox.push(Arc::new(Envelope::push(data).into()), class);
    }

    /// Waits for the end of the session and checks that it was told once.
    pub(super) async fn ended(self, reason: &str) {
        self.lost_its_socket(1, reason).await;
    }

    /// The same after another socket.
    pub(super) async fn ended_twice(self, reason: &str) {
        self.lost_its_socket(2, reason).await;
    }

    async fn lost_its_socket(self, times: usize, reason: &str) {
        let metrics = self.metrics.clone();
        self.over().await;
        let lines = metrics.render();
        let line = format!("tavern_sessions_closed_total{{reason=\"{reason}\"}} {times}");
        assert!(lines.lines().any(|l| l == line), "no line {line} in\n{lines}");
    }

    /// The same, whatever the reason.
    pub(super) async fn over(self) {
        let Self { metrics, life, fake, session, .. } = self;
        timeout(LONG, session).await.expect("the session ends").unwrap();
        fake.gate.add_permits(100);
        timeout(LONG, life.finished()).await.expect("nothing is left running");
        assert_eq!(fake.closed.load(Ordering::SeqCst), 1, "closed exactly once");
        let lines = metrics.render();
        for line in ["socket_connections_active 0", "active_sessions_count 0"] {
            assert!(lines.lines().any(|l| l == line), "no line {line} in\n{lines}");
        }
    }
}

pub(super) type Ws = WebSocketStream<DuplexStream>;

pub(super) fn text(json: &str) -> Message {
    Message::text(json)
}

pub(super) fn rpc(cid: &str, id: &str) -> Message {
    let rpc = api::Rpc { id: id.to_owned(), ..api::Rpc::default() };
    Message::text(String::from_utf8(Envelope::reply(cid, rpc).to_json()).unwrap())
}

pub(super) async fn next(ws: &mut Ws) -> Message {
    timeout(LONG, ws.next()).await.expect("something comes").expect("open").expect("readable")
}

/// The cid of the next answer.
pub(super) async fn cid(ws: &mut Ws) -> String {
    let text = next(ws).await.into_text().unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["cid"].as_str().unwrap_or_default().to_owned()
}

/// Reads on until the close frame.
pub(super) async fn close_frame(ws: &mut Ws) -> (u16, String) {
    loop {
        if let Message::Close(frame) = next(ws).await {
            let frame = frame.expect("a close frame with a code");
            return (frame.code.into(), frame.reason.to_string());
        }
    }
}

pub(super) async fn quiet(ws: &mut Ws) {
    let heard = timeout(Duration::from_millis(100), ws.next()).await;
    assert!(heard.is_err(), "heard {heard:?}");
}

#[tokio::test(start_paused = true)]
async fn messages_are_answered_in_order_with_one_write() {
    let (bench, mut ws) = Bench::json().await;
    for n in 0..10 {
        ws.feed(rpc(&n.to_string(), "")).await.unwrap();
    }
    ws.flush().await.unwrap();
    for n in 0..10 {
        assert_eq!(cid(&mut ws).await, n.to_string());
    }
    assert!(bench.writes.load(Ordering::SeqCst) <= 2, "{:?} writes", bench.writes);
    ws.close(None).await.unwrap();
    bench.ended("by_client").await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_out_with_one_write() {
    let (bench, mut ws) = Bench::json().await;
    (0..60).for_each(|n| bench.push(n, Class::Reliable));
    for n in 0..60 {
        assert!(next(&mut ws).await.into_text().unwrap().contains(&format!("\"{n}\"")));
    }
    assert_eq!(bench.writes.load(Ordering::SeqCst), 1);
    drop(ws);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_answered_whole_and_in_order() {
    let (bench, ws) = Bench::json().await;
    let (mut send, mut receive) = ws.split();
    let sending = async {
        for n in 0..2000 {
            send.feed(rpc(&n.to_string(), "")).await.unwrap();
        }
        send.flush().await.unwrap();
    };
    let receiving = async {
        for n in 0..2000 {
            let message = timeout(LONG, receive.next()).await.unwrap().unwrap().unwrap();
            assert!(message.into_text().unwrap().contains(&format!("\"{n}\"")), "{n}");
        }
    };
    tokio::join!(sending, receiving);
    assert_eq!(bench.fake.handled.lock().len(), 2000);
    drop((send, receive));
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn while_a_message_is_handled_nothing_is_read_but_others_are_heard() {
    let (bench, mut ws) = Bench::json().await;
    ws.send(rpc("slow", "wait")).await.unwrap();
    ws.send(rpc("after", "")).await.unwrap();
    quiet(&mut ws).await;
    assert!(bench.fake.handled.lock().is_empty());
    bench.push(7, Class::Reliable);
    assert!(next(&mut ws).await.into_text().unwrap().contains("stream_data"));
    bench.fake.gate.add_permits(1);
    assert_eq!(cid(&mut ws).await, "slow");
    assert_eq!(cid(&mut ws).await, "after");
    drop(ws);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn protobuf_goes_both_ways() {
    let (bench, client) = Bench::with_room(1 << 20, Format::Binary, &Config::default());
    let mut ws = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    let ping = tavern_protocol::encode_envelope(&Envelope::reply("b", Ping {}), Format::Binary);
    ws.send(Message::Binary(ping)).await.unwrap();
    let answer: Outgoing = Envelope::reply("b", Pong {}).into();
    assert_eq!(next(&mut ws).await, Message::Binary(answer.binary().clone()));
    ws.send(text("{}")).await.unwrap();
    assert_eq!(close_frame(&mut ws).await.0, 1000);
    bench.ended("wrong_frame").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_in_fragments_with_a_ping_in_between_is_one_message() {
    let (bench, mut client) = Bench::with_room(1 << 20, Format::Json, &Config::default());
    let masked = |opcode: u8, fin: bool, payload: &[u8]| {
        let length = 0x80 | u8::try_from(payload.len()).unwrap();
        let mut frame = vec![opcode | if fin { 0x80 } else { 0 }, length, 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        frame
    };
    // One byte at a time: frames do not come in one piece.
    let mut bytes = masked(1, false, br#"{"cid":"1","#);
    bytes.extend(masked(9, true, b"hello"));
    bytes.extend(masked(0, true, br#""ping":{}}"#));
    for byte in bytes {
        client.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut ws = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    assert_eq!(next(&mut ws).await, Message::Pong("hello".into()));
    assert_eq!(cid(&mut ws).await, "1");
    drop(ws);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_client_is_pinged_and_one_that_answers_stays() {
    let (bench, mut ws) = Bench::json().await;
    let begun = Instant::now();
    for n in 1..=10 {
        // Reading answers pings.
        assert!(matches!(next(&mut ws).await, Message::Ping(_)));
        assert_eq!(begun.elapsed().as_secs(), n * 15);
    }
    ws.close(None).await.unwrap();
    bench.ended("by_client").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_pong_is_closed() {
    let (bench, mut client) = Bench::with_room(1 << 20, Format::Json, &Config::default());
    let begun = Instant::now();
    let mut seen = Vec::new();
    timeout(LONG, client.read_to_end(&mut seen)).await.unwrap().unwrap();
    assert_eq!(seen[..2], [0x89, 0], "a ping");
    assert_eq!(seen[2], 0x88, "a close frame");
    assert_eq!(seen[4..6], 1000u16.to_be_bytes());
    // 25 s without a pong, then 2 s for the closing handshake.
    assert_eq!(begun.elapsed().as_secs(), 27);
    bench.ended("no_pong").await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_client_is_not_pinged() {
    let (bench, mut ws) = Bench::json().await;
    for n in 0..200 {
        ws.send(rpc(&n.to_string(), "")).await.unwrap();
        assert_eq!(cid(&mut ws).await, n.to_string(), "no ping in between");
        tokio::time::advance(Duration::from_millis(500)).await;
    }
    drop(ws);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_does_not_make_its_client_silent() {
    let (bench, mut ws) = Bench::json().await;
    ws.send(rpc("slow", "wait")).await.unwrap();
    for _ in 0..5 {
        assert!(matches!(next(&mut ws).await, Message::Ping(_)));
    }
    bench.fake.gate.add_permits(1);
    assert_eq!(cid(&mut ws).await, "slow");
    drop(ws);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_given_up() {
    let (bench, client) = Bench::with_room(64, Format::Json, &Config::default());
    bench.push(1, Class::Reliable);
    bench.push(2, Class::Reliable);
    bench.push(3, Class::Reliable);
    let begun = Instant::now();
    bench.ended("stuck").await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_loses_what_may_be_lost_and_nothing_else() {
    let (bench, client) = Bench::with_room(256, Format::Json, &Config::default());
    let mut ws = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    // The first goes to the pipe, the others wait.
    bench.push(0, Class::Reliable);
    tokio::task::yield_now().await;
    for n in 1..=200 {
        bench.push(n, if n % 10 == 0 { Class::Reliable } else { Class::Unreliable });
        tokio::task::yield_now().await;
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&200) {
        let text = next(&mut ws).await.into_text().unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let n: usize = value["stream_data"]["data"].as_str().unwrap().parse().unwrap();
        seen.push(n);
    }
    assert!(seen.is_sorted(), "order is kept: {seen:?}");
    for n in (0..=200).step_by(10) {
        assert!(seen.contains(&n), "{n} was reliable: {seen:?}");
    }
    assert!(seen.len() < 201, "something was lost");
    assert!(bench.metrics.render().contains("tavern_outbox_dropped_total"));
    drop(ws);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_that_would_lose_more_is_closed_and_told_why() {
    let (bench, client) = Bench::with_room(256, Format::Json, &Config::default());
    let mut ws = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    // Each turn fills what the kernel would take, so that the rest waits.
    for n in 0..200 {
        bench.push(n, Class::Reliable);
        tokio::task::yield_now().await;
    }
    let (code, reason) = close_frame(&mut ws).await;
    assert_eq!(code, 1008);
    assert!(reason.contains("too slow"), "{reason}");
    assert!(bench.metrics.render().contains("tavern_outbox_overflow_closes_total 1"));
    bench.ended("overflow").await;
}

#[tokio::test(start_paused = true)]
async fn unreadable_messages_close_with_1000() {
    for message in [
        text(r#"{"cid":"1","no_such_message":{}}"#),
        text("{not json"),
        text("[]"),
        text(r#"{"channel_join":{"target":"x","extra":true}}"#),
    ] {
        let (bench, mut ws) = Bench::json().await;
        ws.send(message).await.unwrap();
        assert_eq!(close_frame(&mut ws).await.0, 1000);
        bench.ended("malformed").await;
    }
    let (bench, mut ws) = Bench::json().await;
    ws.send(Message::binary("binary")).await.unwrap();
    assert_eq!(close_frame(&mut ws).await.0, 1000);
    bench.ended("wrong_frame").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_closes_although_more_of_it_comes() {
    let (bench, mut ws) = Bench::json().await;
    let large = format!(r#"{{"rpc":{{"id":"","payload":"{}"}}}}"#, "x".repeat(100_000));
    ws.send(text(&large)).await.unwrap();
    assert_eq!(close_frame(&mut ws).await.0, 1009);
    drop(ws);
    bench.ended("too_large").await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_frames_close_with_1002() {
    for bytes in [
        // Unmasked, a reserved bit, an unknown opcode, a continuation of nothing, a long ping.
        &[0x81, 2, b'{', b'}'][..],
        &[0xc1, 0x80, 0, 0, 0, 0],
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0x80, 0x80, 0, 0, 0, 0],
        &[0x09, 0x80, 0, 0, 0, 0],
    ] {
        let (bench, mut client) = Bench::with_room(1 << 20, Format::Json, &Config::default());
        client.write_all(bytes).await.unwrap();
        let mut seen = Vec::new();
        timeout(LONG, client.read_to_end(&mut seen)).await.unwrap().unwrap();
        assert_eq!((seen[0], &seen[2..4]), (0x88, &1002u16.to_be_bytes()[..]), "{bytes:?}");
        drop(client);
        bench.ended("violation").await;
    }
}

#[tokio::test(start_paused = true)]
async fn text_that_is_not_utf8_closes_with_1007() {
    let (bench, mut client) = Bench::with_room(1 << 20, Format::Json, &Config::default());
    client.write_all(&[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]).await.unwrap();
    let mut seen = Vec::new();
    timeout(LONG, client.read_to_end(&mut seen)).await.unwrap().unwrap();
    assert_eq!(seen[2..4], 1007u16.to_be_bytes());
    drop(client);
    bench.ended("not_text").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_within_a_frame_is_gone() {
    let (bench, mut client) = Bench::with_room(1 << 20, Format::Json, &Config::default());
    client.write_all(&[0x81, 0x90, 0, 0, 0, 0, b'{']).await.unwrap();
    tokio::task::yield_now().await;
    drop(client);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_closes_with_the_services_words() {
    let (bench, mut ws) = Bench::json().await;
    ws.send(rpc("1", "refuse")).await.unwrap();
    assert_eq!(close_frame(&mut ws).await, (1000, "refused by the test".to_owned()));
    bench.ended("refused").await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_one_session_and_is_told() {
    let (bench, mut ws) = Bench::json().await;
    ws.send(rpc("1", "panic")).await.unwrap();
    assert_eq!(close_frame(&mut ws).await.0, 1011);
    bench.ended("panicked").await;
}

#[tokio::test(start_paused = true)]
async fn who_is_thrown_out_hears_why_first_and_cannot_stay_by_a_slow_hook() {
    let (bench, mut ws) = Bench::json().await;
    ws.send(rpc("slow", "wait")).await.unwrap();
    quiet(&mut ws).await;
    let begun = Instant::now();
    bench.push(8, Class::Reliable);
    bench.outbox.close(CloseReason::Banned);
    bench.push(9, Class::Reliable);
    assert!(next(&mut ws).await.into_text().unwrap().contains("\"8\""));
    assert_eq!(close_frame(&mut ws).await, (1000, "banned".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(bench.fake.closed.load(Ordering::SeqCst), 0, "the hook is not done");
    bench.ended("banned").await;
}

#[tokio::test(start_paused = true)]
async fn at_the_servers_end_the_message_being_handled_is_answered() {
    let (bench, mut ws) = Bench::json().await;
    ws.send(rpc("slow", "wait")).await.unwrap();
    ws.send(rpc("never", "")).await.unwrap();
    quiet(&mut ws).await;
    bench.outbox.retire();
    quiet(&mut ws).await;
    bench.fake.gate.add_permits(1);
    assert_eq!(cid(&mut ws).await, "slow");
    let (code, reason) = close_frame(&mut ws).await;
    assert_eq!(code, 1001);
    assert!(reason.contains("connect again"), "{reason}");
    assert_eq!(*bench.fake.handled.lock(), ["slow"]);
    bench.ended("retired").await;
}

#[tokio::test(start_paused = true)]
async fn at_the_servers_end_a_stuck_message_is_not_waited_for_long() {
    let (bench, mut ws) = Bench::json().await;
    ws.send(rpc("stuck", "wait")).await.unwrap();
    quiet(&mut ws).await;
    let begun = Instant::now();
    bench.outbox.retire();
    assert_eq!(close_frame(&mut ws).await.0, 1001);
    assert_eq!(begun.elapsed().as_secs(), 5);
    bench.ended("retired").await;
}

#[tokio::test(start_paused = true)]
async fn an_abort_is_at_once() {
    let (bench, _ws) = Bench::json().await;
    tokio::task::yield_now().await;
    bench.outbox.abort();
    bench.ended("aborted").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_the_close_frame_is_not_waited_for_long() {
    let (bench, mut client) = Bench::with_room(1 << 20, Format::Json, &Config::default());
    tokio::task::yield_now().await;
    let begun = Instant::now();
    bench.outbox.close(CloseReason::Kicked);
    let mut seen = Vec::new();
    timeout(LONG, client.read_to_end(&mut seen)).await.unwrap().unwrap();
    assert_eq!(seen[2..4], 1000u16.to_be_bytes());
    assert_eq!(begun.elapsed().as_secs(), 2);
    bench.ended("kicked").await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_opened_closes() {
    let refuse = |fake: Arc<Fake>| -> Opening {
        // Nobody else will.
        fake.closed();
        async { Err(CodedError::new(ErrorCode::Unavailable, "made up")) }.boxed()
    };
    let (bench, client) = Bench::opening(1 << 20, Format::Json, &Config::default(), refuse);
    let mut ws = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    assert_eq!(close_frame(&mut ws).await.0, 1000);
    bench.ended("not_opened").await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_opens_too_late_is_closed_all_the_same() {
    let open = |fake: Arc<Fake>| -> Opening {
        async move {
            fake.gate.acquire().await.unwrap().forget();
            Ok(fake as Arc<dyn Connection>)
        }
        .boxed()
    };
    let (bench, client) = Bench::opening(1 << 20, Format::Json, &Config::default(), open);
    let mut ws = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    quiet(&mut ws).await;
    bench.outbox.close(CloseReason::Kicked);
    assert_eq!(close_frame(&mut ws).await.0, 1000);
    assert_eq!(bench.fake.closed.load(Ordering::SeqCst), 0);
    bench.ended("kicked").await;
}

#[tokio::test(start_paused = true)]
async fn the_clients_close_is_answered() {
    let (bench, mut ws) = Bench::json().await;
    ws.send(rpc("1", "")).await.unwrap();
    assert_eq!(cid(&mut ws).await, "1");
    ws.close(Some(tungstenite::protocol::CloseFrame { code: 1000.into(), reason: "bye".into() }))
        .await
        .unwrap();
    assert_eq!(close_frame(&mut ws).await, (1000, "bye".to_owned()));
    bench.ended("by_client").await;
}
