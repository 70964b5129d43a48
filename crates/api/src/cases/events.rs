//! Events that clients make.

use tavern_domain::CodedError;
use tavern_protocol::api;
use tavern_protocol::wkt::Unit;
use tavern_runtime_hooks::EventKind;

use crate::context::Context;
use crate::services::Services;
use crate::wire;

/// Hands an event to the hook for events, some time later. The client is answered well even when
/// there is no hook or no room: it could do nothing about either.
pub(crate) async fn send(
    services: &Services,
    cx: &mut Context,
    request: &api::Event,
) -> Result<Unit, CodedError> {
    let event = api::Event {
        external: true,
        timestamp: request.timestamp.or_else(|| wire::time(services.clock.now())),
        ..request.clone()
    };
    if cx.hooks.has_event(EventKind::Custom) {
        services.events.push(EventKind::Custom, cx.for_hooks(services), event);
    }
    Ok(Unit {})
}
