//! `nk`: the functions of the server.

use std::sync::Arc;

use rquickjs::function::{Constructor, Rest};
use rquickjs::object::Property;
use rquickjs::{Ctx, Exception, Function, Object, Result, Value};
use tavern_runtime_hooks::{HookError, engine};

use super::record::Answer;
use super::watch::Stopped;
use super::{Shared, convert};
use crate::functions::Named;

/// The most times that `storageWriteRetry` tries.
const MOST_RETRIES: i64 = 10;

pub(super) fn object<'js>(ctx: &Ctx<'js>, shared: &Arc<Shared>) -> Result<Object<'js>> {
    let nk = Object::new(ctx.clone())?;
    for (number, function) in shared.plan.functions.names().into_iter().enumerate() {
        let Named { name, answers, null_from } = function;
        let shared = Arc::clone(shared);
        let method = move |ctx: Ctx<'js>, args: Rest<Value<'js>>| {
            let given = args.0.iter().rposition(|arg| !arg.is_undefined()).map_or(0, |at| at + 1);
            let mut taken = Vec::with_capacity(args.0.len());
            for arg in args.0 {
                taken.push(convert::take(&ctx, arg)?);
            }
            let answer = shared.ask(number, taken).map_err(|error| throw(&ctx, &error))?;
            if !answers || (answer.is_null() && given < null_from) {
                return Ok(Value::new_undefined(ctx));
            }
            convert::give(&ctx, &answer)
        };
        nk.set(name, Function::new(ctx.clone(), method)?.with_name(name)?)?;
    }
    convert::add_text_functions(ctx, &nk)?;
    if nk.contains_key("storageRead")? && nk.contains_key("storageWrite")? {
        add_write_retry(ctx, &nk)?;
    }
    ctx.globals()
        .get::<_, Object<'js>>("Object")?
        .get::<_, Function<'js>>("freeze")?
        .call::<_, Object<'js>>((nk,))
}

/// Reads, lets the script say what to write, writes; again when somebody else was faster.
fn add_write_retry<'js>(ctx: &Ctx<'js>, nk: &Object<'js>) -> Result<()> {
    let method = |ctx: Ctx<'js>,
                  ids: Value<'js>,
                  update: Function<'js>,
                  retries: i64|
     -> Result<Value<'js>> {
        if !(0..=MOST_RETRIES).contains(&retries) {
            return Err(Exception::throw_range(&ctx, "expects 0 to 10 retries"));
        }
        let nk: Object<'js> = super::fixed(&ctx, super::NK)?.get()?;
        let read: Function<'js> = nk.get("storageRead")?;
        let write: Function<'js> = nk.get("storageWrite")?;
        let mut left = retries;
        loop {
            let found: Value<'js> = read.call((ids.clone(),))?;
            let wanted: Value<'js> = update.call((found,))?;
            match write.call((wanted,)) {
                Err(rquickjs::Error::Exception) if left > 0 => {
                    let thrown = ctx.catch();
                    if !is_conflict(&thrown) {
                        return Err(ctx.throw(thrown));
                    }
                    left -= 1;
                }
                written => return written,
            }
        }
    };
    let name = "storageWriteRetry";
    nk.set(name, Function::new(ctx.clone(), method)?.with_name(name)?)
}

/// Whether a write failed because of its version.
fn is_conflict(thrown: &Value<'_>) -> bool {
    thrown.as_object().is_some_and(|error| {
        error.get::<_, String>("message").is_ok_and(|text| text.contains("version"))
    })
}

/// The server's refusal, as a script catches it: an `Error` with `code`, which is not for the
/// client unless the script says so.
pub(super) fn throw(ctx: &Ctx<'_>, error: &HookError) -> rquickjs::Error {
    let made = (|| {
        let error_class: Constructor<'_> = super::fixed(ctx, super::ERROR)?.get()?;
        let made: Object<'_> = error_class.construct((&*error.message,))?;
        made.prop("code", Property::from(error.code.number()))?;
        Ok::<_, rquickjs::Error>(made)
    })();
    match made {
        Ok(made) => ctx.throw(made.into_value()),
        Err(error) => error,
    }
}

impl Shared {
    /// Asks the server and waits for its answer; of a repeated `InitModule`, what was answered the
    /// first time.
    pub(super) fn ask(
        &self,
        function: usize,
        args: Vec<tavern_runtime_hooks::Value>,
    ) -> std::result::Result<tavern_runtime_hooks::Value, HookError> {
        if let Some(answer) = self.record.replay(function)? {
            return answer.into();
        }
        let answer = self.wait(self.plan.functions.call(function, args))?;
        self.record.note(function, Answer::from(&answer))?;
        answer
    }

    /// Waits for the server. Only at its end does this return without an answer.
    fn wait<T>(&self, work: impl Future<Output = T>) -> std::result::Result<T, HookError> {
        let end = self.watch.end();
        engine::wait(&self.plan.handle, async {
            tokio::select! {
                biased;
                answer = work => Ok(answer),
                () = end.cancelled() => {
                    self.watch.stop(Stopped::End);
                    Err(Stopped::End.error())
                }
            }
        })
    }

    /// Sleeps until a timer is due, unless the server ends.
    pub(super) fn sleep(&self, time: std::time::Duration) -> bool {
        // Made inside, where there is a runtime.
        self.wait(async move { tokio::time::sleep(time).await }).is_ok()
    }
}
