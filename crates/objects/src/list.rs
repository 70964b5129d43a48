//! Pages of a collection and the cursors between them.

use tavern_domain::{CursorScope, InvalidCursor, UserId};
use tavern_storage::{Object, ObjectPage, ObjectPosition, ObjectRights, ObjectsOf, ReadPermission};
use uuid::Uuid;

use crate::ObjectsError;
use crate::batch::is_name;

/// Objects on a page when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 1;
/// Most objects on a page for a player.
pub const MAX_LIMIT: u32 = 100;
/// Most objects on a page for server code.
pub const MAX_SERVER_LIMIT: u32 = 10_000;

/// Which part of a collection is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListQuery<'a> {
    /// The collection.
    pub collection: &'a str,
    /// Whose objects; `None` for those of every owner.
    pub user: Option<UserId>,
    /// Objects on a page, 1 to [`MAX_LIMIT`], or to [`MAX_SERVER_LIMIT`] for server code; `None` is
    /// [`DEFAULT_LIMIT`].
    pub limit: Option<i32>,
    /// Whether server code asks, with whose rights ever.
    pub by_server: bool,
    /// Where to go on; empty begins at the first object.
    pub cursor: &'a str,
}

/// A part of a collection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ObjectList {
    /// The objects: those of one owner by read permission and key, those of all by key and owner.
    pub objects: Vec<Object>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// A query that was understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Walk<'a> {
    pub(crate) collection: &'a str,
    user: Option<UserId>,
    pub(crate) of: ObjectsOf,
    pub(crate) limit: u32,
    pub(crate) after: Option<ObjectPosition>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(rights: ObjectRights, query: ListQuery<'a>) -> Result<Self, ObjectsError> {
        let (most, beyond) = if query.by_server {
            (MAX_SERVER_LIMIT, ObjectsError::ServerLimit)
        } else {
            (MAX_LIMIT, ObjectsError::Limit)
        };
        let limit = match query.limit.map(u32::try_from) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=most).contains(&limit) => limit,
            Some(_) => return Err(beyond),
        };
        let after = match query.cursor {
            "" => None,
            text => Some(decode(query.collection, query.user, text).map_err(ObjectsError::Cursor)?),
        };
        let of = visible(rights, query.user);
        Ok(Self { collection: query.collection, user: query.user, of, limit, after })
    }

    /// Whether there can be such a collection.
    pub(crate) fn can_hold_something(&self) -> bool {
        is_name(self.collection)
    }

    pub(crate) fn page(&self, page: ObjectPage) -> ObjectList {
        let last = page.objects.last().filter(|_| page.more);
        let cursor = last.map(|last| encode(self.collection, self.user, last));
        ObjectList { objects: page.objects, cursor }
    }
}

/// Which objects the rights show.
fn visible(rights: ObjectRights, user: Option<UserId>) -> ObjectsOf {
    match (rights, user) {
        (ObjectRights::Server, None) => ObjectsOf::Everything,
        (ObjectRights::Server, Some(user)) => ObjectsOf::User(user, ReadPermission::Nobody),
        (ObjectRights::Player(_), None) => ObjectsOf::Public,
        (ObjectRights::Player(player), Some(user)) if player == user => {
            ObjectsOf::User(user, ReadPermission::Owner)
        }
        (ObjectRights::Player(_), Some(user)) => ObjectsOf::User(user, ReadPermission::Everybody),
    }
}

/// What a cursor is bound to.
fn about(collection: &str, user: Option<UserId>) -> Vec<u8> {
    let owner = user.as_ref().map_or(&[][..], |user| user.0.as_bytes());
    // The length tells a list of one owner from that of another collection of all.
    let length = [u8::try_from(owner.len()).unwrap_or(u8::MAX)];
    [&length, owner, collection.as_bytes()].concat()
}

const LIST: &str = "storage objects 1";
/// Bytes before the key: the read permission and the owner.
const HEAD: usize = 1 + 16;

fn encode(collection: &str, user: Option<UserId>, last: &Object) -> String {
    let read = match last.read {
        ReadPermission::Nobody => 0,
        ReadPermission::Owner => 1,
        ReadPermission::Everybody => 2,
    };
    let position = [&[read], &last.user.0.as_bytes()[..], last.key.as_bytes()].concat();
    CursorScope { list: LIST, about: &about(collection, user) }.encode(&position)
}

