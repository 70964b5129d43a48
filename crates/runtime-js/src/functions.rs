//! What scripts see as `nk`: the table of host functions.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::host::{Host, HostFunction, Language, host_functions};
use tavern_runtime_hooks::{HookError, Value};

/// A function, as scripts know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    /// Whether it answers anything.
    pub(crate) answers: bool,
    /// With fewer arguments than these, nothing is `undefined`, else `null`.
    pub(crate) null_from: usize,
}

impl Named {
    fn of(function: &HostFunction) -> Self {
        let (name, answers) = (function.js, function.result != "()");
        Self { name, answers, null_from: function.js_null_from() }
    }
}

/// The functions of the server for scripts.
#[async_trait]
pub(crate) trait Functions: Send + Sync + 'static {
    /// Their names; the index of a name is the number of the function.
    fn names(&self) -> Vec<Named>;

    /// Calls one with the arguments that a script gave, one after the other.
    async fn call(&self, function: usize, arguments: Vec<Value>) -> Result<Value, HookError>;
}

/// A server that is not there, and remembers what was asked of it first.
#[derive(Default)]
pub(crate) struct Probe {
    asked: OnceLock<&'static str>,
}

impl Probe {
    /// What was asked first.
    pub(crate) fn asked(&self) -> Option<&'static str> {
        self.asked.get().copied()
    }
}

#[async_trait]
impl Functions for Probe {
    fn names(&self) -> Vec<Named> {
        in_javascript().map(Named::of).collect()
    }

    async fn call(&self, function: usize, _: Vec<Value>) -> Result<Value, HookError> {
        if let Some(function) = in_javascript().nth(function) {
            self.asked.get_or_init(|| function.js);
        }
        Err(HookError::new(ErrorCode::Unavailable, "there is no server"))
    }
}

fn in_javascript() -> impl Iterator<Item = &'static HostFunction> {
    host_functions().filter(|f| !f.js.is_empty())
}

/// Those that the table has in JavaScript.
pub(crate) struct Table {
    functions: Vec<&'static HostFunction>,
    host: Arc<dyn Host>,
}

impl Table {
    pub(crate) fn new(host: Arc<dyn Host>) -> Self {
        Self { functions: in_javascript().collect(), host }
    }
}

#[async_trait]
impl Functions for Table {
    fn names(&self) -> Vec<Named> {
        self.functions.iter().copied().map(Named::of).collect()
    }

    async fn call(&self, function: usize, arguments: Vec<Value>) -> Result<Value, HookError> {
        let function = self.functions[function];
        let arguments = function.arguments(Language::JavaScript, arguments)?;
        function.call(Arc::clone(&self.host), arguments).await
    }
}
