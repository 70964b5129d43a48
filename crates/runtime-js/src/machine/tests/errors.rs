//! What callers and operators see of failures.

use super::*;

#[test]
fn a_thrown_object_is_for_the_caller() {
    let text = r#"
class Refusal extends Error { constructor(m, code) { super(m); this.code = code; } }
function InitModule(c, l, nk, i) {
  i.registerRpc("plain", () => { throw { message: "too poor", code: nkruntime.Codes.FAILED_PRECONDITION }; });
  i.registerRpc("class", () => { throw new Refusal("not yours", 7); });
  i.registerRpc("odd", () => { throw { message: "odd", code: 99 }; });
}"#;
    let mut machine = bench(&[("index.js", text)]).machine();
    let error = machine.error("plain");
    assert_eq!((error.code, &*error.message), (ErrorCode::FailedPrecondition, "too poor"));
    assert_eq!(error.detail.as_deref(), Some(r#"{"stackTrace":"too poor"}"#));
    let error = machine.error("class");
    assert_eq!((error.code, &*error.message), (ErrorCode::PermissionDenied, "not yours"));
    assert_eq!(machine.error("odd").code, ErrorCode::Internal);
}

#[test]
fn an_accident_says_where_it_happened() {
    let text = "function deep(x) {\n  return x.y.z;\n}\nfunction f() { return deep({}); }\nfunction InitModule(c, l, nk, i) { i.registerRpc('f', f); i.registerRpc('s', () => { throw 'words'; }); }";
    let mut machine = bench(&[("index.js", text)]).machine();
    let error = machine.error("f");
    assert_eq!(error.code, ErrorCode::Internal);
    let wanted = "TypeError: cannot read property 'z' of undefined at deep (index.js:2:";
    assert!(error.message.starts_with(wanted), "{}", error.message);
    let detail = error.detail.unwrap();
    assert!(detail.contains("deep (index.js:2:") && detail.contains("f (index.js:4:"), "{detail}");
    assert_eq!(machine.error("s").message, "words");
}

#[test]
fn places_in_typescript_are_those_of_its_author() {
    let lib = "interface Gone { a: string }\n\n\ntype More = {\n  x: Gone;\n};\nexport function fail(m: More): never {\n  throw new RangeError('bad ' + m.x.a);\n}\n";
    let index = "import { fail } from './lib/fail';\ntype Unused = string;\nexport const InitModule = (c: unknown, l: unknown, nk: unknown, i: any) => {\n  i.registerRpc('f', (): string => {\n    return fail({ x: { a: 'one' } });\n  });\n  i.registerRpc('stack', () => { try { fail({ x: { a: 'two' } }); } catch (e) { return (e as Error).stack; } });\n};\n";
    let mut machine = bench(&[("index.ts", index), ("lib/fail.ts", lib)]).machine();
    let error = machine.error("f");
    let message = &*error.message;
    assert!(message.starts_with("RangeError: bad one at fail (lib/fail.ts:8:"), "{message}");
    let detail = error.detail.unwrap();
    assert!(detail.contains("(index.ts:5:"), "{detail}");
    let stack = machine.text("stack", "");
    assert!(stack.contains("lib/fail.ts:8:") && stack.contains("index.ts:7:"), "{stack}");
}

#[test]
fn a_program_that_fails_to_start_says_where() {
    let text = "function InitModule() {\n  undefined_thing();\n}";
    let error = bench(&[("index.js", text)]).first().err().unwrap().to_string();
    assert!(error.contains("undefined_thing is not defined"), "{error}");
    assert!(error.contains("InitModule (index.js:2:"), "{error}");
    let error = bench(&[("index.js", "function f( {\n")]).first().err().unwrap().to_string();
    assert!(error.starts_with("SyntaxError") && error.contains("at index.js:"), "{error}");
}

#[test]
fn a_refusal_of_the_server_can_be_caught_and_is_an_accident_otherwise() {
    let text = r#"
function InitModule(c, l, nk, i) {
  i.registerRpc("caught", () => { try { nk.refuse(); } catch (e) { return `${e instanceof Error} ${e.message} ${e.code}`; } });
  i.registerRpc("uncaught", () => nk.refuse());
}"#;
    let mut machine = bench(&[("index.js", text)]).machine();
    assert_eq!(machine.text("caught", ""), "true no such thing 5");
    let error = machine.error("uncaught");
    assert_eq!(error.code, ErrorCode::Internal);
    assert!(error.message.starts_with("Error: no such thing at "), "{}", error.message);
}

#[test]
fn errors_can_be_made_up_although_what_calls_share_is_frozen() {
    let text = r#"
class Own extends Error { constructor(m) { super(); this.name = "Own"; this.message = m; this.toString = () => "own"; } }
function InitModule(c, l, nk, i) {
  i.registerRpc("own", () => { "use strict"; const e = new Own("x"); e.message += "y"; return e.message + e.name + e.toString() + ({ valueOf: 1 }).valueOf; });
  i.registerRpc("plain", () => { "use strict"; const o = {}; o.toString = () => "mine"; return `${o}` + Object.keys(o) + ({}).hasOwnProperty("a"); });
}"#;
    let mut machine = bench(&[("index.js", text)]).machine();
    assert_eq!(machine.text("own", ""), "xyOwnown1");
    assert_eq!(machine.text("plain", ""), "minetoStringfalse");
}

#[test]
fn what_is_no_data_does_not_go_to_the_server() {
    let text = r#"
function InitModule(c, l, nk, i) {
  i.registerRpc("cycle", () => { const a = {}; a.a = a; nk.echo(a); });
  i.registerRpc("function", () => nk.echo(() => 1));
  i.registerRpc("answer", () => Symbol("x"));
}"#;
    let mut machine = bench(&[("index.js", text)]).machine();
    assert!(machine.error("cycle").message.contains("nested too deep"));
    assert!(machine.error("function").message.contains("a function is no data"));
    assert!(machine.rpc("answer", "").0.is_err());
}
