//! Matches.

use async_trait::async_trait;
use tavern_domain::{CodedError, MatchId};
use tavern_matches::{Listing, MatchError, MatchInfo, parse_id};
use tavern_protocol::api;
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::host::{
    HostMatch, HostParty, HostPartyPage, MatchCreate, MatchGet, MatchList, MatchSignal,
    MatchesHost, PartyList,
};

use super::ServerHost;
use crate::cases::matches;
use crate::error;

#[async_trait]
impl MatchesHost for ServerHost {
    async fn match_create(&self, args: MatchCreate) -> Result<String, HookError> {
        let created = self.0.hosted.create(&args.module, args.params.unwrap_or_default()).await;
        Ok(created.map_err(error::classified)?.to_string())
    }

    async fn match_get(&self, args: MatchGet) -> Result<Option<HostMatch>, HookError> {
        let id = parse(&args.id)?;
        if id.node.is_some() {
            return Ok(self.0.hosted.get(&id).map(hosted));
        }
        let size = self.0.matches.size(&id);
        let relayed = || HostMatch {
            match_id: args.id,
            authoritative: false,
            label: String::new(),
            size,
            tick_rate: 0,
            handler_name: String::new(),
        };
        Ok((size > 0).then(relayed))
    }

    async fn match_list(&self, args: MatchList) -> Result<Vec<HostMatch>, HookError> {
        let listing = Listing {
            limit: Some(args.limit.unwrap_or(1)),
            authoritative: args.authoritative,
            by_label: args.label.is_some(),
            by_query: args.query.is_some(),
            min_size: args.min_size,
            max_size: args.max_size,
        };
        let (label, query) = (args.label.as_deref(), args.query.as_deref());
        let found = matches::find(&self.0, &listing, label, query)?;
        Ok(found.into_iter().map(shown).collect())
    }

    async fn party_list(&self, args: PartyList) -> Result<HostPartyPage, HookError> {
        let listing = tavern_parties::Listing {
            limit: args.limit,
            open: args.open,
            hidden: args.show_hidden,
            query: args.query.as_deref().unwrap_or_default(),
            cursor: args.cursor.as_deref().unwrap_or_default(),
        };
        let page = self.0.parties.list(&listing).map_err(error::classified)?;
        let party = |listed: tavern_parties::Listed| HostParty {
            party_id: listed.id.to_string(),
            open: listed.open,
            hidden: listed.hidden,
            max_size: listed.max_size,
            label: listed.label,
        };
        Ok(HostPartyPage {
            parties: page.parties.into_iter().map(party).collect(),
            cursor: page.cursor,
        })
    }

    async fn match_signal(&self, args: MatchSignal) -> Result<String, HookError> {
        let id = parse(&args.id)?;
        let reply = self.0.hosted.signal(&id, args.data.unwrap_or_default()).await;
        Ok(reply.map_err(error::classified)?)
    }
}

fn parse(id: &str) -> Result<MatchId, CodedError> {
    parse_id(id).map_err(|error: MatchError| error::classified(error))
}

fn hosted(info: MatchInfo) -> HostMatch {
    HostMatch {
        match_id: info.id.to_string(),
        authoritative: true,
        label: info.label.to_string(),
        size: info.size,
        tick_rate: info.tick_rate,
        handler_name: info.handler.to_string(),
    }
}

fn shown(found: api::Match) -> HostMatch {
    HostMatch {
        match_id: found.match_id,
        authoritative: found.authoritative,
        label: found.label.unwrap_or_default(),
        size: usize::try_from(found.size).unwrap_or_default(),
        tick_rate: u32::try_from(found.tick_rate).unwrap_or_default(),
        handler_name: found.handler_name,
    }
}
