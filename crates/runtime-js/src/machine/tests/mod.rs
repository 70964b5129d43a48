//! Machines on programs of a few lines.

mod errors;
mod limits;
mod matches;
mod styles;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::engine::Verdict;
use tavern_runtime_hooks::{HookError, Value};

use super::*;
use crate::functions::Named;
use crate::machine::load::InitError;
use crate::machine::record::Recorded;
use crate::registration::Place;

/// A server with three functions.
#[derive(Default)]
struct Fake {
    calls: AtomicUsize,
}

#[async_trait]
impl Functions for Fake {
    fn names(&self) -> Vec<Named> {
        let named = |name| Named { name, answers: true, null_from: 0 };
        ["echo", "count", "refuse", "wait"].map(named).to_vec()
    }

    async fn call(&self, function: usize, arguments: Vec<Value>) -> Result<Value, HookError> {
        let count = self.calls.fetch_add(1, Ordering::SeqCst);
        match function {
            0 => Ok(Value::List(arguments)),
            1 => Ok(Value::Int(count as i64)),
            2 => Err(HookError::new(ErrorCode::NotFound, "no such thing")),
            _ => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(Value::Text("waited".to_owned()))
            }
        }
    }
}

/// A program of one or more files and a runtime for it.
struct Bench {
    plan: Arc<Plan>,
    fake: Arc<Fake>,
    _runtime: tokio::runtime::Runtime,
}

fn bench(files: &[(&str, &str)]) -> Bench {
    bench_with(files, |_| {})
}

fn bench_with(files: &[(&str, &str)], change: impl FnOnce(&mut Plan)) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    bench_of(dir.path(), change)
}

/// A program that is kept.
fn bench_of(folder: &std::path::Path, change: impl FnOnce(&mut Plan)) -> Bench {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let fake = Arc::new(Fake::default());
    let mut plan = Plan {
        program: Program::load(folder, None).unwrap().unwrap(),
        functions: Arc::clone(&fake) as Arc<dyn Functions>,
        limits: Limits { memory: 16 << 20, call: Duration::from_millis(300), ..Limits::default() },
        freeze: true,
        env: BTreeMap::from([("KEY".to_owned(), "hush".to_owned())]),
        node: "node1".to_owned(),
        version: "0.1.0".to_owned(),
        end: CancellationToken::new(),
        handle: runtime.handle().clone(),
    };
    change(&mut plan);
    Bench { plan: Arc::new(plan), fake, _runtime: runtime }
}

impl Bench {
    fn machine(&self) -> Machine {
        self.first().unwrap().0
    }

    fn first(&self) -> Result<(Machine, Recorded, Registrations), InitError> {
        Machine::first(&self.plan)
    }
}

impl Machine {
    /// Calls the function of an id.
    fn rpc(&mut self, id: &str, payload: &str) -> (Result<Value, HookError>, Verdict) {
        let slot = self
            .shared
            .registrations
            .lock()
            .places
            .iter()
            .find(|(place, _)| *place == Place::Rpc(id.to_owned()))
            .map(|(_, slot)| *slot)
            .unwrap();
        let mut context = ScriptContext::new("rpc");
        context.with("userId", Value::Text("u1".to_owned()));
        self.call(slot, id, &context, &[Value::Text(payload.to_owned())])
    }

    fn text(&mut self, id: &str, payload: &str) -> String {
        let answer = self.rpc(id, payload).0.unwrap();
        let Value::Text(text) = answer else { panic!("{answer:?}") };
        text
    }

    fn error(&mut self, id: &str) -> HookError {
        self.rpc(id, "").0.unwrap_err()
    }
}
