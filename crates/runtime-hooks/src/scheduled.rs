//! What server code is told when a board resets or ends.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tavern_protocol::api;

use crate::context::HookContext;
use crate::error::HookError;
use crate::registrar::Entry;

type Outcome = BoxFuture<'static, Result<(), HookError>>;
/// Context, leaderboard, when it has reset.
pub(crate) type LeaderboardFn =
    Arc<dyn Fn(HookContext, api::Leaderboard, i64) -> Outcome + Send + Sync>;
/// Context, tournament, when its active time ended, when its records expire.
pub(crate) type TournamentFn =
    Arc<dyn Fn(HookContext, api::Tournament, i64, i64) -> Outcome + Send + Sync>;

/// The hooks that a schedule runs.
#[derive(Default)]
pub(crate) struct Scheduled {
    pub(crate) leaderboard_reset: Option<Entry<LeaderboardFn>>,
    pub(crate) tournament_end: Option<Entry<TournamentFn>>,
    pub(crate) tournament_reset: Option<Entry<TournamentFn>>,
}

pub(crate) fn leaderboard_fn<H, F>(hook: H) -> LeaderboardFn
where
    H: Fn(HookContext, api::Leaderboard, i64) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), HookError>> + Send + 'static,
{
    Arc::new(move |context, board, reset| hook(context, board, reset).boxed())
}

pub(crate) fn tournament_fn<H, F>(hook: H) -> TournamentFn
where
    H: Fn(HookContext, api::Tournament, i64, i64) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), HookError>> + Send + 'static,
{
    Arc::new(move |context, board, end, reset| hook(context, board, end, reset).boxed())
}
