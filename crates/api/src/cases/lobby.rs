//! Who waits where: parties and the matchmaker.

use tavern_domain::CodedError;
use tavern_matchmaker::Completion;
use tavern_parties::{Listed, Listing};
use tavern_protocol::{Unit, api};

use crate::context::Context;
use crate::services::Services;
use crate::{error, wire};

/// Parties that are not hidden, newest first.
pub(crate) async fn list_parties(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListPartiesRequest,
) -> Result<api::PartyList, CodedError> {
    let listing = Listing {
        limit: request.limit.map(i64::from),
        open: request.open,
        hidden: false,
        query: request.query.as_deref().unwrap_or_default(),
        cursor: request.cursor.as_deref().unwrap_or_default(),
    };
    let page = services.parties.list(&listing).map_err(error::classified)?;
    let parties = page.parties.into_iter().map(party).collect();
    Ok(api::PartyList { parties, cursor: page.cursor.unwrap_or_default() })
}

fn party(listed: Listed) -> api::Party {
    api::Party {
        party_id: listed.id.to_string(),
        open: listed.open,
        hidden: listed.hidden,
        max_size: i32::try_from(listed.max_size).unwrap_or(i32::MAX),
        label: listed.label,
    }
}

/// How many tickets wait, for how long, and how long the last ones did.
pub(crate) async fn matchmaker_stats(
    services: &Services,
    _cx: &mut Context,
    _request: &Unit,
) -> Result<api::MatchmakerStats, CodedError> {
    let stats = services.matchmaker.stats();
    let completion = |done: &Completion| api::MatchmakerCompletionStats {
        create_time: wire::time(done.created),
        complete_time: wire::time(done.completed),
    };
    Ok(api::MatchmakerStats {
        ticket_count: i32::try_from(stats.tickets).unwrap_or(i32::MAX),
        oldest_ticket_create_time: stats.oldest.and_then(wire::time),
        completions: stats.completions.iter().map(completion).collect(),
    })
}
