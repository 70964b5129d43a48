//! A server that clients can connect to, and how it ends.

use std::net::SocketAddr;
use std::sync::Arc;

use tavern_api::Services;
use tavern_domain::{Lifecycle, stage};
use tavern_runtime_hooks::Hooks;
use tavern_transport::{Accepting, Ready};
use tokio::time::Instant;

use super::database::Database;
use super::notify;
use super::phases::Core;
use crate::config::Settings;

/// Where a running server is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// The game ports.
    pub game: tavern_transport::Addresses,
    /// Metrics and health, unless they are off.
    pub health: Option<SocketAddr>,
}

/// How a server ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// As it was asked to.
    Stopped,
    /// Because a part of it ended unasked.
    Failed,
}

/// A running server. Dropping it stops nothing in order: call [`stop`](Self::stop).
pub struct Running {
    core: Core,
    accepting: Accepting,
    database: Database,
    services: Arc<Services>,
    hooks: Hooks,
    ready: Ready,
}

impl Running {
    pub(super) fn new(
        core: Core,
        accepting: Accepting,
        database: Database,
        services: Arc<Services>,
        hooks: Hooks,
    ) -> Self {
        let ready = core.health.ready();
        notify::ready();
        Self { core, accepting, database, services, hooks, ready }
    }

    /// Where it is.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        Addresses {
            game: self.accepting.addresses(),
            health: self.core.health_server.as_ref().map(|server| server.local_addr()),
        }
    }

    /// The life of everything that was started. Cancel its `drain` to ask for an end.
    #[must_use]
    pub fn lifecycle(&self) -> Lifecycle {
        self.core.life.clone()
    }

    /// Takes up what can change while running.
    ///
    /// # Errors
    /// When the listeners cannot use the new settings; then they keep the old ones.
    pub fn reconfigure(&mut self, settings: Settings) -> Result<(), String> {
        self.accepting.reconfigure(&settings.socket)?;
        self.services.lockout().set_limits(settings.auth.lockout);
        self.services.limits().set(settings.limits.clone());
        self.core.settings = settings;
        Ok(())
    }

    /// Looks at the certificate files now; a certificate that cannot be used is logged.
    pub fn reload_certificate(&self) {
        if let Err(error) = self.accepting.reload_certificate() {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the new certificate cannot be used; the old one stays");
        }
    }

    /// Ends the server within its grace period: no new connections, modules told, sessions asked
    /// to come back, requests finished, workers, database, health.
    pub async fn stop(self) -> Outcome {
        let Self { core, accepting, database, services, hooks, ready } = self;
        let grace = core.settings.shutdown_grace();
        let deadline = Instant::now() + grace;
        let left = || deadline.saturating_duration_since(Instant::now());
        core.health.draining();
        notify::stopping();
        tracing::info!(seconds = grace.as_secs(), "stopping");
        core.life.drain().cancel();
        drop(ready);
        let remaining = accepting.stop_accepting().await;
        // A module that hangs must not cost the players their goodbye.
        let for_modules = left().saturating_sub((grace / 4).min(GOODBYE));
        let for_matches = async {
            match services.hosted().shut_down(for_modules).await {
                0 => {}
                left => tracing::info!(left, "matches that had not ended are cut off"),
            }
        };
        stage("matches", for_modules + LAST, for_matches).await;
        let for_modules = left().saturating_sub((grace / 4).min(GOODBYE));
        stage("modules", for_modules, hooks.shutdown(for_modules)).await;
        let drained = remaining.drain(deadline).await;
        tracing::info!(sessions = drained.sessions, cut_off = drained.cut_off, "sessions closed");
        core.life.abort().cancel();
        drop((services, hooks));
        if let Some(server) = core.health_server {
            stage("health", LAST, server.stop()).await;
        }
        stage("tasks", LAST.max(left()), core.life.finished()).await;
        stage("database", DATABASE, database.close()).await;
        tracing::info!("stopped");
        if core.life.has_failed() { Outcome::Failed } else { Outcome::Stopped }
    }
}

/// What is kept of the grace period, at most, for closing sessions.
const GOODBYE: std::time::Duration = std::time::Duration::from_secs(2);
/// What tasks that were told to stop now may still take.
const LAST: std::time::Duration = std::time::Duration::from_millis(500);
/// What an embedded database may take to stop.
const DATABASE: std::time::Duration = std::time::Duration::from_secs(12);
