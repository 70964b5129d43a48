//! Listeners: REST, gRPC and WebSocket, their limits and session outboxes.
//!
//! # Purpose
//! Turns bytes on sockets into calls of [`tavern_api::Service`] and its answers back into bytes:
//! HTTP/1.1 and HTTP/2, with or without TLS, on three ports ([`ReservedPorts`], [`Accepting`]);
//! WebSocket sessions with bounded outboxes; and the listener for metrics and health
//! ([`HealthServer`]).
//!
//! # Invariants
//! - No port is open before there is a service: [`ReservedPorts`] refuses connections, and only
//!   [`ReservedPorts::accept`], which takes a service, opens it.
//! - A call that has begun runs to its end, whatever its client does.
//! - Everything a client can make grow has a limit: connections, heads, bodies, what bodies unfold
//!   to, messages, what waits for a slow reader; and everything a client can make last has a time
//!   limit. What meets a limit is counted.
//! - The messages of a session are handled one at a time, in order, and nothing is read meanwhile.
//! - A session is one task. It holds no lock while it waits, and a message to it that is not
//!   taken at once wakes it at most once.
//! - No query string is logged: tokens travel in it.
//!
//! # Must not know
//! SQL, scripts, any rule of the game server: who may call what is decided behind the service.
//!
//! # Entry points
//! [`Config`], [`ReservedPorts::bind`], [`ReservedPorts::accept`], [`Accepting::stop_accepting`],
//! [`Remaining::drain`], [`HealthServer::start`], [`Health`].

mod activity;
mod bind;
mod body;
mod client;
mod compress;
mod config;
mod cors;
mod dispatch;
mod edge;
mod finish;
mod grpc;
mod guarded;
mod handler;
mod head;
mod health;
mod meters;
mod reply;
mod rest;
mod rpc;
mod settings;
mod socket;
mod stream;
mod table;
mod tls;

pub use bind::{Addresses, BindError, Reserved, ReservedPorts};
pub use config::{Config, Family, ListenerName};
pub use edge::{Accepting, Drained, Remaining};
pub use health::{Health, HealthServer, Ready, RenderMetrics};
pub use tls::TlsError;
