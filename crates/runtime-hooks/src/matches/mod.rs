//! The port of matches that server code runs.
//!
//! A [`MatchFactory`] is registered by name on the [`Registrar`](crate::Registrar). It makes a
//! [`MatchHandler`] for each match, which keeps the state of that match. The server calls one
//! callback of a handler at a time and waits for it; between the callbacks, nobody else touches the
//! handler. When the match has ended, the handler is dropped.
//!
//! Server code acts on its match through a [`Dispatcher`]. It works during callbacks and between
//! them, from any thread, and does not wait.
//!
//! An error of a callback ends the match, and its players are told that it has failed.
//! [`Step::End`] ends it in order.

mod dispatcher;
mod handlers;
mod types;

pub use dispatcher::{Broadcast, Dispatcher, DispatcherFunction, MatchDispatcher, NoMatch};
pub use handlers::{CreatedMatch, MatchFactory, MatchHandler, MatchHandlers, SharedFactory};
pub use types::{
    JoinAnswer, JoinAttempt, MatchContext, MatchMessage, MatchPlayer, SignalAnswer, Step,
};
