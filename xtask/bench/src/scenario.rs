//! The table of scenarios, and the clients of those that are requests and answers.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::fanout::{self, Spread};
use crate::http::{Http, request};
use crate::idle;
use crate::kept;
use crate::neighbours;
use crate::outcome::{Outcome, Unit};
use crate::prepared::{bearer, prepared_client};
use crate::requests::{self, Client};
use crate::socket::Socket;
use crate::target::Target;
use crate::users::log_in_request;
use crate::wire::{Field, Format, Incoming, Message, kind};

/// How the next operation is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Load {
    /// Every client runs the next operation when its last one has ended.
    Closed,
    /// So many operations per second begin, however long they take.
    Rate(f64),
}

/// Everything a round needs to know.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub(crate) target: Rc<Target>,
    pub(crate) format: Format,
    pub(crate) load: Load,
    /// Connections, or groups where one sends to several.
    pub(crate) clients: usize,
    /// Receivers per sender.
    pub(crate) members: usize,
    /// Sockets that are opened to do nothing.
    pub(crate) sockets: usize,
    /// Bytes of a message's payload.
    pub(crate) payload: usize,
    pub(crate) warmup: Duration,
    pub(crate) length: Duration,
    /// Numbers that no two rounds of a run share.
    pub(crate) counter: Rc<Cell<usize>>,
}

impl Ctx {
    #[cfg(test)]
    pub(crate) fn for_tests(load: Load) -> Self {
        Self {
            target: Rc::new(Target::for_tests(1)),
            format: Format::Json,
            load,
            clients: 1,
            members: 1,
            sockets: 1,
            payload: 64,
            warmup: Duration::ZERO,
            length: Duration::from_secs(1),
            counter: Rc::default(),
        }
    }

    /// A name that is used once.
    pub(crate) fn unique(&self, purpose: &str) -> String {
        let number = self.counter.replace(self.counter.get() + 1);
        self.target.device(purpose, number)
    }
}

type Round = Pin<Box<dyn Future<Output = Result<Outcome>>>>;

/// A row of the table.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) unit: Unit,
    /// Whether it uses sockets, and so exists once per format.
    pub(crate) formats: bool,
    /// Connections or groups unless told otherwise.
    pub(crate) clients: usize,
    /// Whether a good function is measured alone and beside bad ones.
    pub(crate) neighbours: bool,
    /// Whether it sends requests at all, so that a rate means something.
    pub(crate) load: bool,
    pub(crate) run: fn(Rc<Ctx>) -> Round,
}

impl Scenario {
    /// Sockets that are open at once.
    pub(crate) fn sockets(&self, clients: usize, members: usize, idle: usize) -> usize {
        match self.unit {
            Unit::Operation => clients,
            Unit::Delivery => clients * (members + 1),
            Unit::SocketSecond => idle,
        }
    }

    const fn http(name: &'static str, about: &'static str, run: fn(Rc<Ctx>) -> Round) -> Self {
        Self {
            name,
            about,
            unit: Unit::Operation,
            formats: false,
            clients: 16,
            neighbours: false,
            load: true,
            run,
        }
    }

    const fn socket(name: &'static str, about: &'static str, run: fn(Rc<Ctx>) -> Round) -> Self {
        Self { formats: true, ..Self::http(name, about, run) }
    }

    const fn fanout(name: &'static str, about: &'static str, run: fn(Rc<Ctx>) -> Round) -> Self {
        Self { unit: Unit::Delivery, clients: 4, ..Self::socket(name, about, run) }
    }
}

