//! Who makes a call.

use std::sync::Arc;

use tavern_domain::{CodedError, ErrorCode};

/// A player with a valid session: what the session token says of them.
pub type Player = tavern_auth::Claims;

/// Who makes a call, verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Caller {
    /// Anybody: the call needs no credential.
    Anonymous,
    /// A game client without a session, by the server key.
    Client,
    /// A player.
    Player(Arc<Player>),
    /// The studio's server: the HTTP key, or server code.
    Server,
}

impl Caller {
    /// The player.
    ///
    /// # Errors
    /// `Unauthenticated` for anybody else.
    pub fn player(&self) -> Result<&Arc<Player>, CodedError> {
        match self {
            Self::Player(player) => Ok(player),
            Self::Anonymous | Self::Client | Self::Server => {
                Err(CodedError::new(ErrorCode::Unauthenticated, "a session is needed"))
            }
        }
    }
}
