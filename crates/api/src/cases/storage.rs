//! Objects that players keep.

use tavern_domain::{CodedError, UserId};
use tavern_objects::{DeleteObject, ListQuery, NewObject, ObjectKey, ObjectRights};
use tavern_protocol::{Unit, api};

use super::{DONE, parse_user};
use crate::api::user;
use crate::context::Context;
use crate::services::Services;
use crate::{error, wire};

/// Writes the player's own objects, all or none.
pub(crate) async fn write(
    services: &Services,
    cx: &mut Context,
    request: &api::WriteStorageObjectsRequest,
) -> Result<api::StorageObjectAcks, CodedError> {
    let user = user(cx)?;
    let batch: Vec<_> = request
        .objects
        .iter()
        .map(|new| NewObject {
            collection: &new.collection,
            key: &new.key,
            user,
            value: &new.value,
            version: &new.version,
            permission_read: new.permission_read,
            permission_write: new.permission_write,
        })
        .collect();
    let rights = ObjectRights::Player(user);
    let acks = services.objects.write(rights, &batch).await.map_err(error::classified)?;
    Ok(api::StorageObjectAcks { acks: acks.into_iter().map(wire::storage_ack).collect() })
}

/// The objects that are there and that the player may read.
pub(crate) async fn read(
    services: &Services,
    cx: &mut Context,
    request: &api::ReadStorageObjectsRequest,
) -> Result<api::StorageObjects, CodedError> {
    let rights = ObjectRights::Player(user(cx)?);
    let batch = request.object_ids.iter().map(|id| {
        let user = owner(&id.user_id)?.unwrap_or(UserId::NIL);
        Ok(ObjectKey { collection: &id.collection, key: &id.key, user })
    });
    let batch = batch.collect::<Result<Vec<_>, CodedError>>()?;
    let objects = services.objects.read(rights, &batch).await.map_err(error::classified)?;
    Ok(api::StorageObjects { objects: objects.into_iter().map(wire::storage_object).collect() })
}

/// A page of a collection: of one owner, or what everybody may read.
pub(crate) async fn list(
    services: &Services,
    cx: &mut Context,
    request: &api::ListStorageObjectsRequest,
) -> Result<api::StorageObjectList, CodedError> {
    let rights = ObjectRights::Player(user(cx)?);
    let query = ListQuery {
        collection: &request.collection,
        user: owner(&request.user_id)?,
        limit: request.limit,
        by_server: false,
        cursor: &request.cursor,
    };
    let page = services.objects.list(rights, query).await.map_err(error::classified)?;
    Ok(api::StorageObjectList {
        objects: page.objects.into_iter().map(wire::storage_object).collect(),
        cursor: page.cursor.unwrap_or_default(),
    })
}

/// Deletes the player's own objects, all or none.
pub(crate) async fn delete(
    services: &Services,
    cx: &mut Context,
    request: &api::DeleteStorageObjectsRequest,
) -> Result<Unit, CodedError> {
    let user = user(cx)?;
    let batch: Vec<_> = request
        .object_ids
        .iter()
        .map(|id| DeleteObject {
            collection: &id.collection,
            key: &id.key,
            user,
            version: &id.version,
        })
        .collect();
    let rights = ObjectRights::Player(user);
    services.objects.delete(rights, &batch).await.map_err(error::classified)?;
    DONE
}

/// An owner that may be left out.
fn owner(text: &str) -> Result<Option<UserId>, CodedError> {
    if text.is_empty() { Ok(None) } else { parse_user(text).map(Some) }
}
