//! Stores that tell the indexes what has changed.

use std::sync::Arc;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    Account, AccountUpdate, Accounts, Archive, ArchiveBounds, Archives, Created, Identity,
    ImportInto, ImportRefused, Imported, Linked, Login, NewAccount, NotArchived, Object,
    ObjectDelete, ObjectKey, ObjectPage, ObjectPosition, ObjectRefused, ObjectRights, ObjectTimes,
    ObjectWrite, Objects, ObjectsOf, Password, Storage, StorageError, Together, TogetherDone,
    TogetherRefused, Togethers, Unlinked, Updated, User,
};

use crate::indexes::Indexes;
use crate::message::Change;

/// The same storage, in which whatever changes objects tells the indexes: writes and deletes,
/// alone or together with other changes, and accounts that end or come in.
///
/// Statements of the studio's own are not looked into: what they change of objects is noticed when
/// a list comes across it, and at the next start.
#[must_use]
pub fn watched(storage: Storage, indexes: &Arc<Indexes>) -> Storage {
    let indexes = || Arc::clone(indexes);
    Storage {
        objects: Arc::new(Watched { inner: storage.objects, indexes: indexes() }),
        togethers: Arc::new(Watched { inner: storage.togethers, indexes: indexes() }),
        archives: Arc::new(Watched { inner: storage.archives, indexes: indexes() }),
        accounts: Arc::new(Watched { inner: storage.accounts, indexes: indexes() }),
        ..storage
    }
}

struct Watched<T: ?Sized> {
    inner: Arc<T>,
    indexes: Arc<Indexes>,
}

/// A change that is under way. When it is dropped before its outcome is known, the change is in
/// doubt.
struct UnderWay<'a> {
    indexes: &'a Indexes,
    changes: Vec<Change>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.indexes.doubtful(std::mem::take(&mut self.changes));
    }
}

impl UnderWay<'_> {
    /// Nothing was changed.
    fn refused(mut self) {
        self.changes.clear();
    }

    /// It was committed. `covered` says again what the indexes cover: there may be others by now.
    async fn committed(mut self, covered: Vec<Change>) {
        self.changes = covered;
        self.indexes.committed(&self.changes).await;
        self.changes.clear();
    }
}

impl<T: ?Sized> Watched<T> {
    /// Carries out a change of objects and takes in what came of it.
    async fn change<'a, Names, Done, Refused>(
        &self,
        names: impl Fn() -> Names,
        change: impl Future<Output = Result<Result<Done, Refused>, StorageError>>,
    ) -> Result<Result<Done, Refused>, StorageError>
    where
        Names: Iterator<Item = ObjectKey<'a>>,
    {
        let indexes = &*self.indexes;
        let under_way = UnderWay { indexes, changes: indexes.covered(names()) };
        let outcome = change.await;
        match &outcome {
            Ok(Ok(_)) => under_way.committed(indexes.covered(names())).await,
            Ok(Err(_)) => under_way.refused(),
            // It may have been committed all the same.
            Err(_) => drop(under_way),
        }
        outcome
    }
}

