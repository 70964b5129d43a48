//! Many write to one socket: threads that push, and the session itself. Every message arrives
//! once, whole, and in the order of its sender.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use socket2::SockRef;
use tavern_api::{Admission, Class, Connection, Flow, Sink};
use tavern_domain::{CodedError, Lifecycle};
use tavern_protocol::realtime::{Envelope, Ping, Pong, StreamData};
use tavern_protocol::{Format, Wire};
use tavern_telemetry::Metrics;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;
use tungstenite::protocol::Role;

use super::session::Session;
use super::tests::seat;
use super::{Outbox, Parts};
use crate::Config;
use crate::meters::Meters;
use crate::settings::Settings;
use crate::stream::Stream;

const PUSHERS: usize = 3;
/// Messages of each pusher: first one after the other, so that the session comes to rest in
/// between, ...
const PACED: usize = 400;
/// ... then as fast as it can.
const FLOOD: usize = 200;
/// The client speaks after so many messages.
const EVERY: usize = 7;

/// Answers everything with a pong.
struct Echo(Arc<Outbox>);

impl Connection for Echo {
    fn handle(self: Arc<Self>, envelope: Envelope) -> BoxFuture<'static, Flow> {
        self.0.push(Arc::new(Envelope::reply(envelope.cid, Pong {}).into()), Class::Reliable);
        async { Flow::Continue }.boxed()
    }

    fn resume(
        self: Arc<Self>,
        _: Admission,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>> {
        async { Ok(self as Arc<dyn Connection>) }.boxed()
    }

    fn closed(&self) {}
}

/// A pair of sockets whose buffers are full soon.
async fn narrow() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpSocket::new_v4().unwrap();
    client.set_recv_buffer_size(4096).unwrap();
    let client = client.connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    SockRef::from(&server).set_send_buffer_size(4096).unwrap();
    server.set_nodelay(true).unwrap();
    (server, client)
}

/// `<pusher>:<n>:`, and something that makes frames of all lengths.
fn message(pusher: usize, n: usize) -> Envelope {
    let data = format!("{pusher}:{n}:{}", "x".repeat((n * 517 + pusher) % 12_000));
    Envelope::push(StreamData { data, ..StreamData::default() })
}

fn push(outbox: &Outbox, pusher: usize, n: usize) {
    // Some of a burst go by way of the task, too.
    if !n.is_multiple_of(5) {
        outbox.forget_last();
    }
    outbox.push(Arc::new(message(pusher, n).into()), Class::Reliable);
}

fn pusher(outbox: &Outbox, me: usize, arrived: &Receiver<()>) {
    for n in 0..PACED {
        push(outbox, me, n);
        arrived.recv().unwrap();
    }
    for n in PACED..PACED + FLOOD {
        push(outbox, me, n);
    }
}

/// What the client has seen.
#[derive(Default)]
struct Seen {
    of: [usize; PUSHERS],
    answers: usize,
    pongs: usize,
}

impl Seen {
    /// Takes a message in; answers whose it was.
    fn take(&mut self, message: Message) -> Option<usize> {
        match message {
            Message::Pong(_) => self.pongs += 1,
            Message::Ping(_) => {}
            Message::Text(text) => {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                let Some(data) = value["stream_data"]["data"].as_str() else {
                    assert_eq!(value["cid"], self.answers.to_string());
                    self.answers += 1;
                    return None;
                };
                let of: usize = data.split(':').next().unwrap().parse().unwrap();
                let expected = String::from_utf8(self::message(of, self.of[of]).to_json()).unwrap();
                assert_eq!(text.as_str(), expected);
                self.of[of] += 1;
                return Some(of);
            }
            Message::Binary(_) | Message::Close(_) | Message::Frame(_) => panic!("{message:?}"),
        }
        None
    }
}

async fn client(socket: TcpStream, arrived: [SyncSender<()>; PUSHERS]) {
    let mut ws = WebSocketStream::from_raw_socket(socket, Role::Client, None).await;
    let mut seen = Seen::default();
    let (mut asked, mut heard) = (0, 0);
    while seen.of != [FLOOD + PACED; PUSHERS] || seen.answers < asked || seen.pongs == 0 {
        let message = ws.next().await.expect("the session stays").expect("frames are intact");
        let Some(of) = seen.take(message) else { continue };
        heard += 1;
        if heard % EVERY == 0 {
            let ask = Envelope::reply(asked.to_string(), Ping {}).to_json();
            ws.feed(Message::text(String::from_utf8(ask).unwrap())).await.unwrap();
            ws.send(Message::Ping("?".into())).await.unwrap();
            asked += 1;
        }
        // Fails when the pusher is done.
        let _done = arrived[of].send(());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_many_threads_arrive_whole_and_in_order() {
    let config = Config {
        outgoing_queue_size: 1 << 16,
        outgoing_queue_bytes: 1 << 26,
        ping_period_ms: 1000,
        ..Config::default()
    };
    let life = Lifecycle::new();
    let parts = Arc::new(Parts {
        life: life.clone(),
        settings: Settings::new(&config).unwrap().socket,
        meters: Arc::new(Meters::new(&Metrics::default())),
        parking: Arc::default(),
    });
    let outbox = Outbox::new(Format::Json, Arc::clone(&parts));
    let (server, socket) = narrow().await;
    let session = {
        let outbox = Arc::clone(&outbox);
        life.spawn(async move {
            let (stream, line) = Stream::Plain(server).share();
            outbox.connect(line.expect("plain sockets have one"));
            let codec = Some(parts.settings.codec());
            let ws = WebSocketStream::from_raw_socket(stream, Role::Server, codec).await;
            let echo: Arc<dyn Connection> = Arc::new(Echo(Arc::clone(&outbox)));
            Session::new(ws, seat(&parts, &outbox), async { Ok(echo) }.boxed(), parts, ()).await;
        })
    };

    let (mut arrived, mut threads) = (Vec::new(), Vec::new());
    for me in 0..PUSHERS {
        let (tell, hear) = sync_channel(FLOOD + PACED);
        let outbox = Arc::clone(&outbox);
        arrived.push(tell);
        threads.push(thread::spawn(move || pusher(&outbox, me, &hear)));
    }
    client(socket, arrived.try_into().expect("as many as pushers")).await;
    for thread in threads {
        thread.join().unwrap();
    }
    // The client is gone, and nothing holds on to its socket.
    session.await.unwrap();
}
