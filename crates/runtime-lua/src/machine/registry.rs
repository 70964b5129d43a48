//! What the files register while they are loaded.

use std::collections::HashMap;
use std::sync::Arc;

use mlua::Function;
use parking_lot::Mutex;
use tavern_runtime_hooks::{IndexDefinition, MAX_INDEXES};

use crate::place::Place;

/// Shared by the machine and its `register_…` functions. Each machine has its own.
#[derive(Clone, Default)]
pub(super) struct Registry(Arc<Mutex<Inner>>);

const TOO_LATE: &str = "functions can only be registered while the modules are loaded";

#[derive(Default)]
struct Inner {
    /// In the order of registration.
    order: Vec<Place>,
    functions: HashMap<Place, Function>,
    indexes: Vec<IndexDefinition>,
    /// Everything is loaded.
    sealed: bool,
    problem: Option<String>,
}

impl Registry {
    /// Keeps a function for a place; says why not.
    pub(super) fn keep(&self, place: Place, function: Function) -> Result<(), String> {
        let mut inner = self.0.lock();
        if inner.sealed {
            return Err(TOO_LATE.into());
        }
        if inner.functions.contains_key(&place) {
            let problem = format!("{place:?} is registered twice");
            inner.problem.get_or_insert_with(|| problem.clone());
            return Err(problem);
        }
        inner.order.push(place.clone());
        inner.functions.insert(place, function);
        Ok(())
    }

    /// Keeps the definition of an index; says why not.
    pub(super) fn keep_index(&self, index: IndexDefinition) -> Result<(), String> {
        let mut inner = self.0.lock();
        if inner.sealed {
            return Err(TOO_LATE.into());
        }
        if inner.indexes.len() >= MAX_INDEXES {
            return Err("too many storage indexes are registered".into());
        }
        inner.indexes.push(index);
        Ok(())
    }

    pub(super) fn indexes(&self) -> Vec<IndexDefinition> {
        self.0.lock().indexes.clone()
    }

    pub(super) fn seal(&self) {
        self.0.lock().sealed = true;
    }

    /// What must stop the start even if the file has caught it.
    pub(super) fn problem(&self) -> Option<String> {
        self.0.lock().problem.clone()
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.0.lock().order.clone()
    }

    pub(super) fn function(&self, place: &Place) -> Option<Function> {
        self.0.lock().functions.get(place).cloned()
    }
}
