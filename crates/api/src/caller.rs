//! Who makes a call.

use std::collections::BTreeMap;
use std::sync::Arc;

use tavern_domain::{CodedError, ErrorCode, Timestamp, TokenId, UserId};

/// A player with a valid session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Player {
    /// The account.
    pub user: UserId,
    /// The user name in the session token.
    pub username: Arc<str>,
    /// The session's variables.
    pub vars: Arc<BTreeMap<String, String>>,
    /// The log-in that the token comes from.
    pub token: TokenId,
    /// When the token was issued, in seconds.
    pub issued: Timestamp,
    /// When the token expires, in seconds.
    pub expires: Timestamp,
}

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