/// All scenarios, in the order they run. Memory comes first, while the server is fresh.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        unit: Unit::SocketSecond,
        load: false,
        ..Scenario::socket("idle-sockets", "sockets that do nothing: memory and CPU of each", |c| {
            Box::pin(idle::round(c))
        })
    },
    Scenario::http("login-new", "log in with a device nobody has seen: an account is made", |c| {
        Box::pin(requests::round::<LogInNew>(c))
    }),
    Scenario::http("login-known", "log in with a device that has an account", |c| {
        Box::pin(requests::round::<LogInKnown>(c))
    }),
    Scenario::http("account-read", "read one's own account", |c| {
        Box::pin(requests::round::<AccountRead>(c))
    }),
    Scenario::http("users-read", "read ten users by id", |c| {
        Box::pin(requests::round::<UsersRead>(c))
    }),
    Scenario::http("storage-write", "write an object of one's own", |c| {
        Box::pin(requests::round::<kept::StorageWrite>(c))
    }),
    Scenario::http("storage-read", "read an object of one's own", |c| {
        Box::pin(requests::round::<kept::StorageRead>(c))
    }),
    Scenario::http("storage-list", "list ten objects of one's own", |c| {
        Box::pin(requests::round::<kept::StorageList>(c))
    }),
    Scenario::http("board-write", "write a better score to a leaderboard, rank included", |c| {
        Box::pin(requests::round::<kept::BoardWrite>(c))
    }),
    Scenario::http("board-list", "list the first ten records of a leaderboard", |c| {
        Box::pin(requests::round::<kept::BoardList>(c))
    }),
    Scenario::http("rpc-http-key", "call a server function over HTTP with the http key", |c| {
        Box::pin(requests::round::<RpcHttpKey>(c))
    }),
    Scenario::http("rpc-http-bearer", "call a server function over HTTP with a session", |c| {
        Box::pin(requests::round::<RpcBearer>(c))
    }),
    Scenario {
        neighbours: true,
        clients: 4,
        ..Scenario::http(
            "rpc-neighbours",
            "call a server function alone, then beside failing, waiting, computing, hungry ones",
            |c| Box::pin(neighbours::round(c)),
        )
    },
    Scenario::socket("rpc-socket", "call a server function over a socket", |c| {
        Box::pin(requests::round::<RpcSocket>(c))
    }),
    Scenario::socket("ping", "ping and pong envelopes", |c| Box::pin(requests::round::<Ping>(c))),
    Scenario::socket("connect", "open a socket, appear online, close it", |c| {
        Box::pin(requests::round::<Connect>(c))
    }),
    Scenario::fanout("match-data", "data in a relayed match, from one player to the others", |c| {
        Box::pin(fanout::round(c, Spread::Match))
    }),
    Scenario::fanout("party-data", "data in a party, from one member to the others", |c| {
        Box::pin(fanout::round(c, Spread::Party))
    }),
    Scenario::fanout("room", "chat messages in a room, not kept", |c| {
        Box::pin(fanout::round(c, Spread::Room { persistence: false }))
    }),
    Scenario::fanout("room-kept", "chat messages in a room, kept in the database", |c| {
        Box::pin(fanout::round(c, Spread::Room { persistence: true }))
    }),
    Scenario::fanout("status", "status updates, to those who follow the user", |c| {
        Box::pin(fanout::round(c, Spread::Status))
    }),
];

/// Accounts that a worker logs in to, in turn.
const KNOWN: usize = 8;
/// Users that are read at once.
const READ: usize = 10;

prepared_client!(LogInKnown, KNOWN, |ctx, index| {
    let users = ctx.target.users.first(&ctx.target, ctx.clients * KNOWN).await?;
    let own = &users[index * KNOWN..(index + 1) * KNOWN];
    own.iter().map(|user| log_in_request(&ctx.target, &user.device)).collect()
});

prepared_client!(AccountRead, 1, |ctx, index| {
    let auth = bearer(ctx, index).await?;
    vec![request("GET", "/v2/account", ctx.target.addr, Some(&auth), None)]
});

prepared_client!(UsersRead, READ, |ctx, index| {
    let users = ctx.target.users.first(&ctx.target, ctx.clients * READ).await?;
    let read = &users[index * READ..(index + 1) * READ];
    let ids: Vec<String> = read.iter().map(|user| format!("ids={}", user.id)).collect();
    let path = format!("/v2/user?{}", ids.join("&"));
    let auth = bearer(ctx, index).await?;
    vec![request("GET", &path, ctx.target.addr, Some(&auth), None)]
});

prepared_client!(RpcHttpKey, 0, |ctx, _index| {
    let keys = &ctx.target.keys;
    let path = format!("/v2/rpc/{}?http_key={}", keys.rpc, keys.http_key);
    vec![request("POST", &path, ctx.target.addr, None, Some(&rpc_body(ctx)))]
});

