//! After-authenticate hooks that must not be lost.
//!
//! "The account exists" and "the studio's hook has set it up" must not come apart when a process
//! is killed in between. The row that creates an account and the row of its obligation are one
//! transaction; the hook runs; the obligation is deleted; only then does the player get a session.
//! At least once, with the same `obligation` id at every attempt.

use std::time::Duration;

use tavern_auth::Vars;
use tavern_domain::{CodedError, ErrorCode, Timestamp, UserId};
use tavern_protocol::{CallId, Wire, api};
use tavern_runtime_hooks::HookError;
use tavern_storage::{Claim, NewObligation, Obligation};
use uuid::Uuid;

use crate::api::Api;
use crate::caller::Caller;
use crate::cases::authenticate::session;
use crate::context::Context;
use crate::error;
use crate::service::ClientAddress;
use crate::services::{Services, no_account};
use crate::table;

/// How long a claim holds when its process dies on another node, in seconds. Longer than any hook
/// should take.
const CLAIM_SECONDS: i64 = 30;
/// The same, as a limit for hooks that are carried out at start-up.
const CLAIM: Duration = Duration::from_secs(30);
/// The first pause after a failure, in seconds; it doubles with every attempt.
const FIRST_PAUSE: i64 = 1;
/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 300;
/// How many leftovers are read at a time.
const BATCH: u32 = 100;

/// What was found at start-up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Leftovers {
    /// Carried out now.
    pub carried_out: u64,
    /// Still standing: their hooks failed, are not registered any more, or run elsewhere.
    pub standing: u64,
}

/// An obligation to be recorded with a new account, and the same as this process holds it.
pub(crate) fn record<R: Wire>(
    services: &Services,
    call: CallId,
    user: UserId,
    request: &R,
    now: Timestamp,
) -> (Obligation, NewObligation) {
    let id = services.entropy.uuid_v4();
    let mut json = Vec::new();
    request.write_json(&mut json);
    let request = String::from_utf8(json).expect("JSON is UTF-8");
    let call = call.info().name;
    let owed = Obligation {
        id,
        user,
        call: call.to_owned(),
        request: request.clone(),
        attempts: 1,
        create_time: now,
    };
    (owed, NewObligation { id, call, request, claim: own_claim(services, now) })
}

fn own_claim(services: &Services, now: Timestamp) -> Claim {
    Claim {
        node: services.node.to_string(),
        boot: services.boot,
        until: now.plus_seconds(CLAIM_SECONDS),
    }
}

/// Claims an obligation for this call.
pub(crate) async fn claim(services: &Services, id: Uuid) -> Result<Obligation, CodedError> {
    let now = services.clock.now();
    let claim = own_claim(services, now);
    let claimed =
        services.storage.obligations.claim(id, &claim, now).await.map_err(error::storage)?;
    claimed.ok_or_else(|| {
        CodedError::new(ErrorCode::Unavailable, "the account is being set up, try again later")
    })
}

/// The hook has finished.
pub(crate) async fn discharge(services: &Services, owed: &Obligation) -> Result<(), CodedError> {
    services.storage.obligations.discharge(owed.id).await.map_err(error::storage)
}

/// The hook has failed: it may be tried again after a pause that grows.
pub(crate) async fn release(
    services: &Services,
    owed: &Obligation,
    failure: &HookError,
) -> Result<(), CodedError> {
    let doublings = owed.attempts.clamp(1, 16) - 1;
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    let not_before = services.clock.now().plus_seconds(pause);
    services.obligation_failures.increment(1);
    tracing::error!(
        obligation = %owed.id,
        user = %owed.user,
        call = owed.call,
        attempts = owed.attempts,
        error = failure as &dyn std::error::Error,
        "the hook after a log-in failed; the player gets no session until it succeeds"
    );
    services.storage.obligations.release(owed.id, not_before).await.map_err(error::storage)
}

/// The context and answer that the hook would have seen, had its process lived.
pub(crate) async fn as_if_signing_in(
    services: &Services,
    call: CallId,
    owed: &Obligation,
    hooks: tavern_runtime_hooks::Hooks,
) -> Result<(Context, api::Session), CodedError> {
    let login = services.storage.accounts.find_by_id(owed.user).await.map_err(error::storage)?;
    let login = login.ok_or_else(no_account)?;
    let pair = services
        .sessions
        .start(login.user, &login.username, &Vars::new())
        .await
        .map_err(error::classified)?;
    let cx = Context {
        call,
        caller: Caller::Client,
        client: ClientAddress::default(),
        has_after: true,
        hooks,
        signed_in: Some(pair.claims.clone()),
        obligation: Some(owed.clone()),
    };
    Ok((cx, session(true, pair)))
}

/// Carries out what earlier lives left, oldest first.
pub(crate) async fn carry_out_leftovers(api: &Api) -> Result<Leftovers, CodedError> {
    let obligations = &api.services.storage.obligations;
    let mut done = Leftovers::default();
    let mut after = None;
    loop {
        let batch = obligations.list(after, BATCH).await.map_err(error::storage)?;
        let Some(last) = batch.last() else { break };
        after = Some((last.create_time, last.id));
        for owed in &batch {
            if carry_out(api, owed).await? {
                done.carried_out += 1;
            } else {
                done.standing += 1;
            }
        }
    }
    Ok(done)
}

/// Carries out one obligation; answers whether it is discharged.
async fn carry_out(api: &Api, owed: &Obligation) -> Result<bool, CodedError> {
    let call = CallId::from_name(&owed.call).filter(|call| api.hooks.has_after(*call));
    let Some(carry_out) = call.and_then(|call| table::row(call).carry_out) else {
        tracing::warn!(obligation = %owed.id, call = owed.call, "no hook is registered for it");
        return Ok(false);
    };
    let Ok(owed) = claim(&api.services, owed.id).await else { return Ok(false) };
    // A hook that hangs must not keep the server from starting: its claim runs out as well.
    let Ok(ran) = tokio::time::timeout(CLAIM, carry_out(api, &owed)).await else {
        tracing::error!(obligation = %owed.id, call = owed.call, "the hook did not finish in time");
        api.services.obligation_failures.increment(1);
        return Ok(false);
    };
    match ran {
        Ok(()) => Ok(true),
        // The hook failed; that was logged and the obligation released.
        Err(error) if error.code() == ErrorCode::Unavailable => Ok(false),
        Err(error) => Err(error),
    }
}

/// Counts the obligations that stand, for operators.
pub(crate) async fn count(services: &Services) -> Result<u64, CodedError> {
    let standing = services.storage.obligations.count().await.map_err(error::storage)?;
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    services.obligations_pending.set(standing as f64);
    Ok(standing)
}
