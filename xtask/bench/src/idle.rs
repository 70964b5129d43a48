//! Sockets that do nothing: what each costs the server in memory, and in CPU while it is quiet.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use crate::outcome::{Memory, Outcome, Tally};
use crate::requests::{AT_ONCE, each, gather};
use crate::scenario::Ctx;
use crate::schedule::whole;
use crate::socket::Socket;

/// How long the server may settle before its memory is read.
const SETTLE: Duration = Duration::from_secs(3);

/// Opens the sockets, watches them for the length of a measurement, and closes them.
pub(crate) async fn round(ctx: Rc<Ctx>) -> Result<Outcome> {
    let target = &ctx.target;
    let users = target.users.first(target, ctx.sockets).await?;
    // The first socket pays for what all of them share.
    let first = Socket::open(target, &users[0], ctx.format, false).await?;
    sleep(SETTLE).await;
    let before = target.memory()?;
    let sockets = {
        let (ctx, users) = (Rc::clone(&ctx), users.clone());
        gather(ctx.sockets - 1, AT_ONCE, move |index| {
            let (ctx, user) = (Rc::clone(&ctx), Rc::clone(&users[index + 1]));
            async move { Socket::open(&ctx.target, &user, ctx.format, false).await }
        })
        .await
        .context("open the sockets")?
    };
    sleep(SETTLE).await;
    let meter = target.meter()?;
    sleep(ctx.length).await;
    let usage = target.read(&meter)?;
    let after = target.memory()?;

    let mut tally = Tally::new();
    tally.operations = sockets.len() as u64;
    tally.units = whole(sockets.len() as f64 * usage.elapsed.as_secs_f64());
    let lost = sockets.iter().chain([&first]).filter(|socket| socket.is_dead()).count();
    tally.fail(lost as u64, || "the server closed an idle socket".into());
    let memory = Memory { sockets: sockets.len(), before, after };
    each(sockets, Socket::close).await;
    first.close().await.ok();
    let mut outcome = Outcome::new(tally, usage);
    outcome.memory = Some(memory);
    Ok(outcome)
}
