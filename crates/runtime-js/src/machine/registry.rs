//! The `initializer` that `InitModule` gets.

use std::sync::Arc;

use rquickjs::function::{Opt, Rest};
use rquickjs::{Ctx, Exception, Function, Object, Result, Value};
use tavern_protocol::{CallId, RtId};
use tavern_runtime_hooks::{HttpMethods, IndexDefinition, IndexSpec, MAX_INDEXES, RoutePattern};

use super::{Handlers, Shared, convert};
use crate::registration::{MATCH_FUNCTIONS, Place};

/// The most functions that a program registers.
const MOST: usize = 10_000;

/// Places with one function each and nothing else to say.
const SINGLE: [(&str, Place); 11] = [
    ("registerMatchmakerMatched", Place::MatchmakerMatched),
    ("registerMatchmakerOverride", Place::MatchmakerOverride),
    ("registerMatchmakerProcessor", Place::MatchmakerProcessor),
    ("registerTournamentEnd", Place::TournamentEnd),
    ("registerTournamentReset", Place::TournamentReset),
    ("registerLeaderboardReset", Place::LeaderboardReset),
    ("registerPurchaseNotificationApple", Place::PurchaseNotificationApple),
    ("registerPurchaseNotificationGoogle", Place::PurchaseNotificationGoogle),
    ("registerSubscriptionNotificationApple", Place::SubscriptionNotificationApple),
    ("registerSubscriptionNotificationGoogle", Place::SubscriptionNotificationGoogle),
    ("registerShutdown", Place::Shutdown),
];

/// Calls without hooks.
const UNHOOKED: [CallId; 2] = [CallId::Healthcheck, CallId::RpcFunc];

/// The object, for one run of `InitModule`.
pub(super) fn initializer<'js>(ctx: &Ctx<'js>, shared: &Arc<Shared>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (name, place) in SINGLE {
        add(ctx, &object, name, shared, move |_| Ok(place.clone()))?;
    }
    for call in CallId::ALL.into_iter().filter(|call| !UNHOOKED.contains(call)) {
        let name = call.name();
        let (before, after) = (format!("registerBefore{name}"), format!("registerAfter{name}"));
        add(ctx, &object, &before, shared, move |_| Ok(Place::Before(call)))?;
        add(ctx, &object, &after, shared, move |_| Ok(Place::After(call)))?;
    }
    named(ctx, &object, "registerRpc", shared, |_, id| Ok(Place::Rpc(id.to_lowercase())))?;
    named(ctx, &object, "registerRtBefore", shared, |ctx, name| {
        message(ctx, name).map(Place::RtBefore)
    })?;
    named(ctx, &object, "registerRtAfter", shared, |ctx, name| {
        message(ctx, name).map(Place::RtAfter)
    })?;
    named(ctx, &object, "registerStorageIndexFilter", shared, |_, name| {
        Ok(Place::StorageIndexFilter(name.to_owned()))
    })?;
    matches(ctx, &object, shared)?;
    indexes(ctx, &object, shared)?;
    routes(ctx, &object, shared)?;
    Ok(object)
}

/// A method that takes a function alone.
fn add<'js>(
    ctx: &Ctx<'js>,
    object: &Object<'js>,
    name: &str,
    shared: &Arc<Shared>,
    place: impl Fn(&Ctx<'js>) -> Result<Place> + 'js,
) -> Result<()> {
    let shared = Arc::clone(shared);
    let method = move |ctx: Ctx<'js>, function: Opt<Value<'js>>| {
        register(&ctx, &shared, place(&ctx)?, &[function.0])
    };
    object.set(name, Function::new(ctx.clone(), method)?.with_name(name)?)
}

/// A method that takes a name and a function.
fn named<'js>(
    ctx: &Ctx<'js>,
    object: &Object<'js>,
    name: &str,
    shared: &Arc<Shared>,
    place: impl Fn(&Ctx<'js>, &str) -> Result<Place> + 'js,
) -> Result<()> {
    let shared = Arc::clone(shared);
    let method = move |ctx: Ctx<'js>, id: Opt<Value<'js>>, function: Opt<Value<'js>>| {
        let id = text(&ctx, id.0, "a name")?;
        register(&ctx, &shared, place(&ctx, &id)?, &[function.0])
    };
    object.set(name, Function::new(ctx.clone(), method)?.with_name(name)?)
}

fn matches<'js>(ctx: &Ctx<'js>, object: &Object<'js>, shared: &Arc<Shared>) -> Result<()> {
    let shared = Arc::clone(shared);
    let method = move |ctx: Ctx<'js>, name: Opt<Value<'js>>, handler: Opt<Value<'js>>| {
        let name = text(&ctx, name.0, "a name")?;
        let Some(handler) = handler.0.as_ref().and_then(Value::as_object) else {
            return Err(Exception::throw_type(&ctx, "expects an object of functions"));
        };
        let mut functions = Vec::with_capacity(MATCH_FUNCTIONS.len());
        for part in MATCH_FUNCTIONS {
            let function: Value<'js> = handler.get(part)?;
            if !function.is_function() {
                let text = format!("the match {name:?} lacks the function {part}");
                return Err(Exception::throw_type(&ctx, &text));
            }
            functions.push(Some(function));
        }
        register(&ctx, &shared, Place::Match(name), &functions)
    };
    object.set("registerMatch", Function::new(ctx.clone(), method)?.with_name("registerMatch")?)
}

