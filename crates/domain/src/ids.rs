//! Identifiers as types, so that a user can never be passed where a session is meant.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The nil id.
            pub const NIL: Self = Self(Uuid::nil());

            /// Whether this is the nil id.
            #[must_use]
            pub const fn is_nil(&self) -> bool {
                self.0.is_nil()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            /// Accepts the hyphenated form only, as clients of the public protocol send it.
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                // The parser also takes braces, URNs and bare digits; the protocol does not.
                let hyphenated = if s.len() == 36 { s } else { "" };
                Uuid::try_parse(hyphenated).map(Self)
            }
        }
    };
}

uuid_id! {
    /// A player's account. The nil id stands for the system.
    UserId
}
uuid_id! {
    /// One socket of a player, new for every connection.
    SessionId
}
uuid_id! {
    /// A login: shared by the session token, its refresh token and all their refreshes.
    TokenId
}

/// The name of a node: 1 to 16 bytes, no dot and no control character.
///
/// It is the part after the dot in the ids of authoritative matches and parties.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct NodeName(Arc<str>);

/// Why a text is no [`NodeName`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node name has 1 to 16 bytes, no dot and no control character")]
pub struct InvalidNodeName;

impl NodeName {
    /// Checks and wraps a name.
    ///
    /// # Errors
    /// [`InvalidNodeName`] when it is empty, longer than 16 bytes, or holds a dot or a control
    /// character.
    pub fn new(name: &str) -> Result<Self, InvalidNodeName> {
        let fine =
            (1..=16).contains(&name.len()) && !name.chars().any(|c| c == '.' || c.is_control());
        if fine { Ok(Self(name.into())) } else { Err(InvalidNodeName) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A match: `<uuid>.` for a relayed one, `<uuid>.<node>` for an authoritative one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MatchId {
    /// The match's own id.
    pub id: Uuid,
    /// The node that runs it; `None` for a relayed match, which lives wherever its members are.
    pub node: Option<NodeName>,
}

/// Why a text is no [`MatchId`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a match id is a UUID, a dot and, for an authoritative match, a node name")]
pub struct ParseMatchIdError;

impl MatchId {
    /// A relayed match.
    #[must_use]
    pub const fn relayed(id: Uuid) -> Self {
        Self { id, node: None }
    }

    /// The relayed match that everybody who creates one by this name shares.
    ///
    /// UUID version 5 of the name in the DNS name space, as the public protocol has it.
    #[must_use]
    pub fn relayed_by_name(name: &str) -> Self {
        Self::relayed(Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes()))
    }
}

impl fmt::Display for MatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.id.as_hyphenated())?;
        self.node.as_ref().map_or(Ok(()), |n| f.write_str(n.as_str()))
    }
}

impl FromStr for MatchId {
    type Err = ParseMatchIdError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (id, node) = s.split_once('.').ok_or(ParseMatchIdError)?;
        let id = id.parse::<UserId>().map_err(|_| ParseMatchIdError)?.0;
        let node = match node {
            "" => None,
            name => Some(NodeName::new(name).map_err(|_| ParseMatchIdError)?),
        };
        Ok(Self { id, node })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_take_only_the_hyphenated_form() {
        let text = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
        assert_eq!(text.parse::<UserId>().unwrap().to_string(), text);
        assert!("{7c9e6679-7425-40de-944b-e07fc1f90ae7}".parse::<UserId>().is_err());
        assert!("7c9e6679742540de944be07fc1f90ae7".parse::<UserId>().is_err());
        assert!("".parse::<UserId>().is_err());
    }

    #[test]
    fn match_ids_round_trip() {
        let relayed = MatchId::relayed_by_name("lobby");
        assert!(relayed.to_string().ends_with('.'));
        assert_eq!(relayed.to_string().parse::<MatchId>().unwrap(), relayed);
        let hosted = format!("{}node-1", relayed);
        assert_eq!(hosted.parse::<MatchId>().unwrap().node.unwrap().as_str(), "node-1");
        for bad in ["garbage", "", ".", "x.node", "7c9e6679-7425-40de-944b-e07fc1f90ae7"] {
            assert!(bad.parse::<MatchId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn node_names_are_bounded() {
        assert!(NodeName::new("tavern").is_ok());
        for bad in ["", "a.b", "seventeen-letters", "tab\t"] {
            assert_eq!(NodeName::new(bad), Err(InvalidNodeName), "{bad}");
        }
    }
}
