//! What players were told while they were away.

use tavern_domain::CodedError;
use tavern_protocol::{Unit, api};
use tavern_social::parse_notification_id;

use super::DONE;
use crate::api::user;
use crate::context::Context;
use crate::services::Services;
use crate::{error, wire};

/// A page of the player's notifications, oldest first.
pub(crate) async fn list(
    services: &Services,
    cx: &mut Context,
    request: &api::ListNotificationsRequest,
) -> Result<api::NotificationList, CodedError> {
    let page = services.notifications.list(user(cx)?, request.limit, &request.cacheable_cursor);
    let page = page.await.map_err(error::classified)?;
    Ok(api::NotificationList {
        notifications: page.notifications.into_iter().map(wire::notification).collect(),
        cacheable_cursor: page.cacheable_cursor,
    })
}

/// Deletes some of the player's notifications.
pub(crate) async fn delete(
    services: &Services,
    cx: &mut Context,
    request: &api::DeleteNotificationsRequest,
) -> Result<Unit, CodedError> {
    let user = user(cx)?;
    let ids: Vec<_> = request
        .ids
        .iter()
        .map(|id| parse_notification_id(id))
        .collect::<Result<_, _>>()
        .map_err(error::classified)?;
    services.notifications.delete(Some(user), &ids).await.map_err(error::classified)?;
    DONE
}
