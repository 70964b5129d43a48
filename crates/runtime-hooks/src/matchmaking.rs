//! What server code is told of players who were matched, and how it chooses who is.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tavern_domain::{ErrorCode, SessionId, UserId};

use crate::context::HookContext;
use crate::error::HookError;
use crate::hooks::{Hooks, guarded};
use crate::registrar::{Entry, Registrar};
use crate::value::Value;

/// One player on a ticket of the matchmaker.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchmakerEntry {
    /// The ticket; those of a party share one and are never separated.
    pub ticket: String,
    /// The player.
    pub user: UserId,
    /// The socket.
    pub session: SessionId,
    /// The name.
    pub username: Arc<str>,
    /// The party they came with.
    pub party: Option<String>,
    /// The texts of their ticket.
    pub texts: BTreeMap<String, String>,
    /// The numbers of their ticket.
    pub numbers: BTreeMap<String, f64>,
}

impl MatchmakerEntry {
    /// As scripts see a player who was matched.
    #[must_use]
    pub fn matched(&self, node: &str) -> Value {
        Value::Record(self.fields(node))
    }

    /// As scripts see a player whom they may choose: with the ticket.
    #[must_use]
    pub fn waiting(&self, node: &str) -> Value {
        let mut fields = self.fields(node);
        fields.push(("ticket", text(&self.ticket)));
        Value::Record(fields)
    }

