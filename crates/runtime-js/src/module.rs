//! JavaScript and TypeScript as a module of the server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tavern_runtime_hooks::engine::{Habits, Limits, Made, Pool, PoolMeters, Workers};
use tavern_runtime_hooks::{HookError, Host, Module, ModuleError, Registrar};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::functions::{Functions, Probe, Table};
use crate::hooks::{self, Engine};
use crate::machine::{InitError, Machine, Plan, ScriptContext};
use crate::registration::{Place, Registrations};
use crate::source::{Program, SourceError};

/// The stack of a thread beyond what a machine may use of it.
const BEYOND: usize = 1 << 20;

/// Where server code is, and what it may use.
#[derive(Clone, Debug)]
pub struct JsConfig {
    /// The folder of modules.
    pub path: PathBuf,
    /// The file to begin with, relative to the folder; `None` for `index.js`, else `index.ts`.
    pub entry: Option<PathBuf>,
    /// Bounds.
    pub limits: Limits,
    /// Whether what all calls share is frozen once loaded.
    pub freeze_globals: bool,
    /// What scripts see as `ctx.env`.
    pub env: BTreeMap<String, String>,
    /// What scripts see as `ctx.node`.
    pub node: String,
    /// What scripts see as `ctx.version`.
    pub version: String,
}

/// The server code of a folder. Without an entry file in it, it does nothing.
pub struct JsModule {
    config: JsConfig,
    meters: Arc<dyn PoolMeters>,
    end: CancellationToken,
    loaded: parking_lot::Mutex<Option<Loaded>>,
}

struct Loaded {
    engine: Arc<Engine>,
    /// The number of the function to call at the end.
    shutdown: Option<usize>,
}

impl JsModule {
    /// A module that reads nothing before it is loaded.
    #[must_use]
    pub fn new(config: JsConfig, meters: Arc<dyn PoolMeters>) -> Self {
        let end = CancellationToken::new();
        Self { config, meters, end, loaded: parking_lot::Mutex::new(None) }
    }

    /// The files that it would load; none without an entry.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn files(&self) -> Result<Vec<PathBuf>, SourceError> {
        Ok(self.program()?.map(|program| program.paths).unwrap_or_default())
    }

    /// Loads the code without a server and says what was found; `None` without an entry. An
    /// `InitModule` that asks the server for something is run up to there.
    ///
    /// # Errors
    /// What is wrong, with file and line.
    pub fn check(&self, handle: &Handle) -> Result<Option<String>, ModuleError> {
        let Some(program) = self.program()? else { return Ok(None) };
        let probe = Arc::new(Probe::default());
        let plan = self.plan(program, Arc::clone(&probe) as Arc<dyn Functions>, handle.clone());
        let (entry, files) = (plan.program.entry.to_string(), plan.program.len());
        match (Machine::first(&plan), probe.asked()) {
            (Ok((_, _, found)), _) => {
                let registered = found.places.len();
                Ok(Some(format!("javascript: {entry}: {files} files, {registered} registrations")))
            }
            (Err(InitError::Code(_)), Some(name)) => Ok(Some(format!(
                "javascript: {entry}: {files} files; InitModule calls nk.{name}, which takes a server"
            ))),
            (Err(error), _) => Err(error.into()),
        }
    }

    fn program(&self) -> Result<Option<Program>, SourceError> {
        let config = &self.config;
        if config.entry.is_none() && !config.path.is_dir() {
            return Ok(None);
        }
        Program::load(&config.path, config.entry.as_deref())
    }

    fn plan(&self, program: Program, functions: Arc<dyn Functions>, handle: Handle) -> Arc<Plan> {
        let config = &self.config;
        Arc::new(Plan {
            program,
            functions,
            limits: config.limits.clone(),
            freeze: config.freeze_globals,
            env: config.env.clone(),
            node: config.node.clone(),
            version: config.version.clone(),
            end: self.end.clone(),
            handle,
        })
    }
}

#[async_trait]
impl Module for JsModule {
    fn name(&self) -> &str {
        "javascript"
    }

    async fn init(
        &self,
        registrar: &mut Registrar,
        host: Arc<dyn Host>,
    ) -> Result<(), ModuleError> {
        let Some(program) = self.program()? else { return Ok(()) };
        let limits = &self.config.limits;
        // A match has a machine of its own and runs beside the pool.
        let workers =
            Workers::new("javascript", limits.most_machines + MATCH_THREADS, limits.stack + BEYOND);
        let plan = self.plan(program, Arc::new(Table::new(host)), Handle::current());
        let (engine, registrations) = start(&workers, &plan, Arc::clone(&self.meters)).await?;
        hooks::register(&engine, &registrations, registrar);
        for index in &registrations.indexes {
            registrar.storage_index(index.clone());
        }
        let shutdown = registrations
            .places
            .iter()
            .find(|(place, _)| *place == Place::Shutdown)
            .map(|(_, function)| *function);
        tracing::info!(
            entry = &*plan.program.entry,
            files = plan.program.len(),
            registered = registrations.places.len(),
            "server code loaded"
        );
        *self.loaded.lock() = Some(Loaded { engine, shutdown });
        Ok(())
    }

    fn retire(&self) {
        if let Some(loaded) = &*self.loaded.lock() {
            loaded.engine.pool.retire();
        }
    }

    async fn shutdown(&self, left: Duration) {
        let loaded = self.loaded.lock().take();
        let Some(Loaded { engine, shutdown }) = loaded else { return };
        // What is stuck in a call then stops with its next step. It may have until then.
        let end = self.end.clone();
        engine.workers.spawn(move || {
            std::thread::sleep(left);
            end.cancel();
        });
        if let Some(function) = shutdown {
            let what: Arc<str> = "shutdown".into();
            let context = ScriptContext::new("shutdown");
            let call = engine.call(function, &what, context, Vec::new());
            if let Err(error) = call.await {
                // What it threw is in the log already.
                tracing::debug!(%error, "the function for shutdown failed");
            }
        }
    }
}

/// Threads for matches, beyond those of the pool.
const MATCH_THREADS: usize = 256;

/// Makes the first machines of a program.
async fn start(
    workers: &Workers,
    plan: &Arc<Plan>,
    meters: Arc<dyn PoolMeters>,
) -> Result<(Arc<Engine>, Registrations), ModuleError> {
    let limits = plan.limits.clone();
    let first = {
        let plan = Arc::clone(plan);
        workers.run(move || {
            let (first, recorded, registrations) = Machine::first(&plan)?;
            let mut machines = vec![first];
            // One more shows at the start whether InitModule does the same each time.
            for _ in 1..limits.first_machines.clamp(2, limits.most_machines.max(2)) {
                machines.push(Machine::another(&plan, &recorded, &registrations)?);
            }
            Ok::<_, InitError>((machines, recorded, registrations))
        })
    };
    let (machines, recorded, registrations) = first.await??;
    let make: Made<Machine> = {
        let (plan, registrations) = (Arc::clone(plan), registrations.clone());
        Arc::new(move || {
            Machine::another(&plan, &recorded, &registrations).map_err(HookError::from)
        })
    };
    let limits = &plan.limits;
    let (pooled, workers) = (Arc::clone(&make), workers.clone());
    let pool = Pool::new(workers.clone(), limits.most_machines, limits.waiting, meters, pooled);
    pool.add(machines);
    let habits = Habits::new(registrations.places.iter().map(|(_, function)| *function));
    Ok((Arc::new(Engine { pool, habits, workers, make }), registrations))
}
