//! Objects in storage, in the words of server code.

use tavern_objects::{
    DeleteObject, ListQuery, NewObject, Object, ObjectAck, ObjectKey, ObjectRights,
};
use tavern_runtime_hooks::{
    HookError, HostObject, HostObjectAck, HostObjectDelete, HostObjectId, HostObjectPage,
    HostObjectQuery, HostObjectWrite,
};

use crate::error;
use crate::services::Services;

pub(super) async fn read(
    services: &Services,
    ids: &[HostObjectId],
) -> Result<Vec<HostObject>, HookError> {
    let batch: Vec<_> = ids
        .iter()
        .map(|id| ObjectKey { collection: &id.collection, key: &id.key, user: id.user })
        .collect();
    let objects = services.objects.read(ObjectRights::Server, &batch).await;
    Ok(objects.map_err(error::classified)?.into_iter().map(object).collect())
}

pub(super) async fn write(
    services: &Services,
    objects: &[HostObjectWrite],
) -> Result<Vec<HostObjectAck>, HookError> {
    let batch: Vec<_> = objects
        .iter()
        .map(|new| NewObject {
            collection: &new.collection,
            key: &new.key,
            user: new.user,
            value: &new.value,
            version: &new.version,
            permission_read: new.permission_read,
            permission_write: new.permission_write,
        })
        .collect();
    let acks = services.objects.write(ObjectRights::Server, &batch).await;
    Ok(acks.map_err(error::classified)?.into_iter().map(ack).collect())
}

pub(super) async fn delete(
    services: &Services,
    objects: &[HostObjectDelete],
) -> Result<(), HookError> {
    let batch: Vec<_> = objects
        .iter()
        .map(|gone| DeleteObject {
            collection: &gone.collection,
            key: &gone.key,
            user: gone.user,
            version: &gone.version,
        })
        .collect();
    let deleted = services.objects.delete(ObjectRights::Server, &batch).await;
    Ok(deleted.map_err(error::classified)?)
}

pub(super) async fn list(
    services: &Services,
    query: &HostObjectQuery,
) -> Result<HostObjectPage, HookError> {
    let rights = query.caller.map_or(ObjectRights::Server, ObjectRights::Player);
    let query = ListQuery {
        collection: &query.collection,
        user: query.user,
        // What is beyond is refused with the range.
        limit: Some(i32::try_from(query.limit).unwrap_or(i32::MAX)),
        by_server: true,
        cursor: &query.cursor,
    };
    let page = services.objects.list(rights, query).await.map_err(error::classified)?;
    let objects = page.objects.into_iter().map(object).collect();
    Ok(HostObjectPage { objects, cursor: page.cursor })
}

fn object(kept: Object) -> HostObject {
    HostObject {
        collection: kept.collection,
        key: kept.key,
        user: kept.user,
        value: kept.value,
        version: kept.version,
        permission_read: kept.read.number().into(),
        permission_write: kept.write.number().into(),
        create_time: kept.create_time,
        update_time: kept.update_time,
    }
}

fn ack(ack: ObjectAck) -> HostObjectAck {
    HostObjectAck {
        collection: ack.collection,
        key: ack.key,
        user: ack.user,
        version: ack.version,
        create_time: ack.create_time,
        update_time: ack.update_time,
    }
}
