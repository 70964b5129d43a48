use super::*;
use tavern_domain::{ManualClock, Timestamp};

/// Knows one wallet and nobody's account.
fn fake() -> Ask {
    Arc::new(|row, args| {
        let answer = match row.name {
            "wallet_update" => Ok(Value::Record(vec![
                ("updated", args.get("changeset").clone()),
                ("previous", Value::Map(vec![("gems".to_owned(), Value::Int(1))])),
            ])),
            _ => Err(HookError::new(ErrorCode::NotFound, "nobody is here")),
        };
        Box::pin(std::future::ready(answer))
    })
}

struct Scripts {
    runtime: tokio::runtime::Runtime,
    files: Vec<Source>,
    limits: Limits,
}

fn scripts(files: &[(&str, &str)]) -> Scripts {
    let file = |(name, text): &(&str, &str)| Source {
        name: (*name).to_owned(),
        shown: format!("{name}.lua"),
        text: (*text).to_owned(),
    };
    Scripts {
        runtime: tokio::runtime::Runtime::new().unwrap(),
        files: files.iter().map(file).collect(),
        limits: Limits { call: Duration::from_millis(200), ..Limits::default() },
    }
}

impl Scripts {
    fn plan(&self) -> Arc<Plan> {
        Arc::new(Plan {
            sources: self.files.clone().into(),
            ask: fake(),
            handle: self.runtime.handle().clone(),
            limits: self.limits.clone(),
            freeze: true,
            always: vec![("node", text("here"))],
            clock: Arc::new(ManualClock::at(Timestamp::from_millis(1_500))),
            end: CancellationToken::new(),
        })
    }

    fn load(&self) -> (Machine, Vec<Place>) {
        Machine::first(&self.plan()).unwrap()
    }

    fn refused(&self) -> String {
        Machine::first(&self.plan()).err().expect("does not load").to_string()
    }
}

/// A machine whose function `f` has this body.
fn function(body: &str) -> (Scripts, Machine) {
    let code = format!(
        "local nk = require('nakama')\nnk.register_rpc(function(context, payload)\n{body}\nend, 'F')"
    );
    let scripts = scripts(&[("main", &code)]);
    let machine = scripts.load().0;
    (scripts, machine)
}

fn call(machine: &mut Machine, payload: &str) -> (Result<Vec<Value>, HookError>, Verdict) {
    machine.call(&Place::Rpc("f".into()), &context::plain("rpc"), &[text(payload)])
}

/// What the body answers.
fn answer(body: &str) -> Value {
    let (_scripts, mut machine) = function(body);
    call(&mut machine, "payload").0.unwrap().into_iter().next().unwrap_or_default()
}

/// What the body raises.
fn raised(body: &str) -> HookError {
    let (_scripts, mut machine) = function(body);
    call(&mut machine, "payload").0.expect_err("it raises")
}

#[test]
fn a_function_gets_its_context_and_payload() {
    let body = "return context.execution_mode .. ' ' .. context.node .. ' ' .. payload";
    assert_eq!(answer(body), text("rpc here payload"));
}

#[test]
fn files_require_each_other_and_run_once() {
    let scripts = scripts(&[
        ("a", "n = (n or 0) + 1; local b = require('lib.b'); return { sum = b.two + n }"),
        ("lib.b", "b_runs = (b_runs or 0) + 1; return { two = 2 }"),
        (
            "main",
            "local nk, a = require('nakama'), require('a')\n\
             nk.register_rpc(function() return a.sum .. ' ' .. b_runs .. ' ' .. n end, 'f')",
        ),
    ]);
    let (mut machine, places) = scripts.load();
    assert_eq!(places, [Place::Rpc("f".into())]);
    assert_eq!(call(&mut machine, "").0.unwrap(), [text("3 1 1")]);
}

