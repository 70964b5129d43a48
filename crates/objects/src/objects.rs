//! Writing, reading, deleting and listing objects.

use std::sync::Arc;

use tavern_domain::Clock;
use tavern_storage::{ObjectKey, StorageError};

use crate::batch::{self, Writes};
use crate::list::Walk;
use crate::{
    DeleteObject, ListQuery, NewObject, Object, ObjectAck, ObjectList, ObjectRights, ObjectsError,
};

/// Objects: rules over the kept ones.
pub struct Objects {
    store: Arc<dyn tavern_storage::Objects>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

impl Objects {
    /// Objects over this store.
    #[must_use]
    pub fn new(store: Arc<dyn tavern_storage::Objects>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Writes objects, all or none, and answers one ack for each in the order given. An object may
    /// be named more than once; each time counts, in order.
    ///
    /// An object that is there already with the same version and permissions keeps its update time.
    /// Safe to drop half-way, but then nobody knows whether it was done.
    ///
    /// # Errors
    /// [`ObjectsError`]; nothing was changed, unless the store failed.
    pub async fn write(
        &self,
        rights: ObjectRights,
        batch: &[NewObject<'_>],
    ) -> Result<Vec<ObjectAck>, ObjectsError> {
        let writes = Writes::new(rights, batch)?;
        let objects = writes.for_store();
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let written = self.store.write(rights, &objects, self.clock.now()).await;
        match written.map_err(not_kept)? {
            Ok(times) => writes.acks(&times).ok_or_else(|| {
                ObjectsError::Storage(StorageError::Failed("fewer times than objects".into()))
            }),
            Err(refused) => Err(writes.refused(refused)),
        }
    }

    /// The objects that are there and may be read, each once, in the order asked for.
    /// Changes nothing; safe to drop half-way.
    ///
    /// # Errors
    /// [`ObjectsError::Name`], [`ObjectsError::TooMany`], [`ObjectsError::Storage`].
    pub async fn read(
        &self,
        rights: ObjectRights,
        batch: &[ObjectKey<'_>],
    ) -> Result<Vec<Object>, ObjectsError> {
        let reads = batch::reads(batch)?;
        if reads.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store.read(rights, &reads).await?)
    }

    /// Deletes objects, all or none.
    ///
    /// Safe to drop half-way, but then nobody knows whether it was done.
    ///
    /// # Errors
    /// [`ObjectsError`]; nothing was changed, unless the store failed.
    pub async fn delete(
        &self,
        rights: ObjectRights,
        batch: &[DeleteObject<'_>],
    ) -> Result<(), ObjectsError> {
        let deletes = batch::deletes(batch)?;
        if deletes.is_empty() {
            return Ok(());
        }
        let deleted = self.store.delete(rights, &deletes).await?;
        deleted.map_err(|refused| batch::delete_refused(&deletes, refused))
    }

    /// A part of a collection: what the rights show of it. Changes nothing; safe to drop half-way.
    ///
    /// # Errors
    /// [`ObjectsError::Limit`], [`ObjectsError::ServerLimit`], [`ObjectsError::Cursor`],
    /// [`ObjectsError::Storage`].
    pub async fn list(
        &self,
        rights: ObjectRights,
        query: ListQuery<'_>,
    ) -> Result<ObjectList, ObjectsError> {
        let walk = Walk::new(rights, query)?;
        if !walk.can_hold_something() {
            return Ok(ObjectList::default());
        }
        let page =
            self.store.list(walk.collection, walk.of, walk.after.as_ref(), walk.limit).await?;
        Ok(walk.page(page))
    }
}

/// Names and versions were checked, so what does not fit is a value.
fn not_kept(error: StorageError) -> ObjectsError {
    if matches!(error, StorageError::DoesNotFit(_)) {
        ObjectsError::NotKeepable(error)
    } else {
        ObjectsError::Storage(error)
    }
}