fn indexes<'js>(ctx: &Ctx<'js>, object: &Object<'js>, shared: &Arc<Shared>) -> Result<()> {
    let shared = Arc::clone(shared);
    let method = move |ctx: Ctx<'js>, args: Rest<Value<'js>>| -> Result<()> {
        let arg = |n: usize| args.0.get(n).cloned();
        let given = |n: usize| arg(n).filter(|v| !v.is_null() && !v.is_undefined());
        let texts = |n: usize| -> Result<Vec<String>> {
            given(n).map_or_else(|| Ok(Vec::new()), |value| value.get())
        };
        let index = IndexSpec {
            name: text(&ctx, arg(0), "a name")?,
            collection: text(&ctx, arg(1), "a collection")?,
            key: given(2).map_or_else(|| Ok(String::new()), |value| value.get())?,
            fields: texts(3)?,
            sortable_fields: texts(4)?,
            max_entries: given(5).map_or(Ok(0), |value| value.get())?,
            index_only: given(6).map_or(Ok(false), |value| value.get())?,
        };
        let index = IndexDefinition::new(index)
            .map_err(|error| Exception::throw_type(&ctx, &error.message))?;
        if !shared.is_initialising() {
            return Err(too_late(&ctx));
        }
        let indexes = &mut shared.registrations.lock().indexes;
        if indexes.len() >= MAX_INDEXES {
            return Err(Exception::throw_range(&ctx, "too many storage indexes are registered"));
        }
        indexes.push(index);
        Ok(())
    };
    let name = "registerStorageIndex";
    object.set(name, Function::new(ctx.clone(), method)?.with_name(name)?)
}

/// `registerHttp`: the pattern of a path, a function, and a method or a list of them.
fn routes<'js>(ctx: &Ctx<'js>, object: &Object<'js>, shared: &Arc<Shared>) -> Result<()> {
    let shared = Arc::clone(shared);
    let method = move |ctx: Ctx<'js>, args: Rest<Value<'js>>| {
        let arg = |n: usize| args.0.get(n).cloned();
        let pattern = text(&ctx, arg(0), "a path")?;
        let methods = arg(2).unwrap_or_else(|| Value::new_undefined(ctx.clone()));
        let methods = convert::take(&ctx, methods)?;
        let place = RoutePattern::parse(&pattern)
            .and_then(|pattern| Ok(Place::Http(pattern, HttpMethods::of_script(methods)?)))
            .map_err(|error| Exception::throw_type(&ctx, &error.message))?;
        register(&ctx, &shared, place, &[arg(1)])
    };
    object.set("registerHttp", Function::new(ctx.clone(), method)?.with_name("registerHttp")?)
}

fn message(ctx: &Ctx<'_>, name: &str) -> Result<RtId> {
    // `ChannelMessageSend` in any case, and `channel_message_send`.
    let plain = |text: &str| text.replace('_', "").to_lowercase();
    let wanted = plain(name);
    RtId::ALL.into_iter().find(|id| plain(id.name()) == wanted).ok_or_else(|| {
        let text = format!("there is no realtime message {name:?}");
        Exception::throw_type(ctx, &text)
    })
}

fn text(ctx: &Ctx<'_>, value: Option<Value<'_>>, what: &str) -> Result<String> {
    let text = value.as_ref().and_then(Value::as_string).map(rquickjs::String::to_string);
    match text {
        Some(Ok(text)) if !text.is_empty() => Ok(text),
        _ => Err(Exception::throw_type(ctx, &format!("expects {what}"))),
    }
}

fn too_late(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_type(ctx, "InitModule has returned: nothing can be registered any more")
}

fn register<'js>(
    ctx: &Ctx<'js>,
    shared: &Shared,
    place: Place,
    functions: &[Option<Value<'js>>],
) -> Result<()> {
    if !shared.is_initialising() {
        return Err(too_late(ctx));
    }
    let handlers = ctx.userdata::<Handlers<'js>>().ok_or_else(|| too_late(ctx))?;
    let mut handlers = handlers.try_borrow_mut().map_err(|_| too_late(ctx))?;
    if handlers.len() + functions.len() > MOST {
        return Err(Exception::throw_range(ctx, "too many functions are registered"));
    }
    let first = handlers.len();
    for function in functions {
        let function = function
            .as_ref()
            .and_then(Value::as_function)
            .ok_or_else(|| Exception::throw_type(ctx, "expects a function"))?;
        handlers.push(function.clone());
    }
    shared.registrations.lock().places.push((place, first));
    Ok(())
}
