//! Server code in Lua.
//!
//! # Purpose
//! Runs the Lua files of a folder: Lua 5.1 by LuaJIT's interpreter, `require("nakama")`, files that
//! require each other. [`LuaModule`] is a module like any other: what the files register goes into
//! the server's tables, and what they ask for comes from the one table of host functions.
//!
//! # Invariants
//! - A machine runs one call at a time, on a thread that serves no sockets; a call that waits for
//!   the database blocks that thread and no other.
//! - Computing time and memory of a call are bounded, also inside `pcall`: past its time limit a
//!   call is stopped at every instruction until it is out.
//! - Scripts have no files, no processes, no network and no bytecode but through the host.
//! - A file that fails while loading stops the start, with its name and line.
//!
//! # Must not know
//! Sockets, SQL, what host functions do.
//!
//! # Entry points
//! [`LuaModule`], [`LuaConfig`].

mod context;
mod game;
mod hooks;
mod machine;
mod message;
mod module;
mod place;
mod source;

pub use machine::LoadError;
pub use module::{LuaConfig, LuaModule};
pub use source::SourceError;
