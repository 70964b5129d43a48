//! A machine that runs a match.

use std::sync::Arc;

use mlua::{Function, MultiValue, Table, Value as LuaValue};
use parking_lot::Mutex;
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::matches::{Dispatcher, DispatcherFunction, MatchContext};
use tavern_runtime_hooks::{HookError, Value};

use super::{LoadError, Machine, broken, convert, nk, outcome};
use crate::context::Fields;
use crate::source::Source;

/// The functions that every file of a match returns.
const FUNCTIONS: [&str; 7] = [
    "match_init",
    "match_join_attempt",
    "match_join",
    "match_leave",
    "match_loop",
    "match_terminate",
    "match_signal",
];

/// A match: its functions, and what they have answered as its state.
pub(super) struct Game {
    functions: Table,
    state: LuaValue,
    dispatcher: Table,
    /// What the dispatcher's functions act on, while a callback runs.
    acts_on: Arc<Mutex<Option<Dispatcher>>>,
}

impl Machine {
    /// The names of the files that return what a match needs.
    pub(crate) fn matches(&self, sources: &[Source]) -> Result<Vec<String>, LoadError> {
        let mut names = Vec::new();
        for source in sources {
            let answer: LuaValue = self.require.call(source.name.as_str())?;
            let LuaValue::Table(table) = answer else { continue };
            let has = |name: &str| table.raw_get::<LuaValue>(name).map(|f| f.is_function());
            if !has("match_init")? {
                continue;
            }
            for name in FUNCTIONS {
                if !has(name)? {
                    let text = format!("{}: a match needs {name}", source.shown);
                    return Err(LoadError { text });
                }
            }
            names.push(source.name.clone());
        }
        Ok(names)
    }

    /// Begins the match of a file; answers its tick rate and its label.
    pub(crate) fn begin_match(
        &mut self,
        name: &str,
        fields: &Fields,
        params: &Value,
    ) -> Result<(i64, String), HookError> {
        let functions: Table = self.require.call(name).map_err(broken)?;
        let init: Function = functions.raw_get("match_init").map_err(broken)?;
        let answer = self.called(&init, fields, &[], std::slice::from_ref(params))?;
        let mut answer = answer.into_iter();
        let (state, rate, label) = (answer.next(), answer.next(), answer.next());
        let refused = |what: &str| {
            HookError::new(ErrorCode::Internal, format!("match_init must answer {what}"))
        };
        let state = state.filter(|state| !state.is_nil()).ok_or_else(|| refused("a state"))?;
        let rate = match rate.as_ref().map(convert::take) {
            Some(Ok(Value::Int(rate))) => rate,
            _ => return Err(refused("a whole number as tick rate")),
        };
        let label = match label.as_ref().map(convert::take) {
            Some(Ok(Value::Text(label))) => label,
            None | Some(Ok(Value::Null)) => String::new(),
            Some(_) => return Err(refused("a string as label")),
        };
        let acts_on = Arc::default();
        let dispatcher = self.dispatcher(&acts_on).map_err(broken)?;
        self.game = Some(Game { functions, state, dispatcher, acts_on });
        Ok((rate, label))
    }

    /// Runs a callback; answers what it answered behind the state, or nothing when there was no
    /// state.
    pub(crate) fn match_callback(
        &mut self,
        function: &str,
        fields: &Fields,
        context: &MatchContext,
        arguments: &[Value],
    ) -> Result<Option<Vec<Value>>, HookError> {
        let Some(game) = &self.game else {
            return Err(HookError::internal("this machine runs no match"));
        };
        let callback: Function = game.functions.raw_get(function).map_err(broken)?;
        *game.acts_on.lock() = Some(context.dispatcher.clone());
        #[expect(clippy::cast_precision_loss, reason = "ticks are exact for long enough")]
        let tick = LuaValue::Number(context.tick as f64);
        let before = [LuaValue::Table(game.dispatcher.clone()), tick, game.state.clone()];
        let answer = self.called(&callback, fields, &before, arguments);
        let Some(game) = &mut self.game else {
            return Err(HookError::internal("this machine runs no match"));
        };
        *game.acts_on.lock() = None;
        let mut answer = answer?.into_iter();
        match answer.next() {
            None | Some(LuaValue::Nil) => Ok(None),
            Some(state) => {
                game.state = state;
                let rest = answer.map(|value| convert::take(&value).map_err(broken));
                rest.collect::<Result<_, _>>().map(Some)
            }
        }
    }

    /// Calls a function with its context, what the engine has, and what the server gives.
    fn called(
        &mut self,
        function: &Function,
        fields: &Fields,
        before: &[LuaValue],
        arguments: &[Value],
    ) -> Result<Vec<LuaValue>, HookError> {
        let run = || {
            self.begin(self.limits.call);
            let given = convert::unguarded(&self.lua, || {
                let mut given = self.given(function, fields, &[])?;
                given.extend(before.iter().cloned());
                for argument in arguments {
                    given.push_back(convert::give(&self.lua, argument)?);
                }
                Ok(given)
            });
            let given = given.map_err(broken)?;
            let answer: MultiValue = self.run.call(given).map_err(broken)?;
            Ok(outcome(&answer)?.cloned().collect())
        };
        let answer = run();
        self.judged(answer).0
    }

    fn dispatcher(&self, acts_on: &Arc<Mutex<Option<Dispatcher>>>) -> mlua::Result<Table> {
        let table = self.lua.create_table()?;
        for function in DispatcherFunction::ALL {
            let acts_on = Arc::clone(acts_on);
            let raw = self.lua.create_function(move |lua, given: MultiValue| {
                let given = given.iter().map(convert::take).collect::<mlua::Result<Vec<_>>>();
                let acted = match given {
                    Ok(given) => act(&acts_on, &function, given),
                    Err(error) => {
                        let text = super::words_of(&error);
                        Err(HookError::new(ErrorCode::InvalidArgument, text))
                    }
                };
                match acted {
                    Ok(()) => Ok(MultiValue::from_iter([LuaValue::Boolean(true)])),
                    Err(error) => nk::refused(lua, &error),
                }
            })?;
            table.raw_set(function.lua, self.host.call::<Function>(raw)?)?;
        }
        Ok(table)
    }
}

fn act(
    acts_on: &Mutex<Option<Dispatcher>>,
    function: &DispatcherFunction,
    given: Vec<Value>,
) -> Result<(), HookError> {
    let dispatcher = acts_on.lock().clone();
    let Some(dispatcher) = dispatcher else {
        let text = "a dispatcher can only be used in the callback that it was given to";
        return Err(HookError::new(ErrorCode::FailedPrecondition, text));
    };
    function.call(&*dispatcher, given)
}
