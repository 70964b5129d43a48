//! The server as a program: what `serve`, `migrate` and `check` do.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tavern_domain::{Clock as _, Lifecycle, OsEntropy, SystemClock, UserId};
use tavern_runtime_hooks::Module;
use tavern_telemetry::{
    Counter, Gauge, LogHandle, Metrics, Tracer, WallClock, log_panics, start_logging,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::boot::{Outcome, Running, Server};
use crate::cli::{self, Exit, Failure, Migrate, Program, Start, Surroundings};
use crate::config::{Settings, Sources, read_file, reload};
use crate::migrations;
use crate::revoking;
use crate::scripts;

/// Runs the command line of a server with these modules and answers the exit code: all that the
/// `main` of a studio's own server has to do.
#[must_use]
pub fn main_with(modules: Vec<Arc<dyn Module>>) -> std::process::ExitCode {
    let program = Tavern { modules };
    let with = Surroundings {
        args: std::env::args_os().skip(1).collect(),
        environment: std::env::vars_os().collect(),
        out: &mut std::io::stdout(),
        err: &mut std::io::stderr(),
        entropy: &OsEntropy,
    };
    cli::run(&program, with).into()
}

/// What operators see of the process itself.
struct Observed {
    /// Reloads that were applied, and that were refused.
    reloads: [Counter; 2],
    ready_after: Gauge,
    begun: Instant,
}

/// A server with its modules.
struct Tavern {
    modules: Vec<Arc<dyn Module>>,
}

impl Program for Tavern {
    fn licenses(&self) -> String {
        use tavern_embedded_postgres::{BUILD_LICENSE, POSTGRESQL_LICENSE};
        format!(
            "Tavern: Apache License, version 2.0\n\nIt carries PostgreSQL:\n\n{POSTGRESQL_LICENSE}\n\
             The build of PostgreSQL that it carries:\n\n{BUILD_LICENSE}\n"
        )
    }

    fn serve(&self, start: Start) -> Result<(), Failure> {
        let begun = Instant::now();
        let settings = start.loaded.settings.clone();
        let metrics = Metrics::new(settings.metrics_config());
        let runtime = runtime()?;
        let _entered = runtime.enter();
        let tracer = tracer(&settings)?;
        let wall: WallClock = Arc::new(|| {
            let nanos = SystemClock.now().nanos();
            Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
        });
        let (log, guard) =
            start_logging(&settings.log_config(utc_offset_seconds()), wall, &metrics, &tracer)
                .map_err(|error| Failure::new(Exit::BadConfiguration, error))?;
        log_panics(&log);
        let Start { loaded, sources } = start;
        metrics
            .gauge(tavern_telemetry::tavern::BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION"))])
            .set(1.0);
        let observed = Observed {
            reloads: ["applied", "refused"].map(|result| {
                metrics
                    .counter(tavern_telemetry::tavern::CONFIG_RELOADS_TOTAL, &[("result", result)])
            }),
            ready_after: metrics.gauge(tavern_telemetry::tavern::READY_AFTER_SECONDS, &[]),
            begun,
        };
        for notice in &loaded.notices {
            tracing::warn!("{notice}");
        }
        let mut server = Server::new(settings.clone()).telemetry(metrics, tracer);
        for module in &self.modules {
            server = server.module(Arc::clone(module));
        }
        let served = runtime.block_on(serve(server, settings, sources, log, observed));
        // What still runs has had its time: see `shutdown_grace_sec`.
        runtime.shutdown_timeout(Duration::from_millis(200));
        drop(guard);
        served
    }

    fn migrate(
        &self,
        settings: &Settings,
        migrate: Migrate,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        runtime()?
            .block_on(migrations::run(settings, migrate, out))
            .map_err(|error| Failure::new(Exit::Database, error))
    }

    fn revoke_tokens(
        &self,
        settings: &Settings,
        user: UserId,
        block: Option<&str>,
    ) -> Result<(), Failure> {
        runtime()?
            .block_on(revoking::run(settings, user, block))
            .map_err(|error| Failure::new(Exit::Database, error))
    }

    fn check_modules(&self, settings: &Settings) -> Result<Vec<String>, Failure> {
        // Rust modules are part of the program: that they load was checked when it was linked.
        let linked = self.modules.iter().map(|module| format!("{}: linked", module.name()));
        Ok(linked.chain(scripts::check(settings, runtime()?.handle())?).collect())
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Short calls of server code run on these threads.
        .thread_stack_size(4 << 20)
        .build()
        .map_err(|error| Failure::new(Exit::Failed, error))
}

#[cfg(feature = "otlp")]
fn tracer(settings: &Settings) -> Result<Tracer, Failure> {
    match settings.otlp_config(env!("CARGO_PKG_VERSION")) {
        None => Ok(Tracer::off()),
        Some(config) => {
            Tracer::otlp(&config).map_err(|error| Failure::new(Exit::BadConfiguration, error))
        }
    }
}

#[cfg(not(feature = "otlp"))]
fn tracer(_settings: &Settings) -> Result<Tracer, Failure> {
    Ok(Tracer::off())
}

/// The machine's time zone, for the names of log files put aside.
fn utc_offset_seconds() -> i32 {
    time::UtcOffset::current_local_offset().map_or(0, time::UtcOffset::whole_seconds)
}

async fn serve(
    server: Server,
    settings: Settings,
    sources: Sources,
    log: LogHandle,
    observed: Observed,
) -> Result<(), Failure> {
    let life = Lifecycle::new();
    watch_for_the_end(&life)?;
    let Some(mut running) = server.start(&life).await? else {
        tracing::info!("stopped while starting");
        return Ok(());
    };
    observed.ready_after.set(observed.begun.elapsed().as_secs_f64());
    announce(&running, &settings);
    reload_until_the_end(&mut running, settings, sources, &log, &life, &observed).await?;
    match running.stop().await {
        Outcome::Stopped => Ok(()),
        Outcome::Failed => Err(Failure::new(Exit::Failed, "a part of the server ended unasked")),
    }
}

/// The first SIGTERM or SIGINT asks for an orderly end; the second ends at once.
fn watch_for_the_end(life: &Lifecycle) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (drain, abort) = (life.drain().clone(), life.abort().clone());
    drop(life.spawn(async move {
        for token in [drain, abort.clone()] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = abort.cancelled() => return,
            }
            token.cancel();
        }
    }));
    Ok(())
}

