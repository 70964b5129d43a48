//! Birth and death of the server: phases as types.
//!
//! `Configured` → `Connected` → `Assembled` → `HooksReady` → `Warm` → `Running`
//!
//! # Invariants
//! - Each phase consumes the one before. [`Boot::serve`] exists on [`Warm`] alone, and the ports
//!   open only by taking the service, which cannot be made without the hooks:
//!
//! ```compile_fail,E0599
//! fn too_early(boot: tavern::boot::Boot<tavern::boot::Assembled>) {
//!     let _ = boot.serve();
//! }
//! ```
//!
//! ```compile_fail,E0599
//! fn still_too_early(boot: tavern::boot::Boot<tavern::boot::HooksReady>) {
//!     let _ = boot.serve();
//! }
//! ```
//!
//! - The fields of a phase are private to this module: nothing outside can skip one.
//! - Readiness is a value that [`Running`] holds. Dropping something never means "ready".
//! - Ports are reserved first and listen last; health listens first and stops last.

mod changes;
mod database;
mod notify;
mod phases;
mod reload;
mod running;
mod workers;

pub(crate) use database::{pool_config, start_embedded};
pub use phases::{Assembled, Boot, Configured, Connected, HooksReady, Warm};
pub use running::{Addresses, Outcome, Running};

use std::sync::Arc;

use tavern_domain::{Clock, Entropy, Lifecycle, OsEntropy, SystemClock};
use tavern_runtime_hooks::Module;
use tavern_telemetry::{Metrics, Tracer};

use crate::cli::{Exit, Failure};
use crate::config::Settings;

/// What a server is made of: everything that a test may want to replace.
pub struct Server {
    settings: Settings,
    modules: Vec<Arc<dyn Module>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    metrics: Metrics,
    tracer: Tracer,
}

impl Server {
    /// A server with this configuration, on the system's clock and chance. Starts nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let metrics = Metrics::new(settings.metrics_config());
        Self {
            settings,
            modules: Vec::new(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            metrics,
            tracer: Tracer::off(),
        }
    }

    /// Adds a module of the studio's own. Modules load in the order in which they are added.
    #[must_use]
    pub fn module(mut self, module: Arc<dyn Module>) -> Self {
        self.modules.push(module);
        self
    }

    /// Uses metrics and spans that exist already, because logging has needed them.
    #[must_use]
    pub fn telemetry(mut self, metrics: Metrics, tracer: Tracer) -> Self {
        self.metrics = metrics;
        self.tracer = tracer;
        self
    }

    /// Uses another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Goes through all phases. `None`: somebody asked it to stop meanwhile, by `life`.
    ///
    /// # Errors
    /// What failed, with the exit code for it; everything that was started is stopped again.
    pub async fn start(self, life: &Lifecycle) -> Result<Option<Running>, Failure> {
        // On the heap: the phases hold every part there is.
        let started = Box::pin(async {
            let connected = self.configure(life)?.connect().await?;
            connected.assemble()?.load_hooks().await?.warm().await?.serve()
        });
        let outcome = tokio::select! {
            outcome = started => outcome.map(Some),
            () = life.drain().cancelled() => {
                if life.has_failed() {
                    let text = "a part of the server ended while it started";
                    Err(Failure::new(Exit::Failed, text))
                } else {
                    Ok(None)
                }
            }
        };
        if !matches!(outcome, Ok(Some(_))) {
            life.drain().cancel();
            life.abort().cancel();
            life.finished().await;
        }
        outcome
    }
}
