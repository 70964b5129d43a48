//! What nodes tell each other, and owe to their indexes.

use tavern_cluster::MAX_PAYLOAD;
use tavern_domain::UserId;

use crate::shelf::Name;

/// Something that has changed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) enum Change {
    /// An object was written or deleted.
    Object(Name),
    /// All objects of an owner are gone.
    Owner(UserId),
}

impl Change {
    /// At least as many bytes as it takes in a message.
    fn size(&self) -> usize {
        // A kind, an id and two lengths.
        let fixed = 1 + 17 + 2 * 10;
        match self {
            Self::Object(name) => fixed + name.collection.len() + name.key.len(),
            Self::Owner(_) => fixed,
        }
    }
}

/// Messages that tell of changes, each small enough for the bus.
pub(crate) fn messages(changes: &[Change]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let (mut from, mut size) = (0, 0);
    for (at, change) in changes.iter().enumerate() {
        if size + change.size() > MAX_PAYLOAD - 16 {
            messages.extend(encode(&changes[from..at]));
            (from, size) = (at, 0);
        }
        size += change.size();
    }
    messages.extend(encode(&changes[from..]));
    messages
}

fn encode(changes: &[Change]) -> Option<Vec<u8>> {
    if changes.is_empty() { None } else { postcard::to_allocvec(changes).ok() }
}

/// What a message tells.
pub(crate) fn read(message: &[u8]) -> Result<Vec<Change>, postcard::Error> {
    postcard::from_bytes(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(length: usize) -> Change {
        let key = "é".repeat(length);
        Change::Object(Name { collection: "c".repeat(length), key, user: UserId::NIL })
    }

    #[test]
    fn many_changes_are_several_messages() {
        let mut changes: Vec<Change> = (0..10_000).map(|n| object(n % 129)).collect();
        changes.push(Change::Owner(UserId::NIL));
        let messages = messages(&changes);
        assert!(messages.len() > 1);
        assert!(messages.iter().all(|message| message.len() <= MAX_PAYLOAD));
        let told: Vec<Change> = messages.iter().flat_map(|m| read(m).unwrap()).collect();
        assert_eq!(told, changes);
        assert!(super::messages(&[]).is_empty());
    }

    #[test]
    fn nonsense_is_no_message() {
        for bad in [&b"\xff\xff\xff\xff\xff\xff"[..], b"\x01\x07", b"\x02\x00\x05abc"] {
            assert!(read(bad).is_err());
        }
    }
}
