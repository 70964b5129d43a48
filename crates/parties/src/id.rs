//! The names of parties.

use std::fmt;
use std::str::FromStr;

use tavern_domain::{NodeName, Stream, StreamMode, UserId};
use uuid::Uuid;

use crate::error::PartyError;

/// A party: `<uuid>.<node>`. It lives on that node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PartyId {
    /// The party's own id.
    pub id: Uuid,
    /// The node that has it.
    pub node: NodeName,
}

impl PartyId {
    /// The stream that its members are on.
    #[must_use]
    pub fn stream(&self) -> Stream {
        let mut stream = Stream::of(StreamMode::PARTY, self.id);
        stream.label = self.node.as_str().into();
        stream
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id.as_hyphenated(), self.node)
    }
}

impl FromStr for PartyId {
    type Err = PartyError;

    fn from_str(text: &str) -> Result<Self, PartyError> {
        let (id, node) = text.split_once('.').ok_or(PartyError::InvalidId)?;
        let id = id.parse::<UserId>().map_err(|_| PartyError::InvalidId)?.0;
        let node = NodeName::new(node).map_err(|_| PartyError::InvalidId)?;
        Ok(Self { id, node })
    }
}
