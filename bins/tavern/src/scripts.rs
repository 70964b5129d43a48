//! Server code that is read from files: the engines, and what they are given.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tavern_domain::SystemClock;
use tavern_runtime_hooks::Module;
use tavern_runtime_hooks::engine::{Limits, PoolMeters};
use tavern_runtime_js::{JsConfig, JsModule};
use tavern_runtime_lua::{LuaConfig, LuaModule};
use tavern_telemetry::{Counter, Gauge, Metrics, tavern as names};

use crate::cli::{Exit, Failure};
use crate::config::Settings;

/// A module for each language; one without files does nothing.
pub(crate) fn modules(settings: &Settings, metrics: &Metrics) -> Vec<Arc<dyn Module>> {
    vec![Arc::new(lua(settings, metrics)), Arc::new(javascript(settings, metrics))]
}

/// Loads the code of every language without a server, and says what was found.
///
/// # Errors
/// With [`Exit::Modules`]: everything that does not load, each with its file and line.
pub(crate) fn check(
    settings: &Settings,
    runtime: &tokio::runtime::Handle,
) -> Result<Vec<String>, Failure> {
    let metrics = Metrics::new(settings.metrics_config());
    let failed = |error| Failure::new(Exit::Modules, error);
    let lua = lua(settings, &metrics).check(runtime).map_err(failed)?;
    let javascript = javascript(settings, &metrics).check(runtime);
    let javascript = javascript.map_err(|error| Failure::new(Exit::Modules, error))?;
    Ok(lua.into_iter().chain(javascript).collect())
}

/// Lua.
fn lua(settings: &Settings, metrics: &Metrics) -> LuaModule {
    let runtime = &settings.runtime;
    let config = LuaConfig {
        path: settings.modules_dir(),
        limits: limits(settings, runtime.lua_min_count, runtime.lua_max_count),
        freeze_globals: runtime.lua_read_only_globals,
        env: settings.runtime_env(),
        node: settings.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        clock: Arc::new(SystemClock),
    };
    LuaModule::new(config, Arc::new(Meters::new(metrics, "lua")))
}

/// JavaScript and TypeScript.
fn javascript(settings: &Settings, metrics: &Metrics) -> JsModule {
    let runtime = &settings.runtime;
    let entry = &runtime.js_entrypoint;
    let config = JsConfig {
        path: settings.modules_dir(),
        entry: (!entry.as_os_str().is_empty()).then(|| PathBuf::from(entry)),
        limits: limits(settings, runtime.js_min_count, runtime.js_max_count),
        freeze_globals: runtime.js_read_only_globals,
        env: settings.runtime_env(),
        node: settings.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    JsModule::new(config, Arc::new(Meters::new(metrics, "javascript")))
}

fn limits(settings: &Settings, first: u32, most: u32) -> Limits {
    let runtime = &settings.runtime;
    let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    Limits {
        first_machines: count(first),
        most_machines: count(most),
        waiting: runtime.script_queue_size,
        memory: runtime.script_memory_bytes,
        call: Duration::from_millis(runtime.script_call_cpu_ms),
        ..Limits::default()
    }
}

/// The metrics of an engine.
struct Meters {
    machines: Gauge,
    waiting: Gauge,
    refused: Counter,
    discarded: Counter,
}

impl Meters {
    fn new(metrics: &Metrics, language: &'static str) -> Self {
        let labels = &[("language", language)];
        Self {
            machines: metrics.gauge(names::SCRIPT_MACHINES, labels),
            waiting: metrics.gauge(names::SCRIPT_WAITING, labels),
            refused: metrics.counter(names::SCRIPT_REFUSED_TOTAL, labels),
            discarded: metrics.counter(names::SCRIPT_DISCARDED_TOTAL, labels),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
impl PoolMeters for Meters {
    fn machines(&self, count: usize) {
        self.machines.set(count as f64);
    }

    fn waiting(&self, count: usize) {
        self.waiting.set(count as f64);
    }

    fn refused(&self) {
        self.refused.increment(1);
    }

    fn discarded(&self) {
        self.discarded.increment(1);
    }
}
