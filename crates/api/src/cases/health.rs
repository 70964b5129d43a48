//! Whether the server answers.

use tavern_domain::CodedError;
use tavern_protocol::Unit;

use super::DONE;
use crate::context::Context;
use crate::services::Services;

/// Answers. That this server can do its work is told by its readiness page, not here: load
/// balancers of existing deployments ask this route every second.
pub(crate) async fn healthcheck(
    _services: &Services,
    _cx: &mut Context,
    _request: &Unit,
) -> Result<Unit, CodedError> {
    DONE
}
