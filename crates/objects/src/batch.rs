//! What to write and to delete, checked and without repetitions.

use std::collections::HashMap;

use md5::{Digest as _, Md5};
use tavern_domain::{Timestamp, UserId, check_json_object};
use tavern_storage::{
    ObjectDelete, ObjectIs, ObjectKey, ObjectRefused, ObjectTimes, ObjectWrite, ReadPermission,
    WhyRefused, WritePermission,
};

use crate::{ObjectRights, ObjectsError};

/// Most objects that one call may name: they are one transaction, which locks as many.
pub const MAX_BATCH: usize = 10_000;
/// Most characters of a collection or key; each has at least one.
pub const MAX_NAME_CHARS: usize = 128;
/// Most bytes of a value. What a client may send at once is usually bounded lower.
pub const MAX_VALUE_BYTES: usize = 16 * 1024 * 1024;
/// Most bytes of a version.
const MAX_VERSION_BYTES: usize = 32;

/// An object to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct NewObject<'a> {
    pub collection: &'a str,
    pub key: &'a str,
    /// The owner; the nil user for the system.
    pub user: UserId,
    /// The text of a JSON object, at most [`MAX_VALUE_BYTES`] bytes.
    pub value: &'a str,
    /// Empty for no condition, `*` for "must not be there", else the version it must have.
    pub version: &'a str,
    /// 0 nobody, 1 the owner, 2 everybody; `None` is 1.
    pub permission_read: Option<i32>,
    /// 0 nobody, 1 the owner; `None` is 1.
    pub permission_write: Option<i32>,
}

/// An object to delete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct DeleteObject<'a> {
    pub collection: &'a str,
    pub key: &'a str,
    /// The owner; the nil user for the system.
    pub user: UserId,
    /// Empty for no condition, else the version it must have.
    pub version: &'a str,
}

/// An object that was written.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct ObjectAck {
    pub collection: String,
    pub key: String,
    pub user: UserId,
    /// The MD5 of the value as submitted, in hex.
    pub version: String,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// The version that a value is.
pub(crate) fn version_of(value: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digest = Md5::digest(value.as_bytes());
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(HEX[usize::from(digit)])).collect()
}

/// Checks that a name could be one, for writing.
fn check_name(name: &str) -> Result<(), ObjectsError> {
    check_asked(name)?;
    if is_name(name) { Ok(()) } else { Err(ObjectsError::Name) }
}

/// Checks a name to look for. One that no object can have finds nothing.
pub(crate) fn check_asked(name: &str) -> Result<(), ObjectsError> {
    if name.is_empty() { Err(ObjectsError::Name) } else { Ok(()) }
}

/// Whether an object can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = name.len() <= MAX_NAME_CHARS || name.chars().count() <= MAX_NAME_CHARS;
    !name.is_empty() && fits && !name.contains('\0')
}

/// Whether an object can have this version.
fn is_version(version: &str) -> bool {
    (1..=MAX_VERSION_BYTES).contains(&version.len()) && !version.contains('\0')
}

/// A member of a batch that is refused.
fn refused(why: WhyRefused, at: ObjectKey<'_>) -> ObjectsError {
    let (collection, key) = (at.collection.to_owned(), at.key.to_owned());
    match why {
        WhyRefused::Version => ObjectsError::Version { collection, key },
        WhyRefused::Permission => ObjectsError::Permission { collection, key },
        WhyRefused::NotFound => ObjectsError::NotFound { collection, key },
        WhyRefused::NoOwner => ObjectsError::NoOwner { collection, key },
    }
}

/// A member of a batch that the store refused.
pub(crate) fn member_refused(why: WhyRefused, at: Option<ObjectKey<'_>>) -> ObjectsError {
    let nowhere = ObjectKey { collection: "", key: "", user: UserId::NIL };
    refused(why, at.unwrap_or(nowhere))
}

/// What to write, checked: for a store that changes more than objects in one transaction. Else
/// [`Objects::write`](crate::Objects::write) does all of it.
#[derive(Debug)]
pub struct Writes<'a> {
    /// Each object once, the way it will be in the end, under the condition it had first.
    objects: Vec<Write<'a>>,
    /// For each that was asked for, which of them it became, and its version.
    asked: Vec<(usize, String)>,
}

/// An [`ObjectWrite`] that owns its version.
#[derive(Debug)]
struct Write<'a> {
    object: ObjectWrite<'a>,
    version: String,
}

impl<'a> Writes<'a> {
    /// Checks a batch.
    ///
    /// # Errors
    /// [`ObjectsError`] says what is wrong with it.
    pub fn new(rights: ObjectRights, batch: &[NewObject<'a>]) -> Result<Self, ObjectsError> {
        if batch.len() > MAX_BATCH {
            return Err(ObjectsError::TooMany);
        }
        let mut writes = Self {
            objects: Vec::with_capacity(batch.len()),
            asked: Vec::with_capacity(batch.len()),
        };
        if let [new] = batch {
            writes.push(check(new)?);
            return Ok(writes);
        }
        let mut places = HashMap::with_capacity(batch.len());
        for new in batch {
            let write = check(new)?;
            match places.get(&write.object.at) {
                None => {
                    places.insert(write.object.at, writes.objects.len());
                    writes.push(write);
                }
                Some(place) => writes.replace(rights, *place, write)?,
            }
        }
        Ok(writes)
    }

    fn push(&mut self, write: Write<'a>) {
        self.asked.push((self.objects.len(), write.version.clone()));
        self.objects.push(write);
    }

    /// An object named again: as if one write came after the other.
    fn replace(
        &mut self,
        rights: ObjectRights,
        place: usize,
        write: Write<'a>,
    ) -> Result<(), ObjectsError> {
        let before = &mut self.objects[place];
        let locked = before.object.write == WritePermission::Nobody;
        if locked && matches!(rights, ObjectRights::Player(_)) {
            return Err(refused(WhyRefused::Permission, write.object.at));
        }
        let as_wanted = match write.object.if_is {
            ObjectIs::Any => true,
            ObjectIs::Absent => false,
            ObjectIs::Version(version) => version == before.version,
        };
        if !as_wanted {
            return Err(refused(WhyRefused::Version, write.object.at));
        }
        self.asked.push((place, write.version.clone()));
        let if_is = before.object.if_is;
        *before = Write { object: ObjectWrite { if_is, ..write.object }, ..write };
        Ok(())
    }

    /// What the store is asked to do.
    #[must_use]
    pub fn for_store(&self) -> Vec<ObjectWrite<'_>> {
        let objects = self.objects.iter();
        objects.map(|write| ObjectWrite { version: &write.version, ..write.object }).collect()
    }