#[test]
fn what_does_not_load_says_where() {
    assert!(scripts(&[("bad", "local x =\n")]).refused().starts_with("bad.lua:"));
    assert_eq!(scripts(&[("bad", "\nerror('no')")]).refused(), "bad.lua:2: no");
    assert!(scripts(&[("bad", "require('none')")]).refused().contains("module none is not found"));
    let circle = scripts(&[("a", "require('b')"), ("b", "require('a')")]).refused();
    assert!(circle.contains("module a requires itself"), "{circle}");
    let twice = "local nk = require('nakama') local f = function() end\n\
                 nk.register_rpc(f, 'x') pcall(nk.register_rpc, f, 'X')";
    assert!(scripts(&[("bad", twice)]).refused().contains("registered twice"));
    let unknown = "require('nakama').register_req_before(function() end, 'NoSuchCall')";
    assert!(scripts(&[("bad", unknown)]).refused().contains("there is no call NoSuchCall"));
}

#[test]
fn host_functions_answer_several_values_and_raise_where_they_were_called() {
    let user = "'00000000-0000-0000-0000-000000000001'";
    let update = format!(
        "local updated, previous = require('nakama').wallet_update({user}, {{ gold = 7 }})\n\
         return require('nakama').json_encode({{ updated.gold, previous.gems }})"
    );
    assert_eq!(answer(&update), text("[7,1]"));
    let error = raised(&format!("require('nakama').account_get_id({user})"));
    assert_eq!((error.code, &*error.message), (ErrorCode::Internal, "main.lua:3: nobody is here"));
    let error = raised("require('nakama').account_get_id()");
    assert!(error.message.contains("argument 1, user_id, is required"), "{error}");
    let caught = format!(
        "local ok, text = pcall(require('nakama').account_get_id, {user})\n\
         return tostring(ok) .. ' ' .. type(text)"
    );
    assert_eq!(answer(&caught), text("false string"));
}

#[test]
fn pcall_answers_the_code_that_the_server_refused_with() {
    let nobody = "'00000000-0000-4000-8000-000000000002'";
    let refused = format!(
        "local nk = require('nakama') \
         local ok, text, code = pcall(nk.account_get_id, {nobody}) \
         local again, _, missing = pcall(nk.account_get_id) \
         local _, own, none = pcall(error, 'nobody is here', 0) \
         return tostring(ok) .. ' ' .. text .. ' ' .. code .. ' ' .. missing .. ' ' .. own .. tostring(none)"
    );
    assert_eq!(answer(&refused), text("false nobody is here 5 3 nobody is herenil"));
    let passed_on = format!(
        "local ok, text, code = pcall(require('nakama').account_get_id, {nobody}) error({{ text, code }})"
    );
    assert_eq!(raised(&passed_on).code, ErrorCode::NotFound);
}

#[test]
fn errors_are_what_the_script_raises() {
    let error = raised("error({ 'no entry', 7 })");
    assert_eq!((error.code, &*error.message), (ErrorCode::PermissionDenied, "no entry"));
    let error = raised("error({ 'no entry', 99 })");
    assert_eq!((error.code, &*error.message), (ErrorCode::Internal, "no entry"));
    let error = raised("error('plain')");
    assert_eq!((error.code, &*error.message), (ErrorCode::Internal, "main.lua:3: plain"));
    let error = raised("local nothing = nil; return nothing.field");
    assert!(error.message.starts_with("main.lua:3: attempt to index"), "{error}");
    assert_eq!(raised("error()").code, ErrorCode::Internal);
}

