//! Running matches.

use tavern_domain::CodedError;
use tavern_matches::{Filter, Listing, MatchError};
use tavern_protocol::api;

use crate::context::Context;
use crate::error;
use crate::services::Services;

/// Lists running matches. Only matches that the server runs have labels, so a label or query finds
/// relayed ones never.
pub(crate) async fn list(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListMatchesRequest,
) -> Result<api::MatchList, CodedError> {
    let listing = Listing {
        limit: request.limit.map(i64::from),
        authoritative: request.authoritative,
        by_label: request.label.is_some(),
        by_query: request.query.is_some(),
        min_size: request.min_size.map(i64::from),
        max_size: request.max_size.map(i64::from),
    };
    let (label, query) = (request.label.as_deref(), request.query.as_deref());
    Ok(api::MatchList { matches: find(services, &listing, label, query)? })
}

/// The matches of a listing: those that the server runs first.
pub(crate) fn find(
    services: &Services,
    listing: &Listing,
    label: Option<&str>,
    query: Option<&str>,
) -> Result<Vec<api::Match>, CodedError> {
    let size = |size| i32::try_from(size).unwrap_or(i32::MAX);
    let filter = listing.check().map_err(MatchError::Listing).map_err(error::classified)?;
    let hosted = services.hosted.list(&filter, label, query).map_err(error::classified)?;
    let hosted = hosted.into_iter().map(|info| api::Match {
        match_id: info.id.to_string(),
        authoritative: true,
        label: Some(info.label.to_string()),
        size: size(info.size),
        tick_rate: i32::try_from(info.tick_rate).unwrap_or_default(),
        handler_name: info.handler.to_string(),
    });
    let mut matches: Vec<_> = hosted.collect();
    let left = filter.limit.saturating_sub(matches.len());
    if left > 0 {
        let relayed = services.matches.list(&Filter { limit: left, ..filter });
        matches.extend(relayed.into_iter().map(|(id, members)| api::Match {
            match_id: id.to_string(),
            size: size(members),
            ..Default::default()
        }));
    }
    Ok(matches)
}
