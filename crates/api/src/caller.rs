//! Who makes a call.

use std::sync::Arc;

use tavern_delegation::Delegate;
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
    /// Whoever holds a token that speaks for some of a player's rights.
    Delegate(Delegation),
    /// The studio's server: the HTTP key, or server code.
    Server,
}

/// A delegated token and whom it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delegation {
    /// The player, as use cases see them.
    pub player: Arc<Player>,
    /// The token.
    pub token: Arc<Delegate>,
}

impl Caller {
    /// The player, or the one that a delegate stands for.
    ///
    /// # Errors
    /// `Unauthenticated` for anybody else.
    pub fn player(&self) -> Result<&Arc<Player>, CodedError> {
        match self {
            Self::Player(player) => Ok(player),
            Self::Delegate(delegation) => Ok(&delegation.player),
            Self::Anonymous | Self::Client | Self::Server => {
                Err(CodedError::new(ErrorCode::Unauthenticated, "a session is needed"))
            }
        }
    }
}
