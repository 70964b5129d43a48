//! A run from its plan to its report.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::{sleep, timeout};

use crate::args::{Args, Case, Plan};
use crate::outcome::Outcome;
use crate::report;
use crate::scenario::Ctx;
use crate::target::{self, Target, Usage};

/// How long the targets are watched at rest.
const REST: Duration = Duration::from_secs(2);
/// What a round may take besides its load: opening sockets, making players.
const MARGIN: Duration = Duration::from_secs(180);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Clean,
    /// A scenario could not run, or had operations that failed.
    Failures,
}

/// Runs what the arguments ask for.
pub(crate) fn main(args: Args) -> Result<Verdict> {
    if args.list {
        report::list();
        return Ok(Verdict::Clean);
    }
    let plan = Plan::new(args)?;
    allow_many_sockets()?;
    // One thread: it leaves the other cores to the servers, and needs no locks.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .context("start the runtime")?;
    runtime.block_on(run(&plan))
}

/// Lifts this process's own limit of open files as far as it may.
fn allow_many_sockets() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("read the limit of open files")?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("lift the limit of open files")
}

async fn run(plan: &Plan) -> Result<Verdict> {
    let name = target::run_name()?;
    let mut targets = Vec::new();
    for t in &plan.targets {
        let (address, keys) = (t.address.clone(), t.keys.clone());
        targets.push(Target::connect(address, keys, t.pid, &t.database, &name).await?);
    }
    let at_rest = at_rest(&targets).await?;
    let introduced: Vec<(&Target, Usage)> = targets.iter().map(Rc::as_ref).zip(at_rest).collect();
    report::targets(&introduced);

    let counter = Rc::new(Cell::new(0));
    let (mut verdict, mut cases) = (Verdict::Clean, Vec::new());
    for case in &plan.cases {
        match measure(plan, case, &targets, &counter).await {
            Ok(results) => {
                if results.iter().any(|(_, outcome)| outcome.tally.errors > 0) {
                    verdict = Verdict::Failures;
                }
                report::case(case, plan, &results);
                cases.push(report::case_json(case, plan, &results));
            }
            Err(error) => {
                verdict = Verdict::Failures;
                let name = case.scenario.name;
                report::say(&format!("\n{name}, {}: failed: {error:#}", case.format.name()));
                cases.push(json!({ "scenario": name, "failed": format!("{error:#}") }));
            }
        }
    }
    if let Some(path) = &plan.json {
        let targets: Vec<_> = introduced.iter().map(|(t, rest)| target_json(t, rest)).collect();
        let whole = json!({
            "run": name,
            "rounds": plan.rounds,
            "seconds": plan.length.as_secs_f64(),
            "targets": targets,
            "cases": cases,
        });
        let text = format!("{whole:#}\n");
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(verdict)
}

fn target_json(target: &Target, rest: &Usage) -> serde_json::Value {
    json!({
        "label": target.label,
        "url": target.url,
        "at_rest_seconds": rest.elapsed.as_secs_f64(),
        "at_rest_server_us": rest.server.as_secs_f64() * 1e6,
        "at_rest_db_us": rest.database.map(|cpu| cpu.as_secs_f64() * 1e6),
    })
}

async fn at_rest(targets: &[Rc<Target>]) -> Result<Vec<Usage>> {
    let meters = targets.iter().map(|t| t.meter()).collect::<Result<Vec<_>>>()?;
    sleep(REST).await;
    targets.iter().zip(&meters).map(|(target, meter)| target.read(meter)).collect()
}

/// Measures a case on all targets, in turns.
async fn measure(
    plan: &Plan,
    case: &Case,
    targets: &[Rc<Target>],
    counter: &Rc<Cell<usize>>,
) -> Result<Vec<(String, Outcome)>> {
    // Memory that a server took for the sockets of one round it may keep for the next: only the
    // first says what they cost.
    let rounds = if case.scenario.load { plan.rounds } else { 1 };
    let mut results: Vec<(String, Outcome)> = Vec::new();
    for _ in 0..rounds {
        for (index, target) in targets.iter().enumerate() {
            let ctx = Rc::new(Ctx {
                target: Rc::clone(target),
                format: case.format,
                load: case.load,
                clients: plan.clients.unwrap_or(case.scenario.clients),
                members: plan.members,
                sockets: plan.sockets,
                payload: plan.payload,
                warmup: plan.warmup,
                length: plan.length,
                counter: Rc::clone(counter),
            });
            let limit = plan.warmup + plan.length + MARGIN;
            let outcome = timeout(limit, (case.scenario.run)(ctx))
                .await
                .with_context(|| format!("not done within {limit:?}"))
                .flatten()
                .with_context(|| target.label.clone())?;
            match results.get_mut(index) {
                Some((_, sum)) => sum.merge(&outcome),
                None => results.push((target.label.clone(), outcome)),
            }
        }
    }
    Ok(results)
}
