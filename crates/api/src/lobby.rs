//! Telling those who were matched.

mod choice;

use std::sync::Arc;

use tavern_domain::MatchId;
use tavern_matchmaker::{Group, Owner, PassReport, Player, Ticket};
use tavern_protocol::Outgoing;
use tavern_protocol::realtime::{
    Envelope, MatchmakerMatched, UserPresence, envelope::Message, matchmaker_matched,
};
use tavern_runtime_hooks::{HookContext, MatchmakerEntry};
use tavern_streams::Class;
use tokio::sync::mpsc;

use crate::api::Api;

/// Groups that wait to be told. A pass waits when there are more.
const WAITING: usize = 256;

impl Api {
    /// One pass of the matchmaker; everybody who was matched is told, as soon as their group is
    /// formed. For a worker to call every interval.
    pub async fn match_players(self: &Arc<Self>) -> PassReport {
        if self.hooks.has_matchmaker_processor() {
            return self.groups_of_server_code().await;
        }
        if self.hooks.has_matchmaker_override() {
            return self.groups_that_server_code_accepts().await;
        }
        let (groups, mut formed) = mpsc::channel::<Group>(WAITING);
        let matchmaker = Arc::clone(&self.services.matchmaker);
        let pass = tokio::task::spawn_blocking(move || {
            matchmaker.pass(|group| {
                // Fails when nobody listens any more: then nobody is to be told.
                drop(groups.blocking_send(group));
            })
        });
        while let Some(group) = formed.recv().await {
            self.matched(&group).await;
        }
        pass.await.unwrap_or_default()
    }

    async fn matched(&self, group: &Group) {
        let outcome = self.outcome_for(group).await;
        let users: Vec<_> = group.players().map(|(ticket, player)| user(ticket, player)).collect();
        for (at, (ticket, player)) in group.players().enumerate() {
            let message = Message::MatchmakerMatched(MatchmakerMatched {
                ticket: ticket.id.to_string(),
                id: Some(outcome.clone()),
                users: users.clone(),
                self_: users.get(at).cloned(),
            });
            let message = Arc::new(Outgoing::new(Envelope::push(message)));
            self.services.logins.matched(player.session, &message);
            self.services.streams.send_to(&[player.session], message, Class::Reliable);
        }
    }

    /// Where a group goes: to the match that server code has made for it, or with a token to one
    /// of its own.
    async fn outcome_for(&self, group: &Group) -> matchmaker_matched::Id {
        if self.hooks.has_matchmaker_matched() {
            let entries = group.players().map(|(ticket, player)| entry(ticket, player)).collect();
            let context = || HookContext::of_server(self.services.node.clone());
            match self.hooks.matchmaker_matched(context, entries).await {
                Ok(Some(id)) if !id.is_empty() => return matchmaker_matched::Id::MatchId(id),
                Ok(_) => {}
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the hook for matched players failed");
                }
            }
        }
        let id = MatchId::relayed(self.services.entropy.uuid_v4());
        let now = self.services.clock.now();
        matchmaker_matched::Id::Token(self.services.sessions.tokens().issue_match(&id, now))
    }
}

fn party_of(ticket: &Ticket) -> String {
    match &ticket.spec.owner {
        Owner::Party(id) => id.to_string(),
        Owner::Session(_) | Owner::Server => String::new(),
    }
}

fn user(ticket: &Ticket, player: &Player) -> matchmaker_matched::MatchmakerUser {
    matchmaker_matched::MatchmakerUser {
        presence: Some(UserPresence {
            user_id: player.user.to_string(),
            session_id: player.session.to_string(),
            username: player.username.to_string(),
            persistence: false,
            status: None,
        }),
        party_id: party_of(ticket),
        string_properties: ticket.spec.texts.clone(),
        numeric_properties: ticket.spec.numbers.clone(),
    }
}

fn entry(ticket: &Ticket, player: &Player) -> MatchmakerEntry {
    MatchmakerEntry {
        ticket: ticket.id.to_string(),
        user: player.user,
        session: player.session,
        username: Arc::clone(&player.username),
        party: Some(party_of(ticket)).filter(|id| !id.is_empty()),
        texts: ticket.spec.texts.clone(),
        numbers: ticket.spec.numbers.clone(),
    }
}
