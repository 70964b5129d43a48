//! Objects in storage.

use async_trait::async_trait;
use tavern_domain::UserId;
use tavern_objects::{
    DeleteObject, ListQuery, NewObject, Object, ObjectAck, ObjectKey, ObjectRights,
};
use tavern_runtime_hooks::host::{
    HostObject, HostObjectAck, HostObjectDelete, HostObjectPage, HostObjectWrite, StorageDelete,
    StorageHost, StorageIndexList, StorageList, StorageRead, StorageWrite,
};
use tavern_runtime_hooks::{HookError, Json};

use super::ServerHost;
use crate::error;

/// Objects on a page of an index when the caller does not say.
const DEFAULT_INDEX_LIMIT: i64 = 100;

#[async_trait]
impl StorageHost for ServerHost {
    async fn storage_read(&self, args: StorageRead) -> Result<Vec<HostObject>, HookError> {
        let batch: Vec<_> = args
            .objects
            .iter()
            .map(|id| ObjectKey {
                collection: &id.collection,
                key: &id.key,
                user: id.user_id.0.unwrap_or_default(),
            })
            .collect();
        let objects = self.0.objects.read(ObjectRights::Server, &batch).await;
        Ok(objects.map_err(error::classified)?.into_iter().map(object).collect())
    }

    async fn storage_write(&self, args: StorageWrite) -> Result<Vec<HostObjectAck>, HookError> {
        let batch: Vec<_> = args.objects.iter().map(new_object).collect();
        let acks = self.0.objects.write(ObjectRights::Server, &batch).await;
        Ok(acks.map_err(error::classified)?.into_iter().map(ack).collect())
    }

    async fn storage_delete(&self, args: StorageDelete) -> Result<(), HookError> {
        let batch: Vec<_> = args.objects.iter().map(gone_object).collect();
        let deleted = self.0.objects.delete(ObjectRights::Server, &batch).await;
        Ok(deleted.map_err(error::classified)?)
    }

    async fn storage_list(&self, args: StorageList) -> Result<HostObjectPage, HookError> {
        let rights = args.caller_id.0.map_or(ObjectRights::Server, ObjectRights::Player);
        let query = ListQuery {
            collection: args.collection.as_deref().unwrap_or_default(),
            user: args.user_id.0,
            // What is beyond is refused with the range.
            limit: Some(i32::try_from(args.limit).unwrap_or(i32::MAX)),
            by_server: true,
            cursor: args.cursor.as_deref().unwrap_or_default(),
        };
        let page = self.0.objects.list(rights, query).await.map_err(error::classified)?;
        let objects = page.objects.into_iter().map(object).collect();
        Ok(HostObjectPage { objects, cursor: page.cursor })
    }

    async fn storage_index_list(
        &self,
        args: StorageIndexList,
    ) -> Result<HostObjectPage, HookError> {
        let query = tavern_storage_index::ListQuery {
            index: &args.index,
            query: &args.query,
            order: args.order.as_deref().unwrap_or_default(),
            limit: args.limit.unwrap_or(DEFAULT_INDEX_LIMIT),
            // The nil user is the server, as in the public protocol.
            caller: args.caller_id.0.filter(|caller| *caller != UserId::NIL),
            cursor: args.cursor.as_deref().unwrap_or_default(),
        };
        let page = self.0.indexes.list(query).await.map_err(error::classified)?;
        let objects = page.objects.into_iter().map(object).collect();
        Ok(HostObjectPage { objects, cursor: page.cursor })
    }
}

/// An object to write as the subsystem takes it.
pub(super) fn new_object(new: &HostObjectWrite) -> NewObject<'_> {
    NewObject {
        collection: &new.collection,
        key: &new.key,
        user: new.user_id.0.unwrap_or_default(),
        value: &new.value.0,
        version: new.version.as_deref().unwrap_or_default(),
        permission_read: new.permission_read,
        permission_write: new.permission_write,
    }
}

/// An object to delete as the subsystem takes it.
pub(super) fn gone_object(gone: &HostObjectDelete) -> DeleteObject<'_> {
    DeleteObject {
        collection: &gone.collection,
        key: &gone.key,
        user: gone.user_id.0.unwrap_or_default(),
        version: gone.version.as_deref().unwrap_or_default(),
    }
}

fn object(kept: Object) -> HostObject {
    HostObject {
        collection: kept.collection,
        key: kept.key,
        user_id: kept.user,
        value: Json(kept.value),
        version: kept.version,
        permission_read: kept.read.number().into(),
        permission_write: kept.write.number().into(),
        create_time: kept.create_time,
        update_time: kept.update_time,
    }
}

/// A written object as server code sees it.
pub(super) fn ack(ack: ObjectAck) -> HostObjectAck {
    HostObjectAck {
        collection: ack.collection,
        key: ack.key,
        user_id: ack.user,
        version: ack.version,
        create_time: ack.create_time,
        update_time: ack.update_time,
    }
}