async fn reload_until_the_end(
    running: &mut Running,
    mut settings: Settings,
    mut sources: Sources,
    log: &LogHandle,
    life: &Lifecycle,
    observed: &Observed,
) -> Result<(), Failure> {
    let [applied, refused] = &observed.reloads;
    let mut hangup =
        signal(SignalKind::hangup()).map_err(|error| Failure::new(Exit::Failed, error))?;
    loop {
        tokio::select! {
            () = life.drain().cancelled() => return Ok(()),
            _ = hangup.recv() => {}
        }
        let again = sources.again(&read_file);
        match reload(&settings, &sources, &again) {
            Err(problems) => {
                refused.increment(1);
                tracing::error!(%problems, "the configuration was not reloaded");
            }
            Ok(reloaded) => {
                reloaded.report.log();
                log.set_level(reloaded.settings.log_level());
                log.reopen();
                match running.reconfigure(reloaded.settings.clone()) {
                    Ok(()) => {
                        applied.increment(1);
                        (settings, sources) = (reloaded.settings, again);
                    }
                    Err(problem) => {
                        refused.increment(1);
                        tracing::error!(problem, "the listeners keep their settings");
                    }
                }
            }
        }
        running.reload_certificate();
    }
}

/// Tells where the server is, and in development what to try next.
fn announce(running: &Running, settings: &Settings) {
    let at = running.addresses();
    tracing::info!(
        http = %at.game.http,
        realtime = %at.game.realtime,
        grpc = %at.game.grpc,
        health = at.health.map(tracing::field::display),
        node = settings.name,
        "ready"
    );
    if settings.dev {
        let key = settings.socket.server_key.expose();
        let http = at.game.http;
        tracing::info!("SDKs: server key {key}, host 127.0.0.1, port {}", http.port());
        tracing::info!(
            "try: curl --user {key}: 'http://{http}/v2/account/authenticate/device?create=true' \
             --data '{{\"id\":\"a-device-of-mine\"}}'"
        );
        if let Some(health) = at.health {
            tracing::info!(
                "metrics and health: http://{health}/metrics and http://{health}/readyz"
            );
        }
    }
}
