//! Every call of the client API is made by a test of the whole server.
//!
//! Looks at the sources of the tests: a call counts when a test names its SDK method, its path, or
//! its id. That a test which names a call also says what is right about it is for its reader.

use std::path::Path;

use tavern_protocol::CallId;

fn sources() -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    for folder in ["server", "sdk"] {
        for entry in std::fs::read_dir(tests.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_test = name.ends_with(".test.mjs") || name.ends_with(".rs");
            if is_test && name != "coverage.rs" {
                all.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    all
}

/// Whether a path of the definition, with its `{names}`, is written somewhere as a path of a
/// request: quoted, or followed by a query.
fn is_asked(sources: &str, template: &str) -> bool {
    let mut pieces = template.split(['{', '}']).step_by(2);
    let first = pieces.next().unwrap_or_default();
    let rest: Vec<&str> = pieces.collect();
    sources.match_indices(first).any(|(at, _)| {
        let mut text = &sources[at + first.len()..];
        for piece in &rest {
            let end = text.find(['/', '"', '?', '`']).unwrap_or(text.len());
            match text[end..].strip_prefix(piece) {
                Some(after) if end > 0 => text = after,
                Some(_) | None => return false,
            }
        }
        text.starts_with(['"', '?', '`'])
    })
}

fn is_tested(sources: &str, call: CallId) -> bool {
    let info = call.info();
    let (head, tail) = info.name.split_at(1);
    // The SDK has a name of its own for one.
    let method = if call == CallId::Event {
        ".emitEvent(".to_owned()
    } else {
        format!(".{}{tail}(", head.to_lowercase())
    };
    sources.contains(&method)
        || [format!("CallId::{}", info.name), format!("calls::{}", info.name)].iter().any(|id| {
            sources
                .match_indices(id.as_str())
                .any(|(at, _)| !sources[at + id.len()..].starts_with(|c: char| c.is_alphanumeric()))
        })
        || info.bindings.iter().any(|binding| is_asked(sources, binding.path))
}

#[test]
fn every_call_is_made_by_a_test_of_the_whole_server() {
    let sources = sources();
    let untested: Vec<&str> = CallId::ALL
        .iter()
        .filter(|call| !is_tested(&sources, **call))
        .map(|call| call.info().name)
        .collect();
    assert_eq!(untested, [""; 0], "no test makes these calls");
}

#[test]
fn a_path_counts_only_as_a_whole() {
    assert!(is_asked(r#"ask("GET", "/v2/group/7/user?limit=1")"#, "/v2/group/{group_id}/user"));
    assert!(is_asked(r#""/v2/friend""#, "/v2/friend"));
    assert!(!is_asked(r#""/v2/friend/steam""#, "/v2/friend"));
    assert!(!is_asked(r#""/v2/group/user""#, "/v2/group/{group_id}/user"));
}
