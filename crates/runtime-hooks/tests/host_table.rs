//! The table of host functions against the surface that modules of the public protocol know.
//!
//! `host_functions.txt` has a line for each function: its name in Lua and its name in JavaScript,
//! `-` where it has none.

use std::collections::BTreeSet;

use tavern_runtime_hooks::host::{Language, host_functions};

/// They are about a language, not about the server: the engines have them.
const OF_THE_ENGINES: &[&str] = &[
    "binaryToString",
    "getSatori",
    "get_context",
    "get_satori",
    "json_decode",
    "json_encode",
    "logger_debug",
    "logger_error",
    "logger_info",
    "logger_warn",
    "run_once",
    "storage_write_retry",
    "stringToBinary",
    "time",
];

fn known() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("host_functions.txt").lines();
    lines.map(|line| line.split_once(' ').expect("two names")).collect()
}

#[test]
fn nothing_is_missing_but_what_the_engines_have() {
    let table: BTreeSet<&str> = host_functions().map(|f| f.name).collect();
    let listed: BTreeSet<&str> = OF_THE_ENGINES.iter().copied().collect();
    for (lua, js) in known() {
        let name = if lua == "-" { js } else { lua };
        assert!(
            table.contains(name) != listed.contains(name),
            "{name} must be in the table or be of the engines, and not both"
        );
    }
    for name in &listed {
        let is_known = known().iter().any(|(lua, js)| lua == name || js == name);
        assert!(is_known, "{name} is listed, and no function of the protocol");
    }
}

#[test]
fn names_in_both_languages_are_those_that_modules_use() {
    for function in host_functions() {
        let Some((_, js)) = known().into_iter().find(|(lua, _)| *lua == function.name) else {
            // One of our own: there is nothing to be like.
            continue;
        };
        let expected = if js == "-" { "" } else { js };
        assert_eq!(function.js, expected, "{} in JavaScript", function.name);
    }
}

#[test]
fn rows_are_whole() {
    let mut names = BTreeSet::new();
    for function in host_functions() {
        assert!(names.insert(function.name), "{} is there twice", function.name);
        assert!(!function.doc.trim().is_empty(), "{} says what it does", function.name);
        let orders = [Language::Lua, Language::JavaScript].map(|language| {
            let mut names: Vec<_> = function.params_in(language).map(|p| p.name).collect();
            names.sort_unstable();
            names
        });
        assert_eq!(orders[0], orders[1], "{} has the same arguments everywhere", function.name);
    }
}
