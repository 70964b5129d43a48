//! The listeners over real sockets, with a made-up service behind them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic, too")]

mod garbage;
mod grpc;
mod health;
mod limits;
mod parked;
mod rest;
mod routes;
mod rpc;
mod shutdown;
mod sockets;
mod support;
mod tls;
