//! One use case per client call and realtime message, driven by one table of calls.
//!
//! # Purpose
//! Who may, before-hook, the work, after-hook: the same way for every call, whatever its transport.
//! [`Services`] joins the subsystems; [`Api`] joins them with the frozen hooks and is the
//! [`Service`] that edges see.
//!
//! # Invariants
//! - An [`Api`] needs `Hooks`, which exist only once every module has loaded.
//! - A call that is in the table passes through the same steps as every other; nothing about
//!   credentials, hooks or metrics is written per call.
//! - A player gets no session before the after-hook of the log-in that created the account has
//!   finished: see `obligations`.
//! - A message is handled after the one before it on the same socket, never beside it.
//!
//! # Must not know
//! Frames, headers, SQL, a script engine.
//!
//! # Entry points
//! [`Services::new`], [`Api::new`], [`Service`]; to add a call, `table.rs`.

mod api;
mod caller;
mod cases;
mod context;
mod delegation;
mod error;
mod events;
mod host;
mod indexes;
mod limits;
mod lobby;
mod localcache;
mod metrics;
mod obligations;
mod realtime;
mod schedules;
mod service;
mod services;
mod table;
mod wire;

pub use api::Api;
pub use caller::{Caller, Delegation, Player};
pub use delegation::{canonical, is_right};
pub use host::ServerHost;
pub use obligations::Leftovers;
pub use service::{
    Admission, CallMeta, ClientAddress, Connection, Credential, Flow, Hello, Input, Outbox,
    Resumption, RpcFailure, RpcRequest, Service,
};
pub use services::{Config, Parts, Services};
// What an edge finds at the paths of server code.
pub use tavern_runtime_hooks::{
    FoundRoute, HttpMethod, HttpMethods, HttpRequest, HttpResponse, Route,
};
// What an edge's outboxes implement and are told.
pub use tavern_streams::{Class, CloseReason, Sink};
