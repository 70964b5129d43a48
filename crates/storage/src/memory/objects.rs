//! Objects that players and server code keep.

use std::collections::HashSet;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use super::limits::{broken, fits, jsonb};
use super::{Memory, Tables};
use crate::{
    Object, ObjectDelete, ObjectIs, ObjectKey, ObjectPage, ObjectPosition, ObjectRefused,
    ObjectRights, ObjectTimes, ObjectWrite, Objects, ObjectsOf, ReadPermission, StorageError,
    WhyRefused, WritePermission,
};

/// Collection, key, owner.
pub(super) type OwnedKey = (String, String, UserId);

fn owned(at: ObjectKey<'_>) -> OwnedKey {
    (at.collection.into(), at.key.into(), at.user)
}

fn check_distinct<'a>(mut keys: impl Iterator<Item = ObjectKey<'a>>) -> Result<(), StorageError> {
    let mut seen = HashSet::new();
    if keys.all(|key| seen.insert(key)) {
        Ok(())
    } else {
        Err(broken("a batch names an object twice"))
    }
}

fn may_read(rights: ObjectRights, object: &Object) -> bool {
    match rights {
        ObjectRights::Server => true,
        ObjectRights::Player(player) => match object.read {
            ReadPermission::Everybody => true,
            ReadPermission::Owner => object.user == player,
            ReadPermission::Nobody => false,
        },
    }
}

fn may_write(rights: ObjectRights, owner: UserId, held: Option<&Object>) -> bool {
    match rights {
        ObjectRights::Server => true,
        ObjectRights::Player(player) => {
            owner == player && held.is_none_or(|object| object.write == WritePermission::Owner)
        }
    }
}

impl Tables {
    fn why_not_written(&self, rights: ObjectRights, new: &ObjectWrite<'_>) -> Option<WhyRefused> {
        let held = self.objects.get(&owned(new.at));
        if !may_write(rights, new.at.user, held) {
            return Some(WhyRefused::Permission);
        }
        let as_wanted = match new.if_is {
            ObjectIs::Any => true,
            ObjectIs::Absent => held.is_none(),
            ObjectIs::Version(version) => held.is_some_and(|object| object.version == version),
        };
        if !as_wanted {
            return Some(WhyRefused::Version);
        }
        (!self.users.contains_key(&new.at.user)).then_some(WhyRefused::NoOwner)
    }

    fn why_not_deleted(&self, rights: ObjectRights, gone: &ObjectDelete<'_>) -> Option<WhyRefused> {
        let Some(held) = self.objects.get(&owned(gone.at)) else {
            return Some(WhyRefused::NotFound);
        };
        if !may_write(rights, gone.at.user, Some(held)) {
            return Some(WhyRefused::Permission);
        }
        let as_wanted = match gone.if_is {
            ObjectIs::Any => true,
            ObjectIs::Absent => false,
            ObjectIs::Version(version) => held.version == version,
        };
        (!as_wanted).then_some(WhyRefused::Version)
    }