prepared_client!(RpcBearer, 1, |ctx, index| {
    let auth = bearer(ctx, index).await?;
    let path = format!("/v2/rpc/{}", ctx.target.keys.rpc);
    vec![request("POST", &path, ctx.target.addr, Some(&auth), Some(&rpc_body(ctx)))]
});

/// What the server function is given: a JSON object of the wanted size, as text.
fn rpc_payload(ctx: &Ctx) -> String {
    format!("{{\"x\":\"{}\"}}", "x".repeat(ctx.payload.saturating_sub(8)))
}

/// The same as the protocol wants it in a request: text within JSON.
pub(crate) fn rpc_body(ctx: &Ctx) -> String {
    serde_json::Value::from(rpc_payload(ctx)).to_string()
}

/// Every operation logs in with an id of its own.
struct LogInNew {
    http: Http,
    target: Rc<Target>,
    counter: Rc<Cell<usize>>,
}

impl Client for LogInNew {
    const USERS: usize = 0;

    async fn open(ctx: &Ctx, _: usize) -> Result<Self> {
        let http = Http::open(ctx.target.addr).await?;
        Ok(Self { http, target: Rc::clone(&ctx.target), counter: Rc::clone(&ctx.counter) })
    }

    async fn once(&mut self) -> Result<()> {
        let number = self.counter.replace(self.counter.get() + 1);
        let device = self.target.device("new", number);
        self.http.expect_ok(&log_in_request(&self.target, &device)).await?;
        Ok(())
    }

    async fn close(self) -> Result<()> {
        Ok(())
    }
}

/// A socket that waits for the answer to one request before the next.
async fn open_socket(ctx: &Ctx, index: usize, online: bool) -> Result<Socket> {
    let users = ctx.target.users.first(&ctx.target, index + 1).await?;
    Socket::open(&ctx.target, &users[index], ctx.format, online).await
}

fn expect(format: Format, answer: &[u8], wanted: Field) -> Result<()> {
    let read = Incoming::read(format, answer).context("not an envelope")?;
    ensure!(read.is(wanted), "the answer is no {}", wanted.0);
    Ok(())
}

struct Ping(Socket);

impl Client for Ping {
    async fn open(ctx: &Ctx, index: usize) -> Result<Self> {
        Ok(Self(open_socket(ctx, index, false).await?))
    }

    async fn once(&mut self) -> Result<()> {
        let answer = self.0.call(Message::Ping).await?;
        expect(self.0.format(), &answer, kind::PONG)
    }

    async fn close(self) -> Result<()> {
        self.0.close().await
    }
}

struct RpcSocket {
    socket: Socket,
    id: String,
    payload: String,
}

impl Client for RpcSocket {
    async fn open(ctx: &Ctx, index: usize) -> Result<Self> {
        let socket = open_socket(ctx, index, false).await?;
        Ok(Self { socket, id: ctx.target.keys.rpc.clone(), payload: rpc_payload(ctx) })
    }

    async fn once(&mut self) -> Result<()> {
        let call = Message::Rpc { id: &self.id, payload: &self.payload };
        let answer = self.socket.call(call).await?;
        expect(self.socket.format(), &answer, kind::RPC)
    }

    async fn close(self) -> Result<()> {
        self.socket.close().await
    }
}

/// Every operation opens a socket and closes it.
struct Connect {
    target: Rc<Target>,
    user: Rc<crate::users::User>,
    format: Format,
}

impl Client for Connect {
    async fn open(ctx: &Ctx, index: usize) -> Result<Self> {
        let users = ctx.target.users.first(&ctx.target, index + 1).await?;
        let (target, user) = (Rc::clone(&ctx.target), Rc::clone(&users[index]));
        Ok(Self { target, user, format: ctx.format })
    }

    async fn once(&mut self) -> Result<()> {
        let socket = Socket::open(&self.target, &self.user, self.format, true).await?;
        socket.close().await
    }

    async fn close(self) -> Result<()> {
        Ok(())
    }
}
