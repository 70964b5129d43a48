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

    /// Another module has taken its place: no new call comes. What runs goes on.
    fn retire(&self) {}
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
    init(&modules, &mut registrar, &host, limit).await?;
    Ok(registrar.freeze(modules))
}

/// Loads these modules again, in the place of those of the same names; the others stay as they
/// are. New calls are served by what is registered then. Calls and matches that run go on with
/// the code that they began with, and what was registered for them lasts as long.
///
/// # Errors
/// As [`load`]; then everything stays as it was.
pub async fn reload(
    hooks: &Hooks,
    modules: Vec<Arc<dyn Module>>,
    host: Arc<dyn Host>,
    limit: Duration,
) -> Result<(), LoadError> {
    let names: Vec<&str> = modules.iter().map(|module| module.name()).collect();
    let present = hooks.table();
    let matches = Arc::new(present.matches.without(&names));
    let mut registrar = Registrar::on(present.all.without(&names), Arc::clone(&matches));
    init(&modules, &mut registrar, &host, limit).await?;
    let is_old = |module: &&Arc<dyn Module>| names.contains(&module.name());
    let (old, kept): (Vec<_>, Vec<_>) = present.modules.iter().partition(is_old);
    let all = kept.into_iter().chain(&modules).cloned().collect();
    hooks.follow(all, registrar.into_registered());
    present.matches.become_like(&matches);
    for module in old {
        module.retire();
    }
    Ok(())
}

async fn init(
    modules: &[Arc<dyn Module>],
    registrar: &mut Registrar,
    host: &Arc<dyn Host>,
    limit: Duration,
) -> Result<(), LoadError> {
    for module in modules {
        registrar.begin(module.name());
        let init = AssertUnwindSafe(module.init(registrar, Arc::clone(host))).catch_unwind();
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
    Ok(())
}

/// The text of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
