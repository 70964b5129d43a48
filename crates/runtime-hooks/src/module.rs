//! Modules and how they are loaded.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;

use crate::error::{LoadError, ModuleError};
use crate::hooks::Hooks;
use crate::host::Host;
use crate::matches::MatchHandlers;
use crate::registrar::Registrar;

/// A part of a studio's server code.
#[async_trait]
pub trait Module: Send + Sync + 'static {
    /// A name for logs and errors.
    fn name(&self) -> &str;

    /// Registers hooks and functions. Called once, before any listener opens; the server starts
    /// only if it returns `Ok` in time. `host` works from here on.
    async fn init(&self, registrar: &mut Registrar, host: Arc<dyn Host>)
    -> Result<(), ModuleError>;

    /// The server stops: `left` is what remains until the deadline, at which the future is
    /// dropped.
    async fn shutdown(&self, left: Duration) {
        let _unused = left;
    }
}

/// Loads modules one after the other and freezes what they registered.
///
/// # Errors
/// [`LoadError`] names the first module that failed, panicked, took longer than `limit`, or wants
/// what another has. Nothing is kept then.
pub async fn load(
    modules: Vec<Arc<dyn Module>>,
    host: Arc<dyn Host>,
    limit: Duration,
) -> Result<Hooks, LoadError> {
    load_with(modules, host, Arc::default(), limit).await
}

/// [`load`], with a table of the caller's for the matches that modules register.
///
/// # Errors
/// As [`load`].
pub async fn load_with(
    modules: Vec<Arc<dyn Module>>,
    host: Arc<dyn Host>,
    matches: Arc<MatchHandlers>,
    limit: Duration,
) -> Result<Hooks, LoadError> {
    let mut registrar = Registrar::new(matches);
    for module in &modules {
        registrar.begin(module.name());
        let init = AssertUnwindSafe(module.init(&mut registrar, Arc::clone(&host))).catch_unwind();
        let name = || module.name().to_owned();
        match tokio::time::timeout(limit, init).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(source))) => return Err(LoadError::Failed { module: name(), source }),
            Ok(Err(panic)) => {
                return Err(LoadError::Panicked { module: name(), message: panic_text(&*panic) });
            }
            Err(_) => {
                return Err(LoadError::TimedOut { module: name(), seconds: limit.as_secs() });
            }
        }
        if let Some(conflict) = registrar.take_conflict() {
            return Err(conflict);
        }
        tracing::info!(module = module.name(), "module loaded");
    }
    Ok(registrar.freeze(modules))
}

/// The text of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
