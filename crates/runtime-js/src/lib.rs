//! Server code in JavaScript and TypeScript.
//!
//! # Purpose
//! Turns the hooks and functions of `tavern-runtime-hooks` into a language: [`JsModule`] loads the
//! program of a folder, runs its `InitModule` and registers what it asks for. QuickJS runs it, in
//! machines that take turns; TypeScript loses its types in process.
//!
//! # Invariants
//! - Every machine runs the same code, read once, and `InitModule` comes out the same in each; the
//!   world sees it run once (`machine::record`).
//! - No call is without a limit on computing time, memory, stack and sleep. A machine that was
//!   interrupted or ran out of memory serves no other call.
//! - A machine blocks the thread that it is on, never one that serves sockets.
//! - Places in errors are those of the file that the author wrote.
//!
//! # Must not know
//! Another language, SQL, sockets, what the functions of the server do.
//!
//! # Entry points
//! [`JsModule`], [`JsConfig`].

mod context;
mod functions;
mod hooks;
mod machine;
mod matches;
mod message;
mod module;
mod registration;
mod source;

pub use module::{JsConfig, JsModule};
pub use source::SourceError;
