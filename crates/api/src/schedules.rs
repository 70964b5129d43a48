//! Resets and ends of boards: what is due is told to server code, once in a cluster.
//!
//! What is due and who carries it out is kept: see `tavern_leaderboards::Due`. A hook that fails or
//! whose process dies runs again, with the same obligation id.

use std::time::Duration;

use futures_util::future::join_all;
use tavern_domain::CodedError;
use tavern_leaderboards::{Due, Occasion, OccasionKind};
use tavern_runtime_hooks::{HookContext, HookError, Hooks};

use crate::api::Api;
use crate::services::Services;
use crate::{error, wire};

/// How long the hooks of one occasion may take: less than their claim lasts.
const WITHIN: Duration = Duration::from_secs(50);

/// Carries out what is due now; answers of how many boards.
pub(crate) async fn carry_out_due(api: &Api) -> Result<usize, CodedError> {
    let leaderboards = &api.services.leaderboards;
    let due = leaderboards.claim_due().await.map_err(error::classified)?;
    let outcomes = join_all(due.into_iter().map(|due| carry_out(api, due))).await;
    let count = outcomes.len();
    outcomes.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(count)
}

/// How long nothing is due, at most `most`.
pub(crate) async fn until_due(services: &Services, most: Duration) -> Result<Duration, CodedError> {
    let due = services.leaderboards.next_due().await.map_err(error::classified)?;
    let now = services.clock.now();
    let wait = due.map_or(u64::MAX, |due| {
        u64::try_from(due.nanos().saturating_sub(now.nanos())).unwrap_or(0)
    });
    Ok(Duration::from_nanos(wait).min(most))
}

async fn carry_out(api: &Api, due: Due) -> Result<(), CodedError> {
    let leaderboards = &api.services.leaderboards;
    for occasion in &due.occasions {
        let told = tokio::time::timeout(WITHIN, tell(&api.services, &api.hooks, occasion)).await;
        let failure = match told {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(_) => HookError::internal("the hook did not finish in time"),
        };
        api.services.occasion_failures.increment(1);
        let (board, occasion) = (occasion.board.board.id.clone(), occasion.id);
        let given_up = leaderboards.failed(due).await.map_err(error::classified)?;
        tracing::error!(
            board,
            %occasion,
            given_up,
            error = &failure as &dyn std::error::Error,
            "the hook for a reset or an end failed"
        );
        return Ok(());
    }
    leaderboards.carried_out(due).await.map_err(error::classified)
}

/// Runs the hook for an occasion, if there is one.
async fn tell(services: &Services, hooks: &Hooks, occasion: &Occasion) -> Result<(), HookError> {
    let context = || HookContext {
        obligation: Some(occasion.id),
        ..HookContext::of_server(services.node.clone())
    };
    let view = occasion.board.clone();
    match occasion.kind {
        OccasionKind::LeaderboardReset => {
            let board = wire::leaderboard(view);
            hooks.leaderboard_reset(context, board, occasion.reset).await
        }
        OccasionKind::TournamentEnd | OccasionKind::TournamentReset => {
            let Some(board) = wire::tournament(view) else { return Ok(()) };
            let (end, reset) = (occasion.end, occasion.reset);
            if occasion.kind == OccasionKind::TournamentEnd {
                hooks.tournament_end(context, board, end, reset).await
            } else {
                hooks.tournament_reset(context, board, end, reset).await
            }
        }
    }
}