fn decode(
    collection: &str,
    user: Option<UserId>,
    text: &str,
) -> Result<ObjectPosition, InvalidCursor> {
    let bytes = CursorScope { list: LIST, about: &about(collection, user) }.decode(text)?;
    let (head, key) = bytes.split_at_checked(HEAD).ok_or(InvalidCursor)?;
    let read = ReadPermission::from_number(head[0].into()).ok_or(InvalidCursor)?;
    let owner = Uuid::from_slice(&head[1..]).map_err(|_| InvalidCursor)?;
    let key = std::str::from_utf8(key).ok().filter(|key| is_name(key)).ok_or(InvalidCursor)?;
    Ok(ObjectPosition { read, key: key.to_owned(), user: UserId(owner) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::{Classify as _, ErrorCode, Timestamp};
    use tavern_storage::WritePermission;

    use super::*;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    fn walk(by_server: bool, limit: Option<i32>) -> Result<Walk<'static>, ObjectsError> {
        let query = ListQuery { collection: "c", user: None, limit, by_server, cursor: "" };
        Walk::new(ObjectRights::Player(ADA), query)
    }

    #[test]
    fn limits_are_in_their_range() {
        assert_eq!(walk(false, None).unwrap().limit, 1, "the default");
        for (by_server, most) in [(false, 100), (true, 10_000)] {
            assert_eq!(walk(by_server, Some(1)).unwrap().limit, 1);
            assert_eq!(walk(by_server, Some(most)).unwrap().limit, most.unsigned_abs());
            for bad in [0, -1, most + 1, i32::MIN] {
                let refused = walk(by_server, Some(bad)).unwrap_err();
                assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{bad}");
                assert!(refused.to_string().contains(&most.to_string()), "{bad}: {refused}");
            }
        }
    }

    #[test]
    fn the_rights_say_what_is_listed() {
        for (rights, user, expected) in [
            (ObjectRights::Server, None, ObjectsOf::Everything),
            (ObjectRights::Server, Some(ADA), ObjectsOf::User(ADA, ReadPermission::Nobody)),
            (ObjectRights::Player(ADA), None, ObjectsOf::Public),
            (ObjectRights::Player(ADA), Some(ADA), ObjectsOf::User(ADA, ReadPermission::Owner)),
            (ObjectRights::Player(ADA), Some(BOB), ObjectsOf::User(BOB, ReadPermission::Everybody)),
        ] {
            assert_eq!(visible(rights, user), expected, "{rights:?} {user:?}");
        }
    }

    fn object(read: ReadPermission, key: &str, user: UserId) -> Object {
        Object {
            collection: "c".into(),
            key: key.into(),
            user,
            value: "{}".into(),
            version: "v".into(),
            read,
            write: WritePermission::Owner,
            create_time: Timestamp::EPOCH,
            update_time: Timestamp::EPOCH,
        }
    }

    #[test]
    fn cursors_are_bound_to_collection_and_owner() {
        let last = object(ReadPermission::Owner, &"é".repeat(128), ADA);
        let text = encode("c", Some(ADA), &last);
        let position = decode("c", Some(ADA), &text).unwrap();
        assert_eq!((position.read, position.key, position.user), (last.read, last.key, ADA));
        for (collection, user) in [("d", Some(ADA)), ("c", Some(BOB)), ("c", None)] {
            assert_eq!(
                decode(collection, user, &text),
                Err(InvalidCursor),
                "{collection} {user:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn positions_round_trip(key in "[^\0]{1,128}", read in 0..3_i64, owner in any::<u128>(), bound in any::<bool>()) {
            let (read, user) = (ReadPermission::from_number(read).unwrap(), UserId(Uuid::from_u128(owner)));
            let about = bound.then_some(user);
            let text = encode("c", about, &object(read, &key, user));
            prop_assert_eq!(decode("c", about, &text), Ok(ObjectPosition { read, key, user }));
        }

        #[test]
        fn decoding_never_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(decode("c", None, &text).is_err());
            let text = CursorScope { list: LIST, about: &about("c", None) }.encode(&bytes);
            if let Ok(p) = decode("c", None, &text) {
                prop_assert_eq!(encode("c", None, &object(p.read, &p.key, p.user)), text);
            }
        }
    }
}
