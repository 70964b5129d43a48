//! Other players.

use tavern_domain::{CodedError, UserId};
use tavern_protocol::api;

use super::parse_user;
use crate::context::Context;
use crate::services::Services;
use crate::{error, wire};

/// The users with these ids, names or Facebook ids, each once; unknown ones are left out.
pub(crate) async fn get(
    services: &Services,
    _cx: &mut Context,
    request: &api::GetUsersRequest,
) -> Result<api::Users, CodedError> {
    let ids: Vec<UserId> = request.ids.iter().map(|id| parse_user(id)).collect::<Result<_, _>>()?;
    if ids.is_empty() && request.usernames.is_empty() && request.facebook_ids.is_empty() {
        return Ok(api::Users::default());
    }
    let found = services
        .storage
        .accounts
        .users(&ids, &request.usernames, &request.facebook_ids)
        .await
        .map_err(error::storage)?;
    let users = found
        .into_iter()
        .map(|user| {
            let online = services.is_online(user.id);
            wire::user(user, online)
        })
        .collect();
    Ok(api::Users { users })
}
