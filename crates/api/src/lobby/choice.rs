//! Groups that server code chooses.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use tavern_domain::ErrorCode;
use tavern_matchmaker::{Group, PassReport, Ticket, TicketId};
use tavern_runtime_hooks::{ChosenGroups, HookContext, HookError, MatchmakerEntry};
use tokio::sync::mpsc;

use super::{WAITING, entry};
use crate::api::Api;

/// Most groups that an override is asked about at a time.
const GROUPS: usize = 1_000;
/// Most tickets that a processor is told of at a time: those who have waited longest.
const TICKETS: usize = 10_000;

impl Api {
    /// A pass whose groups are formed if server code wants them. Until it has answered, their
    /// tickets are in the pool.
    pub(super) async fn groups_that_server_code_accepts(self: &Arc<Self>) -> PassReport {
        let (groups, mut found) = mpsc::channel::<Group>(WAITING);
        let matchmaker = Arc::clone(&self.services.matchmaker);
        let pass = tokio::task::spawn_blocking(move || {
            matchmaker.propose(|group| {
                // Fails when nobody listens any more: then nobody is to be told.
                drop(groups.blocking_send(group));
            })
        });
        let mut asked = Vec::new();
        let (mut formed, mut matched) = (0, 0);
        let mut count = |(groups, tickets): (usize, usize)| {
            formed += groups;
            matched += tickets;
        };
        while let Some(group) = found.recv().await {
            asked.push(group);
            if asked.len() == GROUPS {
                count(self.ask_about(mem::take(&mut asked)).await);
            }
        }
        if !asked.is_empty() {
            count(self.ask_about(asked).await);
        }
        // What was only proposed is neither formed nor matched.
        PassReport { groups: formed, matched, ..pass.await.unwrap_or_default() }
    }

    /// Asks about groups; answers how many, with how many tickets, were formed.
    async fn ask_about(&self, groups: Vec<Group>) -> (usize, usize) {
        let all_of = |group: &Group| {
            group.players().map(|(ticket, player)| entry(ticket, player)).collect::<Vec<_>>()
        };
        let entries = groups.iter().map(all_of).collect();
        let answer = self.hooks.matchmaker_override(self.of_server(), entries).await;
        let tickets = groups.into_iter().flat_map(|group| group.tickets).collect();
        self.form(answer, tickets).await
    }

    /// Server code forms the groups, of all who wait.
    pub(super) async fn groups_of_server_code(&self) -> PassReport {
        let tickets: Vec<Arc<Ticket>> =
            self.services.matchmaker.with(|core| core.tickets().take(TICKETS).cloned().collect());
        if tickets.is_empty() {
            return PassReport::default();
        }
        let entries: Vec<MatchmakerEntry> = tickets
            .iter()
            .flat_map(|ticket| ticket.spec.players.iter().map(|player| entry(ticket, player)))
            .collect();
        let answer = self.hooks.matchmaker_processor(self.of_server(), entries).await;
        let active = tickets.len();
        let (groups, matched) = self.form(answer, tickets).await;
        PassReport { tickets: active, active, groups, matched, ..PassReport::default() }
    }

    fn of_server(&self) -> HookContext {
        HookContext::of_server(self.services.node.clone())
    }

    /// Forms the groups that were chosen of these tickets, as far as everybody is still there;
    /// answers how many groups and tickets that were.
    async fn form(
        &self,
        chosen: Result<ChosenGroups, HookError>,
        offered: Vec<Arc<Ticket>>,
    ) -> (usize, usize) {
        let offered: BTreeMap<String, Arc<Ticket>> =
            offered.into_iter().map(|ticket| (ticket.id.to_string(), ticket)).collect();
        let chosen = chosen.and_then(|chosen| checked(&offered, &chosen)).unwrap_or_else(|error| {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the hook that chooses groups failed: all wait on");
            Vec::new()
        });
        let (mut groups, mut matched) = (0, 0);
        for ids in chosen {
            let now = self.services.clock.now();
            match self.services.matchmaker.with(|core| core.take_group(&ids, now)) {
                Ok(group) => {
                    groups += 1;
                    matched += group.tickets.len();
                    self.matched(&group).await;
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::debug!(error, "somebody of a chosen group is gone, or in another");
                }
            }
        }
        (groups, matched)
    }
}

/// The tickets of each group. A ticket that comes for each of its players is one; a group with a
/// ticket that was not offered, and one of nobody, is left out.
///
/// # Errors
/// A ticket is in two groups, or a session is twice in one: then it is not known what was meant.
fn checked(
    offered: &BTreeMap<String, Arc<Ticket>>,
    chosen: &ChosenGroups,
) -> Result<Vec<Vec<TicketId>>, HookError> {
    let refused = |text: String| HookError::new(ErrorCode::Internal, text);
    let (mut groups, mut taken) = (Vec::new(), BTreeSet::new());
    for names in chosen {
        let tickets: Option<Vec<&Arc<Ticket>>> =
            names.iter().map(|name| offered.get(name)).collect();
        let Some(mut tickets) = tickets.filter(|tickets| !tickets.is_empty()) else {
            tracing::warn!("server code chose a group of tickets that it was not asked about");
            continue;
        };
        tickets.sort_unstable_by_key(|ticket| ticket.id);
        tickets.dedup_by_key(|ticket| ticket.id);
        let mut sessions = BTreeSet::new();
        for ticket in &tickets {
            if !taken.insert(ticket.id) {
                return Err(refused(format!("the ticket {} is in two groups", ticket.id)));
            }
            for player in &ticket.spec.players {
                if !sessions.insert(player.session) {
                    let session = player.session;
                    return Err(refused(format!("the session {session} is twice in a group")));
                }
            }
        }
        groups.push(tickets.iter().map(|ticket| ticket.id).collect());
    }
    Ok(groups)
}

#[cfg(test)]
mod tests;