    pub(super) fn write_objects(
        &mut self,
        rights: ObjectRights,
        batch: &[ObjectWrite<'_>],
        now: Timestamp,
    ) -> Result<Result<Vec<ObjectTimes>, ObjectRefused>, StorageError> {
        let now = now.whole_micros();
        let mut values = Vec::with_capacity(batch.len());
        for new in batch {
            fits(new.at.collection, 128)?;
            fits(new.at.key, 128)?;
            fits(new.version, 32)?;
            values.push(jsonb(new.value)?);
        }
        check_distinct(batch.iter().map(|new| new.at))?;
        if let Err(refused) = first(batch.iter().map(|new| self.why_not_written(rights, new))) {
            return Ok(Err(refused));
        }
        let written = batch.iter().zip(values).map(|(new, value)| self.put(new, value, now));
        Ok(Ok(written.collect()))
    }

    pub(super) fn delete_objects(
        &mut self,
        rights: ObjectRights,
        batch: &[ObjectDelete<'_>],
    ) -> Result<Result<(), ObjectRefused>, StorageError> {
        check_distinct(batch.iter().map(|gone| gone.at))?;
        if let Err(refused) = first(batch.iter().map(|gone| self.why_not_deleted(rights, gone))) {
            return Ok(Err(refused));
        }
        for gone in batch {
            self.objects.remove(&owned(gone.at));
        }
        Ok(Ok(()))
    }

    /// Writes what may be written.
    fn put(&mut self, new: &ObjectWrite<'_>, value: String, now: Timestamp) -> ObjectTimes {
        let key = owned(new.at);
        let held = self.objects.get(&key);
        if let Some(held) = held
            && (held.version.as_str(), held.read, held.write) == (new.version, new.read, new.write)
        {
            return ObjectTimes { create_time: held.create_time, update_time: held.update_time };
        }
        let times = ObjectTimes {
            create_time: held.map_or(now, |held| held.create_time),
            update_time: now,
        };
        let object = Object {
            collection: key.0.clone(),
            key: key.1.clone(),
            user: key.2,
            value,
            version: new.version.into(),
            read: new.read,
            write: new.write,
            create_time: times.create_time,
            update_time: times.update_time,
        };
        self.objects.insert(key, object);
        times
    }
}

/// The first refusal of a batch.
fn first(refusals: impl Iterator<Item = Option<WhyRefused>>) -> Result<(), ObjectRefused> {
    for (at, why) in refusals.enumerate() {
        if let Some(why) = why {
            return Err(ObjectRefused { at, why });
        }
    }
    Ok(())
}

#[async_trait]
impl Objects for Memory {
    async fn write(
        &self,
        rights: ObjectRights,
        batch: &[ObjectWrite<'_>],
        now: Timestamp,
    ) -> Result<Result<Vec<ObjectTimes>, ObjectRefused>, StorageError> {
        self.lock().write_objects(rights, batch, now)
    }

    async fn read(
        &self,
        rights: ObjectRights,
        batch: &[ObjectKey<'_>],
    ) -> Result<Vec<Object>, StorageError> {
        let tables = self.lock();
        let there = batch.iter().filter_map(|at| tables.objects.get(&owned(*at)));
        Ok(there.filter(|object| may_read(rights, object)).cloned().collect())
    }

    async fn delete(
        &self,
        rights: ObjectRights,
        batch: &[ObjectDelete<'_>],
    ) -> Result<Result<(), ObjectRefused>, StorageError> {
        self.lock().delete_objects(rights, batch)
    }

    async fn list(
        &self,
        collection: &str,
        of: ObjectsOf,
        after: Option<&ObjectPosition>,
        limit: u32,
    ) -> Result<ObjectPage, StorageError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let tables = self.lock();
        let from = (collection.to_owned(), String::new(), UserId::NIL);
        let held = tables.objects.range(from..).map(|(_, object)| object);
        let mut listed: Vec<&Object> =
            held.take_while(|object| object.collection == collection).collect();
        match of {
            ObjectsOf::User(user, least) => {
                listed.retain(|object| object.user == user && object.read >= least);
                listed.sort_by(|a, b| (a.read, &a.key).cmp(&(b.read, &b.key)));
                if let Some(after) = after {
                    listed.retain(|object| (object.read, &object.key) > (after.read, &after.key));
                }
            }
            ObjectsOf::Public => listed.retain(|object| object.read == ReadPermission::Everybody),
            ObjectsOf::Everything => {}
        }
        if let (ObjectsOf::Public | ObjectsOf::Everything, Some(after)) = (of, after) {
            listed.retain(|object| (&object.key, object.user) > (&after.key, after.user));
        }
        let more = listed.len() > limit;
        Ok(ObjectPage { objects: listed.into_iter().take(limit).cloned().collect(), more })
    }
}
