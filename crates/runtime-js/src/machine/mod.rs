//! A machine: one QuickJS with the program loaded and `InitModule` run. It serves one call at a
//! time and may go from thread to thread in between.

mod call;
mod convert;
mod load;
mod log;
mod matches;
mod nk;
mod record;
mod registry;
mod report;
mod watch;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rquickjs::{Context, Ctx, Function, Runtime};
use tavern_runtime_hooks::engine::Limits;
use tavern_runtime_hooks::matches::Dispatcher;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::functions::Functions;
use crate::registration::Registrations;
use crate::source::Program;
use record::Record;
use watch::Watch;

pub(crate) use call::ScriptContext;
pub(crate) use load::InitError;
pub(crate) use matches::{Callback, Extra};

/// What machines are made of.
pub(crate) struct Plan {
    pub(crate) program: Program,
    pub(crate) functions: Arc<dyn Functions>,
    pub(crate) limits: Limits,
    /// Whether what all calls share is frozen once loaded.
    pub(crate) freeze: bool,
    /// What scripts see as `ctx.env`.
    pub(crate) env: BTreeMap<String, String>,
    /// What scripts see as `ctx.node` and `ctx.version`.
    pub(crate) node: String,
    pub(crate) version: String,
    /// Cancelled when the server's time to stop is over.
    pub(crate) end: CancellationToken,
    /// Where calls of the server are waited for.
    pub(crate) handle: Handle,
}

/// One QuickJS.
pub(crate) struct Machine {
    context: Context,
    // Dropped after the context.
    runtime: Runtime,
    shared: Arc<Shared>,
}

/// What the functions of a machine share. Holds no value of the engine, so that nothing in it
/// keeps the engine alive.
pub(crate) struct Shared {
    plan: Arc<Plan>,
    watch: Arc<Watch>,
    record: Record,
    registrations: Mutex<Registrations>,
    /// What the match of this machine can do, if it has one.
    dispatcher: Arc<Mutex<Option<Dispatcher>>>,
}

impl Shared {
    fn is_initialising(&self) -> bool {
        !self.record.is_off()
    }

    fn is_replaying(&self) -> bool {
        self.record.is_replaying()
    }
}

/// The registered functions of a machine.
type Handlers<'js> = RefCell<Vec<Function<'js>>>;

/// Values that every call needs, by the numbers below.
type Fixed<'js> = Vec<rquickjs::Value<'js>>;

const LOGGER: usize = 0;
const NEXT_TIMER: usize = 1;
const RUN_TIMER: usize = 2;
const CLEAR_TIMERS: usize = 3;
const ERROR: usize = 4;
const FREEZE: usize = 5;
const NK: usize = 6;
const ENV: usize = 7;

fn fixed<'js>(ctx: &Ctx<'js>, number: usize) -> rquickjs::Result<rquickjs::Value<'js>> {
    let found = ctx.userdata::<Fixed<'js>>().and_then(|fixed| fixed.get(number).cloned());
    found.ok_or(rquickjs::Error::Unknown)
}

#[cfg(test)]
mod tests;
