//! The two ports of server code.
//!
//! # Purpose
//! Inward: what the server calls. A [`Module`] registers hooks before and after every request and
//! realtime message, functions that clients may call and routes of its own, on a [`Registrar`]; [`load`] freezes them
//! into [`Hooks`], the table that the service consults. Outward: [`Host`], what server code may
//! ask of the server.
//!
//! # Invariants
//! - There is no way to get [`Hooks`] but [`load`] (or [`Hooks::none`]), and [`load`] answers only
//!   when every module's initialiser has returned well: a server that needs `Hooks` to listen
//!   cannot listen too early.
//! - Two modules that want the same hook are an error at start, never a silent override.
//! - A hook that panics fails its call, not the server.
//!
//! # Must not know
//! A script language, SQL, sockets.
//!
//! # Entry points
//! [`Module`], [`Registrar`], [`load`], [`Hooks`], [`Host`].

mod context;
pub mod engine;
mod error;
mod events;
mod hooks;
pub mod host;
mod indexes;
pub mod matches;
mod matchmaking;
mod message;
mod module;
mod registrar;
mod routes;
mod scheduled;
pub mod value;

/// The examples of the page on storage.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/storage.md")]
struct StoragePage;

/// The examples of the pages on leaderboards and tournaments.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/leaderboards.md")]
struct LeaderboardsPage;
#[cfg(doctest)]
#[doc = include_str!("../../../docs/tournaments.md")]
struct TournamentsPage;

pub use context::{HookContext, RpcContext};
pub use error::{HookError, LoadError, ModuleError};
pub use events::EventKind;
pub use hooks::Hooks;
pub use host::Host;
pub use indexes::{
    IndexCandidate, IndexDefinition, IndexSpec, MAX_INDEX_ENTRIES, MAX_INDEX_FIELDS, MAX_INDEXES,
    chosen_for_index,
};
pub use matchmaking::{ChosenGroups, MatchmakerEntry, chosen_groups};
pub use message::{AnyMessage, MessageBox};
pub use module::{Module, load, load_with, reload};
pub use registrar::Registrar;
pub use routes::{
    FoundRoute, HttpMethod, HttpMethods, HttpRequest, HttpResponse, MAX_RESPONSE_BODY,
    MAX_RESPONSE_HEADER_BYTES, MAX_RESPONSE_HEADERS, MAX_ROUTES, Route, RoutePattern,
};
pub use value::{Blob, Json, Value};