    fn fields(&self, node: &str) -> Vec<(&'static str, Value)> {
        let presence = Value::Record(vec![
            ("user_id", text(&self.user.to_string())),
            ("session_id", text(&self.session.to_string())),
            ("username", text(&self.username)),
            ("node", text(node)),
        ]);
        let texts = self.texts.iter().map(|(name, value)| (name.clone(), text(value)));
        let numbers = self.numbers.iter().map(|(name, value)| (name.clone(), Value::Float(*value)));
        let properties = Value::Map(texts.chain(numbers).collect());
        let mut fields = vec![("presence", presence), ("properties", properties)];
        if let Some(party) = &self.party {
            fields.push(("party_id", text(party)));
        }
        fields
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The tickets of each group that server code has chosen.
pub type ChosenGroups = Vec<Vec<String>>;

/// What a script has chosen: a list of groups, each a list of entries or tickets. Nothing chooses
/// nobody.
///
/// # Errors
/// It is something else.
pub fn chosen_groups(answer: Value) -> Result<ChosenGroups, HookError> {
    let groups = list(answer)?;
    let tickets = |group| list(group)?.into_iter().map(ticket).collect();
    groups.into_iter().map(tickets).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a list")]
fn list(value: Value) -> Result<Vec<Value>, HookError> {
    match value {
        Value::List(items) => Ok(items),
        Value::Null => Ok(Vec::new()),
        // An empty table is a list as well.
        Value::Map(fields) if fields.is_empty() => Ok(Vec::new()),
        _ => Err(no_groups()),
    }
}

fn ticket(entry: Value) -> Result<String, HookError> {
    if let Value::Text(ticket) = entry {
        return Ok(ticket);
    }
    let Value::Map(fields) = entry else { return Err(no_groups()) };
    match fields.into_iter().find(|(name, _)| name == "ticket") {
        Some((_, Value::Text(ticket))) => Ok(ticket),
        _ => Err(no_groups()),
    }
}

fn no_groups() -> HookError {
    let text = "server code must answer a list of groups, each a list of entries";
    HookError::new(ErrorCode::Internal, text)
}

/// The hooks of the matchmaker.
#[derive(Default)]
pub(crate) struct Matchmaking {
    pub(crate) matched: Option<Entry<MatchedFn>>,
    pub(crate) accepts: Option<Entry<OverrideFn>>,
    pub(crate) processor: Option<Entry<ProcessorFn>>,
}

type Choice = BoxFuture<'static, Result<ChosenGroups, HookError>>;
/// Context and groups; answers those that are formed.
pub(crate) type OverrideFn =
    Arc<dyn Fn(HookContext, Vec<Vec<MatchmakerEntry>>) -> Choice + Send + Sync>;
/// Context and all who wait; answers the groups that are formed.
pub(crate) type ProcessorFn =
    Arc<dyn Fn(HookContext, Vec<MatchmakerEntry>) -> Choice + Send + Sync>;

impl Registrar {
    /// Lets `hook` decide which of the groups that the matchmaker has found are formed. It answers
    /// their tickets, and may put the tickets of what it was asked together in another way. Who is
    /// not chosen goes on waiting, as everybody does when it fails.
    pub fn matchmaker_override<H, F>(&mut self, hook: H)
    where
        H: Fn(HookContext, Vec<Vec<MatchmakerEntry>>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<ChosenGroups, HookError>> + Send + 'static,
    {
        let run: OverrideFn = Arc::new(move |context, groups| hook(context, groups).boxed());
        self.once(|all| &mut all.matchmaking.accepts, run, "the override of the matchmaker");
    }

    /// Lets `hook` form the groups, in place of the matchmaker: it is told all who wait, those who
    /// came first in front, and answers the tickets of each group. Goes before an override.
    pub fn matchmaker_processor<H, F>(&mut self, hook: H)
    where
        H: Fn(HookContext, Vec<MatchmakerEntry>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<ChosenGroups, HookError>> + Send + 'static,
    {
        let run: ProcessorFn = Arc::new(move |context, entries| hook(context, entries).boxed());
        self.once(|all| &mut all.matchmaking.processor, run, "the processor of the matchmaker");
    }
}

impl Hooks {
    /// Whether there is a hook that decides which groups are formed.
    #[must_use]
    pub fn has_matchmaker_override(&self) -> bool {
        self.all().matchmaking.accepts.is_some()
    }

    /// Runs the hook that decides which of these groups are formed; without one, none is.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn matchmaker_override(
        &self,
        context: HookContext,
        groups: Vec<Vec<MatchmakerEntry>>,
    ) -> Result<ChosenGroups, HookError> {
        let Some(hook) = &self.all().matchmaking.accepts else { return Ok(Vec::new()) };
        guarded((hook.run)(context, groups), &hook.owner).await
    }

    /// Whether there is a hook that forms the groups.
    #[must_use]
    pub fn has_matchmaker_processor(&self) -> bool {
        self.all().matchmaking.processor.is_some()
    }

    /// Runs the hook that forms the groups; without one, none is.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn matchmaker_processor(
        &self,
        context: HookContext,
        entries: Vec<MatchmakerEntry>,
    ) -> Result<ChosenGroups, HookError> {
        let Some(hook) = &self.all().matchmaking.processor else { return Ok(Vec::new()) };
        guarded((hook.run)(context, entries), &hook.owner).await
    }
}

/// Context and group; answers the match that the group goes to.
pub(crate) type MatchedFn = Arc<
    dyn Fn(
            HookContext,
            Vec<MatchmakerEntry>,
        ) -> BoxFuture<'static, Result<Option<String>, HookError>>
        + Send
        + Sync,
>;

pub(crate) fn matched_fn<H, F>(hook: H) -> MatchedFn
where
    H: Fn(HookContext, Vec<MatchmakerEntry>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Option<String>, HookError>> + Send + 'static,
{
    Arc::new(move |context, entries| hook(context, entries).boxed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_choose_by_entries_and_by_tickets() {
        let entry = Value::Map(vec![("a".into(), Value::Null), ("ticket".into(), text("one"))]);
        let answer = Value::List(vec![Value::List(vec![entry, text("two")])]);
        assert_eq!(chosen_groups(answer).unwrap(), [["one", "two"]]);
        assert!(chosen_groups(Value::Null).unwrap().is_empty());
        assert!(chosen_groups(Value::Map(Vec::new())).unwrap().is_empty());
        let flat = Value::List(vec![text("one")]);
        assert_eq!(chosen_groups(flat).unwrap_err().code, ErrorCode::Internal);
        let nameless = Value::List(vec![Value::List(vec![Value::Int(1)])]);
        assert!(chosen_groups(nameless).is_err());
    }
}
