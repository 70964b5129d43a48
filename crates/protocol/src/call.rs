//! The table of calls.

use crate::Wire;
use crate::routes::{Binding, BodyRule, Segment, Verb};

/// The credential a call needs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Auth {
    /// None at all.
    None,
    /// The server key, which every game client carries.
    ServerKey,
    /// A session token.
    Bearer,
    /// A session token, or the key of the studio's own servers.
    BearerOrHttpKey,
}

/// What the definitions say of a call.
#[derive(PartialEq, Eq, Debug)]
pub struct CallInfo {
    /// Which one.
    pub id: CallId,
    /// Its name, as in `GetAccount`.
    pub name: &'static str,
    /// Its path in gRPC, as in `/nakama.api.Nakama/GetAccount`.
    pub grpc_path: &'static str,
    /// The credential it needs.
    pub auth: Auth,
    /// How it is reached by REST; at least one way.
    pub bindings: &'static [Binding],
}

/// A call with its message types, for generic code.
pub trait Call: Send + Sync + 'static {
    /// What is asked.
    type Request: Wire;
    /// What is answered.
    type Response: Wire;
    /// Which one it is.
    const ID: CallId;
}

/// Generic code over calls; see [`CallId::visit`].
pub trait CallVisitor {
    /// What it answers.
    type Out;
    /// The code.
    fn visit<C: Call>(self) -> Self::Out;
}

include!(concat!(env!("OUT_DIR"), "/calls.rs"));

impl CallId {
    /// What the definitions say of it.
    #[must_use]
    pub const fn info(self) -> &'static CallInfo {
        &INFOS[self as usize]
    }

    /// Its name, as in `GetAccount`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// The call of this name; case matters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let found = BY_NAME.binary_search_by_key(&name, |(n, _)| n).ok()?;
        Some(BY_NAME[found].1)
    }

    /// The call of this gRPC path.
    #[must_use]
    pub fn from_grpc_path(path: &str) -> Option<Self> {
        Self::from_name(path.strip_prefix(SERVICE)?.strip_prefix('/')?)
    }
}
