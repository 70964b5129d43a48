//! Wire types of the public client and realtime protocol, their JSON mapping and the route table.
//!
//! # Purpose
//! Everything that is derived from the definitions in `proto/`, and nothing else:
//! - the messages ([`api`], [`realtime`], [`console`], [`wkt`]), in protobuf by `prost` and in JSON by [`Wire`];
//! - the table of calls ([`CallId`], [`CallInfo`], [`calls`]): names, gRPC paths, the credential a
//!   call needs and its REST bindings, from which [`routes`] and [`decode_rest`] work;
//! - the realtime messages a client may send ([`RtId`]), envelopes in both [`Format`]s, and
//!   [`Outgoing`], an envelope encoded at most once per format however many sessions get it;
//! - the [`documents`] that describe all that to other programs.
//!
//! A new call is one entry in `proto/`; the build does the rest.
//!
//! # Invariants
//! - Names and numbers are those of the public protocol and never change.
//! - JSON output is deterministic: fields in the order of their definition, maps sorted.
//! - JSON is what clients of the public protocol see: `snake_case` names, zero values left out,
//!   64-bit integers as strings, enums as numbers, bytes in base64, times in RFC 3339.
//! - No decoder panics or goes deeper than [`MAX_DEPTH`]; its memory is linear in its input.
//! - Error texts may go to clients: they say what is wrong and where, and of the input they repeat
//!   nothing but names and enum words, cut short.
//! - [`routes::find`] allocates nothing for a path without escapes.
//!
//! # Must not know
//! Behaviour: who may call what and what a call does. Sockets, HTTP libraries, SQL, scripts.
//!
//! # Entry points
//! [`Wire`], [`CallId::info`], [`Call`], [`routes::find`], [`decode_rest`], [`decode_envelope`],
//! [`encode_envelope`], [`Outgoing`], [`RtId::of`].
//!
//! A request by REST, the way an edge and the service share the work:
//!
//! ```
//! use tavern_protocol::routes::{self, Found};
//! use tavern_protocol::{Call, CallId, Wire, calls, decode_rest, query_pairs};
//!
//! let Found::Route(found) = routes::find("POST", "/v2/group/g1/kick") else { panic!() };
//! assert_eq!(found.call, CallId::KickGroupUsers);
//! let mut params: Vec<_> = found.params.iter().map(|(n, v)| ((*n).into(), v.clone())).collect();
//! params.extend(query_pairs("user_ids=u1&userIds=u2")?);
//! type Request = <calls::KickGroupUsers as Call>::Request;
//! let request: Request = decode_rest(found.binding, &params, b"")?;
//! assert_eq!(request.to_json(), br#"{"group_id":"g1","user_ids":["u1","u2"]}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A message for many sockets:
//!
//! ```
//! use std::sync::Arc;
//! use tavern_protocol::realtime::{Envelope, MatchData};
//! use tavern_protocol::{Format, Outgoing};
//!
//! let data = MatchData { match_id: "m.".into(), op_code: 7, ..Default::default() };
//! let out = Arc::new(Outgoing::new(Envelope::push(data)));
//! let wanted = br#"{"match_data":{"match_id":"m.","op_code":"7"}}"#;
//! assert_eq!(out.encoded(Format::Json).as_ref(), wanted);
//! assert_eq!(out.json().as_ptr(), out.json().as_ptr(), "encoded once, shared by all");
//! ```

mod call;
pub mod documents;
mod json;
mod outgoing;
mod realtime_table;
mod rest;
pub mod routes;
mod shape;
mod wire;
pub mod wkt;

/// The messages of the client API: package `nakama.api`.
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub mod api {
    include!(concat!(env!("OUT_DIR"), "/nakama.api.rs"));
}

/// The messages of the realtime protocol: package `nakama.realtime`.
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub mod realtime {
    include!(concat!(env!("OUT_DIR"), "/nakama.realtime.rs"));
}

/// Messages of the operators' API: package `nakama.console`.
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub mod console {
    include!(concat!(env!("OUT_DIR"), "/nakama.console.rs"));
}

pub use call::{Auth, Call, CallId, CallInfo, CallVisitor, calls};
pub use json::{JsonError, MAX_DEPTH, Unknown};
pub use outgoing::{DecodeEnvelopeError, Format, Outgoing, decode_envelope, encode_envelope};
pub use realtime_table::RtId;
pub use rest::{ParamError, QueryError, QueryPairs, RestError, decode_rest, query_pairs};
pub use shape::{FieldArity, FieldKind, FieldShape, MessageShape};
pub use wire::Wire;
pub use wkt::Unit;
