//! WebSocket sessions.
//!
//! One task per session polls everything the session has: the reader, the message being handled,
//! the outbox and one timer. An idle session is this task, its read buffer and its outbox, and
//! nothing else. What comes for it while it sleeps is written by whoever sends it, see `direct.rs`.
//! A session can outlive its socket, see `parking.rs`.

mod clock;
mod direct;
mod end;
#[cfg(test)]
mod garbage;
mod handshake;
mod outbox;
mod parking;
#[cfg(test)]
mod race;
mod session;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use end::End;
pub(crate) use handshake::upgrade;
pub(crate) use outbox::Outbox;
pub(crate) use parking::Parking;
pub(crate) use session::Path;

use std::sync::Arc;

use tavern_domain::Lifecycle;

use crate::meters::Meters;
use crate::settings::SocketSettings;

/// What sessions share.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) life: Lifecycle,
    pub(crate) settings: SocketSettings,
    pub(crate) meters: Arc<Meters>,
    pub(crate) parking: Arc<Parking>,
}
