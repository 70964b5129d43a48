//! Tokens that speak for some of a player's rights.

use tavern_delegation::{Grant, Name, Narrowing, PartnerFact};
use tavern_domain::{CodedError, ErrorCode};
use tavern_protocol::{Unit, api};

use super::DONE;
use crate::context::Context;
use crate::delegation::{canonical, is_right, refused};
use crate::error;
use crate::services::Services;
use crate::wire;

/// Mints a token that speaks for the player.
pub(crate) async fn mint(
    services: &Services,
    cx: &mut Context,
    request: &api::MintTokenRequest,
) -> Result<api::MintedToken, CodedError> {
    let player = cx.player()?;
    if let Some(unknown) = request.rights.iter().find(|right| !is_right(right)) {
        let shown = super::shown(unknown);
        return Err(CodedError::invalid(format!("'{shown}' is no right of a token")));
    }
    let mut vars = std::collections::BTreeMap::new();
    for name in &request.vars {
        let Some(value) = player.vars.get(name) else {
            let shown = super::shown(name);
            return Err(CodedError::invalid(format!("the session has no variable '{shown}'")));
        };
        vars.insert(name.clone(), value.clone());
    }
    let grant = Grant {
        user: player.user,
        username: Some(player.username.to_string()).filter(|name| !name.is_empty()),
        rights: request.rights.clone(),
        narrowing: Narrowing {
            things: things(request),
            requires: request.requires.iter().map(requirement).collect(),
            ..Narrowing::default()
        },
        vars,
    };
    let minted =
        services.delegations.mint(&grant, request.expiry_sec).map_err(error::classified)?;
    Ok(api::MintedToken {
        token: minted.token,
        revocation_id: minted.revocation_id,
        expire_time: wire::time(minted.expires),
    })
}

fn things(request: &api::MintTokenRequest) -> Vec<(Name, String)> {
    let lists = [
        (Name::Board, &request.boards),
        (Name::Channel, &request.channels),
        (Name::Collection, &request.collections),
        (Name::Function, &request.functions),
        (Name::Group, &request.groups),
        (Name::Key, &request.keys),
        (Name::Match, &request.matches),
        (Name::Owner, &request.owners),
        (Name::Party, &request.parties),
        (Name::Target, &request.targets),
    ];
    let each = lists.into_iter().flat_map(|(name, all)| all.iter().map(move |one| (name, one)));
    each.map(|(name, one)| (name, canonical(name, one))).collect()
}

fn requirement(asked: &api::TokenRequirement) -> (PartnerFact, String) {
    let fact = PartnerFact { name: asked.name.clone(), values: asked.values.clone() };
    (fact, asked.public_key.clone())
}

/// Revokes a token of the player, or all of them, and closes the sockets that were opened with
/// one.
pub(crate) async fn revoke(
    services: &Services,
    cx: &mut Context,
    request: &api::RevokeTokenRequest,
) -> Result<Unit, CodedError> {
    let user = cx.player()?.user;
    let delegations = &services.delegations;
    match (request.token.as_str(), request.revocation_id.as_str()) {
        ("", "") => return services.end_delegations(user).await.and(DONE),
        (token, "") => delegations.revoke_token(user, token).await.map_err(|error| {
            // It is the request that is wrong, not the caller's credential.
            let refused = refused(error);
            if refused.code() == ErrorCode::Unauthenticated {
                return CodedError::invalid("it is no token of the caller").caused_by(refused);
            }
            refused
        })?,
        ("", id) => delegations.revoke_id(user, id).await.map_err(error::classified)?,
        _ => return Err(CodedError::invalid("a token or a revocation id, not both")),
    }
    services.tell_of_revocations();
    services.close_delegated(false);
    DONE
}