#[async_trait]
impl Objects for Watched<dyn Objects> {
    async fn write(
        &self,
        rights: ObjectRights,
        batch: &[ObjectWrite<'_>],
        now: Timestamp,
    ) -> Result<Result<Vec<ObjectTimes>, ObjectRefused>, StorageError> {
        let names = || batch.iter().map(|write| write.at);
        self.change(names, self.inner.write(rights, batch, now)).await
    }

    async fn read(
        &self,
        rights: ObjectRights,
        batch: &[ObjectKey<'_>],
    ) -> Result<Vec<Object>, StorageError> {
        self.inner.read(rights, batch).await
    }

    async fn delete(
        &self,
        rights: ObjectRights,
        batch: &[ObjectDelete<'_>],
    ) -> Result<Result<(), ObjectRefused>, StorageError> {
        let names = || batch.iter().map(|gone| gone.at);
        self.change(names, self.inner.delete(rights, batch)).await
    }

    async fn list(
        &self,
        collection: &str,
        of: ObjectsOf,
        after: Option<&ObjectPosition>,
        limit: u32,
    ) -> Result<ObjectPage, StorageError> {
        self.inner.list(collection, of, after, limit).await
    }
}

#[async_trait]
impl Togethers for Watched<dyn Togethers> {
    async fn apply(
        &self,
        changes: Together<'_>,
        now: Timestamp,
    ) -> Result<Result<TogetherDone, TogetherRefused>, StorageError> {
        let written = || changes.writes.iter().map(|write| write.at);
        let names = || written().chain(changes.deletes.iter().map(|gone| gone.at));
        self.change(names, self.inner.apply(changes, now)).await
    }
}

#[async_trait]
impl Archives for Watched<dyn Archives> {
    async fn export(
        &self,
        user: UserId,
        most: ArchiveBounds,
    ) -> Result<Result<Archive, NotArchived>, StorageError> {
        self.inner.export(user, most).await
    }

    /// All objects of the account may be others now: those that were in an index, and those that
    /// come in.
    async fn import(
        &self,
        into: ImportInto<'_>,
        objects: &[Object],
        now: Timestamp,
    ) -> Result<Result<(), ImportRefused>, StorageError> {
        let (indexes, user) = (&*self.indexes, into.user());
        let changes = || {
            let mut changes = if indexes.any() { vec![Change::Owner(user)] } else { Vec::new() };
            let names = objects.iter().map(|object| {
                let Object { collection, key, .. } = object;
                ObjectKey { collection, key, user }
            });
            changes.extend(indexes.covered(names));
            changes
        };
        let under_way = UnderWay { indexes, changes: changes() };
        let outcome = self.inner.import(into, objects, now).await;
        match &outcome {
            Ok(Ok(())) => under_way.committed(changes()).await,
            Ok(Err(_)) => under_way.refused(),
            Err(_) => drop(under_way),
        }
        outcome
    }
}

#[async_trait]
impl Accounts for Watched<dyn Accounts> {
    async fn find(
        &self,
        identity: Identity<'_>,
        with_obligation: bool,
    ) -> Result<Option<Login>, StorageError> {
        self.inner.find(identity, with_obligation).await
    }

    async fn find_by_username(
        &self,
        username: &str,
        with_obligation: bool,
    ) -> Result<Option<Login>, StorageError> {
        self.inner.find_by_username(username, with_obligation).await
    }

    async fn find_by_id(&self, user: UserId) -> Result<Option<Login>, StorageError> {
        self.inner.find_by_id(user).await
    }

    async fn create(&self, new: NewAccount<'_>) -> Result<Created, StorageError> {
        self.inner.create(new).await
    }

    async fn get(&self, user: UserId) -> Result<Option<Account>, StorageError> {
        self.inner.get(user).await
    }

    async fn users(
        &self,
        ids: &[UserId],
        usernames: &[String],
        facebook_ids: &[String],
    ) -> Result<Vec<User>, StorageError> {
        self.inner.users(ids, usernames, facebook_ids).await
    }

    async fn users_from(&self, from: UserId, count: u32) -> Result<Vec<User>, StorageError> {
        self.inner.users_from(from, count).await
    }

    async fn update(
        &self,
        user: UserId,
        update: &AccountUpdate,
        now: Timestamp,
    ) -> Result<Updated, StorageError> {
        self.inner.update(user, update, now).await
    }

    /// The objects of an account go with it.
    async fn delete(
        &self,
        user: UserId,
        recorded: bool,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let indexes = &*self.indexes;
        let changes = || if indexes.any() { vec![Change::Owner(user)] } else { Vec::new() };
        let under_way = UnderWay { indexes, changes: changes() };
        let outcome = self.inner.delete(user, recorded, now).await;
        match &outcome {
            Ok(true) => under_way.committed(changes()).await,
            Ok(false) => under_way.refused(),
            Err(_) => drop(under_way),
        }
        outcome
    }

    async fn link(
        &self,
        user: UserId,
        identity: Identity<'_>,
        password: Option<&Password>,
        now: Timestamp,
    ) -> Result<Linked, StorageError> {
        self.inner.link(user, identity, password, now).await
    }

    async fn unlink(
        &self,
        user: UserId,
        identity: Identity<'_>,
        now: Timestamp,
    ) -> Result<Unlinked, StorageError> {
        self.inner.unlink(user, identity, now).await
    }

    async fn fill(
        &self,
        user: UserId,
        imported: Imported<'_>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.inner.fill(user, imported, now).await
    }

    async fn replace_password(
        &self,
        user: UserId,
        old: &Password,
        new: &Password,
    ) -> Result<bool, StorageError> {
        self.inner.replace_password(user, old, new).await
    }

    async fn set_disabled(
        &self,
        users: &[UserId],
        at: Option<Timestamp>,
    ) -> Result<(), StorageError> {
        self.inner.set_disabled(users, at).await
    }
}