    /// The error for what the store refused.
    #[must_use]
    pub fn refused(&self, refused: ObjectRefused) -> ObjectsError {
        member_refused(refused.why, self.objects.get(refused.at).map(|write| write.object.at))
    }

    /// One answer for each that was asked for; `None` when the store has answered too few times.
    #[must_use]
    pub fn acks(self, times: &[ObjectTimes]) -> Option<Vec<ObjectAck>> {
        let Self { objects, asked } = self;
        let acks = asked.into_iter().map(|(place, version)| {
            let (at, times) = (objects.get(place)?.object.at, times.get(place)?);
            Some(ObjectAck {
                collection: at.collection.to_owned(),
                key: at.key.to_owned(),
                user: at.user,
                version,
                create_time: times.create_time,
                update_time: times.update_time,
            })
        });
        acks.collect()
    }
}

fn check<'a>(new: &NewObject<'a>) -> Result<Write<'a>, ObjectsError> {
    check_name(new.collection)?;
    check_name(new.key)?;
    let key = || new.key.to_owned();
    let read = new
        .permission_read
        .map_or(Some(ReadPermission::Owner), |number| ReadPermission::from_number(number.into()));
    let read = read.ok_or_else(|| ObjectsError::ReadPermission { key: key() })?;
    let write = new
        .permission_write
        .map_or(Some(WritePermission::Owner), |number| WritePermission::from_number(number.into()));
    let write = write.ok_or_else(|| ObjectsError::WritePermission { key: key() })?;
    check_json_object(new.value, MAX_VALUE_BYTES)
        .map_err(|source| ObjectsError::Value { key: key(), source })?;
    let at = ObjectKey { collection: new.collection, key: new.key, user: new.user };
    let if_is = match new.version {
        "" => ObjectIs::Any,
        "*" => ObjectIs::Absent,
        version if is_version(version) => ObjectIs::Version(version),
        _ => return Err(refused(WhyRefused::Version, at)),
    };
    let object = ObjectWrite { at, if_is, value: new.value, version: "", read, write };
    Ok(Write { object, version: version_of(new.value) })
}

/// The error for what the store refused of [`deletes`].
#[must_use]
pub fn delete_refused(deletes: &[ObjectDelete<'_>], refused: ObjectRefused) -> ObjectsError {
    member_refused(refused.why, deletes.get(refused.at).map(|gone| gone.at))
}

/// What to delete, checked: for a store that changes more than objects in one transaction. Else
/// [`Objects::delete`](crate::Objects::delete) does all of it.
///
/// # Errors
/// [`ObjectsError`] says what is wrong with the batch.
pub fn deletes<'a>(batch: &[DeleteObject<'a>]) -> Result<Vec<ObjectDelete<'a>>, ObjectsError> {
    if batch.len() > MAX_BATCH {
        return Err(ObjectsError::TooMany);
    }
    let mut seen = HashMap::new();
    let mut deletes = Vec::with_capacity(batch.len());
    for gone in batch {
        check_asked(gone.collection)?;
        check_asked(gone.key)?;
        let at = ObjectKey { collection: gone.collection, key: gone.key, user: gone.user };
        // What is named a second time is gone by then.
        let again = batch.len() > 1 && seen.insert(at, ()).is_some();
        if again || !is_name(gone.collection) || !is_name(gone.key) {
            return Err(refused(WhyRefused::NotFound, at));
        }
        let if_is = match gone.version {
            "" => ObjectIs::Any,
            version if is_version(version) => ObjectIs::Version(version),
            _ => return Err(refused(WhyRefused::Version, at)),
        };
        deletes.push(ObjectDelete { at, if_is });
    }
    Ok(deletes)
}

/// What to read, each object once, without those that cannot be there.
pub(crate) fn reads<'a>(batch: &[ObjectKey<'a>]) -> Result<Vec<ObjectKey<'a>>, ObjectsError> {
    if batch.len() > MAX_BATCH {
        return Err(ObjectsError::TooMany);
    }
    let mut seen = HashMap::new();
    let mut reads = Vec::with_capacity(batch.len());
    for at in batch {
        check_asked(at.collection)?;
        check_asked(at.key)?;
        let again = batch.len() > 1 && seen.insert(*at, ()).is_some();
        if !again && is_name(at.collection) && is_name(at.key) {
            reads.push(*at);
        }
    }
    Ok(reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_md5_of_the_bytes() {
        // The examples of RFC 1321.
        for (text, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ] {
            assert_eq!(version_of(text), digest, "{text}");
        }
    }

    #[test]
    fn names_have_1_to_128_characters() {
        for good in ["a", " ", &"é".repeat(128)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a\0b", &"e".repeat(129), &"é".repeat(129)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
