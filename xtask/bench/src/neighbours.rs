//! A good server function beside bad ones: what it takes longer, and what they leave behind.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::http::{Http, request};
use crate::latency::Latency;
use crate::outcome::{Beside, Outcome};
use crate::prepared::prepared_client;
use crate::requests::{AT_ONCE, Client, each, gather, phase};
use crate::scenario::{Ctx, rpc_body};
use crate::schedule::Alarm;

/// How long the server may settle before its memory is read: threads that scripts have run on stay
/// for ten seconds, and what the allocator keeps for them with them.
const SETTLE: Duration = Duration::from_secs(15);

/// The bad functions, by the ends of their names, and the status of their answers.
const BAD: [(&str, u16); 4] = [("fail", 500), ("wait", 200), ("spin", 200), ("hungry", 429)];

/// The path of a function in the place of the good one, whose name ends with `echo`.
fn path(ctx: &Ctx, end: &str) -> Result<String> {
    let keys = &ctx.target.keys;
    let begin = keys.rpc.strip_suffix("echo").with_context(|| {
        format!("the function {} has no neighbours: its name must end with `echo`", keys.rpc)
    })?;
    Ok(format!("/v2/rpc/{begin}{end}?http_key={}", keys.http_key))
}

prepared_client!(Good, 0, |ctx, _index| {
    vec![request("POST", &path(ctx, "echo")?, ctx.target.addr, None, Some(&rpc_body(ctx)))]
});

/// Calls a bad function, over and over, until told to stop; answers how often.
async fn bother(ctx: Rc<Ctx>, end: &'static str, wanted: u16, stop: Rc<Cell<bool>>) -> Result<u64> {
    let call = request("POST", &path(&ctx, end)?, ctx.target.addr, None, Some("\"\""));
    let mut http = Http::open(ctx.target.addr).await?;
    let mut calls = 0;
    while !stop.get() {
        let (status, body) = http.send(&call).await.with_context(|| end)?;
        let body = String::from_utf8_lossy(body);
        ensure!(status == wanted, "{end} was answered {status}, not {wanted}: {body}");
        calls += 1;
    }
    Ok(calls)
}

/// Measures the good function alone, then beside the bad ones. The figures are those of the latter.
pub(crate) async fn round(ctx: Rc<Ctx>) -> Result<Outcome> {
    let clients = {
        let ctx = Rc::clone(&ctx);
        gather(ctx.clients, AT_ONCE, move |index| {
            let ctx = Rc::clone(&ctx);
            async move { Good::open(&ctx, index).await.map(|client| (index, client)) }
        })
        .await
        .context("open the connections")?
    };
    let (clients, _) = phase(&ctx, clients, ctx.warmup, Alarm::precise()?).await?;
    let (clients, alone) = phase(&ctx, clients, ctx.length, Alarm::precise()?).await?;
    // The machines of bad functions are made once before they count.
    let mut calls = [0; BAD.len()];
    let stop = Rc::new(Cell::new(true));
    for (end, wanted) in BAD {
        bother(Rc::clone(&ctx), end, wanted, Rc::clone(&stop)).await?;
    }
    sleep(SETTLE).await;
    let before = ctx.target.memory()?;

    stop.set(false);
    let mut bad = JoinSet::new();
    for (at, (end, wanted)) in BAD.into_iter().enumerate() {
        let bothering = bother(Rc::clone(&ctx), end, wanted, Rc::clone(&stop));
        bad.spawn_local(async move { (at, bothering.await) });
    }
    let meter = ctx.target.meter()?;
    let (clients, mut tally) = phase(&ctx, clients, ctx.length, Alarm::precise()?).await?;
    let usage = ctx.target.read(&meter)?;
    stop.set(true);
    while let Some(ended) = bad.join_next().await {
        let (at, called) = ended.context("a task panicked")?;
        match called {
            Ok(count) => calls[at] = count,
            Err(error) => tally.fail(1, || format!("{error:#}")),
        }
    }
    each(clients, |(_, client)| client.close()).await;
    sleep(SETTLE).await;
    let after = ctx.target.memory()?;
    tally.errors += alone.errors;
    let mut outcome = Outcome::new(tally, usage);
    let quiet: Latency = alone.latency;
    outcome.beside = Some(Beside { quiet, calls: calls.iter().sum(), before, after });
    Ok(outcome)
}