#[test]
fn values_are_what_modules_expect() {
    let json = |text: &str| {
        let body = format!("local nk = require('nakama') return nk.json_encode({text})");
        answer(&body)
    };
    assert_eq!(json("{ 1, 2.5, 'x', true, { a = {} } }"), text(r#"[1,2.5,"x",true,{"a":{}}]"#));
    assert_eq!(json("nk.json_decode('{\"a\":[1,null],\"b\":null}')"), text(r#"{"a":[1]}"#));
    assert_eq!(json("{ [10] = 'ten' }"), text(r#"{"10":"ten"}"#));
    assert_eq!(json("2^53"), text("9007199254740992"));
    let round = "local t = {} t.t = t return require('nakama').json_encode(t)";
    assert!(raised(round).message.contains("nested too deep"));
    assert!(raised("return require('nakama').json_decode('{')").message.contains("not JSON"));
    assert_eq!(answer("return string.char(255, 0)"), Value::Bytes(vec![255, 0]));
    assert_eq!(answer("return require('nakama').time()"), Value::Int(1_500));
}

#[test]
fn the_safe_part_of_the_standard_library_is_there() {
    let missing = "return tostring(io) .. tostring(debug) .. tostring(os.execute) .. tostring(jit)\n\
                   .. tostring(dofile) .. tostring(package.loadlib) .. tostring(string.dump)";
    assert_eq!(answer(missing), text(&"nil".repeat(7)));
    assert!(raised("return loadstring('\\27LJ')").message.contains("bytecode is not allowed"));
    assert_eq!(answer("return loadstring('return 1 + 1')()"), Value::Int(2));
    let bits = "return table.concat({ bit32.band(0xff, 0x0f), bit32.bnot(0), bit32.lshift(1, 31),\n\
                bit32.arshift(-8, 1), bit32.extract(0xf0, 4, 4), bit32.replace(0, 5, 4, 4),\n\
                bit32.lrotate(0x80000000, 1), bit32.rshift(-1, 28) }, ' ')";
    assert_eq!(answer(bits), text("15 4294967295 2147483648 4294967292 15 80 1 15"));
    assert_eq!(answer("return ('a1b2'):gsub('%d', '')"), text("ab"));
}

#[test]
fn globals_are_for_reading() {
    assert!(raised("leaked = 1").message.contains("global leaked cannot be set"));
    assert!(raised("string = nil").message.contains("global string cannot be set"));
}

#[test]
fn a_call_that_computes_for_too_long_is_stopped_also_inside_pcall() {
    for body in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(error, 'x') end",
        "local s = ('a'):rep(100) while true do s:find('b') end",
        "local function f() return f() end return f()",
    ] {
        let (_scripts, mut machine) = function(body);
        let (answer, verdict) = call(&mut machine, "");
        assert_eq!(answer.unwrap_err().code, ErrorCode::DeadlineExceeded, "{body}");
        assert_eq!(verdict, Verdict::Discard);
    }
}

#[test]
fn a_call_that_takes_too_much_memory_fails_alone() {
    let body = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end";
    let (mut scripts, _) = function(body);
    scripts.limits.memory = 16 << 20;
    scripts.limits.call = Duration::from_secs(20);
    let (mut machine, _) = scripts.load();
    let (answer, verdict) = call(&mut machine, "");
    assert_eq!(answer.unwrap_err().code, ErrorCode::ResourceExhausted);
    assert_eq!(verdict, Verdict::Discard);
}

#[test]
fn deep_recursion_and_costly_patterns_are_errors() {
    let error = raised("local function f() return 1 + f() end return f()");
    assert!(error.message.contains("stack overflow"), "{error}");
    let bomb = "return string.find(('a'):rep(30000), ('a*'):rep(14) .. 'b')";
    assert!(raised(bomb).message.contains("too many repetitions"));
}

#[test]
fn run_once_runs_in_the_first_machine_only() {
    let code = "local nk = require('nakama') local runs = 0\n\
                nk.run_once(function(context) runs = runs + 1 end)\n\
                nk.register_rpc(function() return tostring(runs) end, 'f')";
    let scripts = scripts(&[("main", code)]);
    let plan = scripts.plan();
    let (mut first, _) = Machine::first(&plan).unwrap();
    let mut second = Machine::another(&plan).unwrap();
    assert_eq!(call(&mut first, "").0.unwrap(), [text("1")]);
    assert_eq!(call(&mut second, "").0.unwrap(), [text("0")]);
}

#[test]
fn nothing_is_registered_later() {
    let error = raised("require('nakama').register_rpc(function() end, 'later')");
    assert!(error.message.contains("while the modules are loaded"), "{error}");
}
