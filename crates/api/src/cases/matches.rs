//! Running matches.

use tavern_domain::CodedError;
use tavern_matches::{Listing, MatchError};
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
    let filter = listing.check().map_err(MatchError::Listing).map_err(error::classified)?;
    let found = services.matches.list(&filter);
    let matches = found
        .into_iter()
        .map(|(id, size)| api::Match {
            match_id: id.to_string(),
            size: i32::try_from(size).unwrap_or(i32::MAX),
            ..Default::default()
        })
        .collect();
    Ok(api::MatchList { matches })
}
