//! Lua as a module of the server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tavern_domain::{Clock, ErrorCode};
use tavern_runtime_hooks::engine::{Habits, Limits, Made, Pool, PoolMeters, Workers};
use tavern_runtime_hooks::{HookError, Host, Module, ModuleError, Registrar};
use tokio_util::sync::CancellationToken;

use crate::game::LuaMatches;
use crate::hooks::{self, Engine};
use crate::machine::{Ask, Machine, Plan};
use crate::place::Place;
use crate::source::{self, SourceError};
use crate::{context, machine};

/// The stack of a thread that a machine runs on.
const STACK: usize = 4 << 20;

/// Threads that callbacks of matches run on.
const MATCH_THREADS: usize = 64;

/// Where server code is, and what it may use.
#[derive(Clone)]
pub struct LuaConfig {
    /// The folder of modules.
    pub path: PathBuf,
    /// Bounds.
    pub limits: Limits,
    /// Whether globals can only be read once the modules are loaded.
    pub freeze_globals: bool,
    /// What scripts see as `context.env`.
    pub env: BTreeMap<String, String>,
    /// What scripts see as `context.node`.
    pub node: String,
    /// What scripts see as `context.version`.
    pub version: String,
    /// What `nk.time` reads.
    pub clock: Arc<dyn Clock>,
}

/// The server code of a folder. Without a Lua file in it, it does nothing.
pub struct LuaModule {
    config: LuaConfig,
    meters: Arc<dyn PoolMeters>,
    end: CancellationToken,
    loaded: Mutex<Option<Arc<Engine>>>,
}

impl LuaModule {
    /// A module that reads nothing before it is loaded.
    #[must_use]
    pub fn new(config: LuaConfig, meters: Arc<dyn PoolMeters>) -> Self {
        Self { config, meters, end: CancellationToken::new(), loaded: Mutex::new(None) }
    }

    /// The files that it would load, relative to the folder.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn files(&self) -> Result<Vec<String>, SourceError> {
        Ok(source::read(&self.config.path)?.iter().map(|file| file.shown.clone()).collect())
    }

    /// Loads the files without a server, and says what was found; `None` without files.
    ///
    /// # Errors
    /// What does not load, with its file and line.
    pub fn check(&self, runtime: &tokio::runtime::Handle) -> Result<Option<String>, ModuleError> {
        let ask: Ask = Arc::new(|_, _| {
            let text = "there is no server while modules are only checked";
            let error = HookError::new(ErrorCode::Unavailable, text);
            Box::pin(std::future::ready(Err(error)))
        });
        let Some(plan) = self.plan(ask, runtime.clone())? else { return Ok(None) };
        let (_, places) = Machine::first(&plan)?;
        let (files, registered) = (plan.sources.len(), places.len());
        Ok(Some(format!("lua: {files} files, {registered} functions registered")))
    }

    fn plan(
        &self,
        ask: Ask,
        handle: tokio::runtime::Handle,
    ) -> Result<Option<Arc<Plan>>, SourceError> {
        let config = &self.config;
        let sources = source::read(&config.path)?;
        if sources.is_empty() {
            return Ok(None);
        }
        let env = config.env.iter().map(|(k, v)| (k.clone(), machine::text(v))).collect();
        Ok(Some(Arc::new(Plan {
            sources,
            ask,
            handle,
            limits: config.limits.clone(),
            freeze: config.freeze_globals,
            always: vec![
                ("env", tavern_runtime_hooks::Value::Map(env)),
                ("node", machine::text(&config.node)),
                ("version", machine::text(&config.version)),
            ],
            clock: Arc::clone(&config.clock),
            end: self.end.clone(),
        })))
    }
}

#[async_trait]
impl Module for LuaModule {
    fn name(&self) -> &str {
        "lua"
    }

    async fn init(
        &self,
        registrar: &mut Registrar,
        host: Arc<dyn Host>,
    ) -> Result<(), ModuleError> {
        let handle = tokio::runtime::Handle::current();
        let ask: Ask = Arc::new(move |row, args| Box::pin(row.call(Arc::clone(&host), args)));
        let Some(plan) = self.plan(ask, handle)? else { return Ok(()) };
        let limits = plan.limits.clone();
        let workers = Workers::new("lua", limits.most_machines, STACK);
        let first = {
            let plan = Arc::clone(&plan);
            workers.run(move || {
                let (first, places) = Machine::first(&plan)?;
                let (matches, indexes) = (first.matches(&plan.sources)?, first.indexes());
                let mut machines = vec![first];
                let most = plan.limits.most_machines.max(1);
                for _ in 1..plan.limits.first_machines.clamp(1, most) {
                    machines.push(Machine::another(&plan)?);
                }
                Ok::<_, machine::LoadError>((machines, places, matches, indexes))
            })
        };
        let (machines, places, matches, indexes) = first.await??;
        let make: Made<Machine> = {
            let plan = Arc::clone(&plan);
            Arc::new(move || Machine::another(&plan).map_err(HookError::internal))
        };
        let meters = Arc::clone(&self.meters);
        let pool = Pool::new(workers, limits.most_machines, limits.waiting, meters, make);
        pool.add(machines);
        let engine = Arc::new(Engine { pool, habits: Habits::new(places.iter().cloned()) });
        hooks::register(&engine, &places, registrar);
        indexes.into_iter().for_each(|index| registrar.storage_index(index));
        let games = Workers::new("lua match", MATCH_THREADS, STACK);
        for name in &matches {
            let (plan, workers) = (Arc::clone(&plan), games.clone());
            registrar.match_handler(name, LuaMatches { plan, workers, name: name.clone() });
        }
        let (files, registered) = (plan.sources.len(), places.len());
        tracing::info!(files, registered, matches = matches.len(), "server code in Lua loaded");
        if places.contains(&Place::Shutdown) {
            *self.loaded.lock() = Some(engine);
        }
        Ok(())
    }

    async fn shutdown(&self, left: Duration) {
        let engine = self.loaded.lock().take();
        let Some(engine) = engine else { return };
        let place = Arc::new(Place::Shutdown);
        let call = engine.call(&place, context::plain("shutdown"), Vec::new());
        match tokio::time::timeout(left, call).await {
            Ok(Ok(_ignored)) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "shutdown function failed"
                );
            }
            Err(_) => tracing::warn!("the function for shutdown did not end in time"),
        }
    }
}

impl Drop for LuaModule {
    fn drop(&mut self) {
        // What is stuck in a call stops with the next step.
        self.end.cancel();
    }
}
