//! Types that several areas use.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tavern_domain::UserId;

/// A user, or nobody: left out, or an empty text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaybeUser(pub Option<UserId>);

impl From<UserId> for MaybeUser {
    fn from(user: UserId) -> Self {
        Self(Some(user))
    }
}

impl Serialize for MaybeUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for MaybeUser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None | Some("") => Ok(Self(None)),
            Some(text) => text
                .parse()
                .map(|user| Self(Some(user)))
                .map_err(|_| serde::de::Error::custom(format!("{text:?} is not the id of a user"))),
        }
    }
}

/// Times as server code has them: whole Unix seconds. For `#[serde(with = "…")]`.
pub mod time {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use tavern_domain::Timestamp;

    /// # Errors
    /// The serialiser's own.
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        at.seconds().serialize(serializer)
    }

    /// # Errors
    /// When it is no whole number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_seconds)
    }
}
