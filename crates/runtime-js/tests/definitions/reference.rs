//! `docs/host-functions.md`.

use std::fmt::Write as _;

use tavern_runtime_hooks::host::{HostFunction, Language, host_functions};

use crate::rust_types::camel;

const HEAD: &str = "\
# Host functions

What server code may ask of the server, in its three languages. This page is made from the one table that all of them work by (`crates/runtime-hooks/src/host`); a test keeps it up to date.

A `?` marks what may be left out. In Lua the functions are in `require(\"nakama\")`, in JavaScript and TypeScript they are methods of `nk`, in Rust of `dyn Host` with a struct of arguments. A call that fails raises an error in Lua and throws one in JavaScript.

";

pub(crate) fn generate() -> String {
    let mut all: Vec<_> = host_functions().collect();
    all.sort_by_key(|f| f.name);
    let mut out = HEAD.to_owned();
    _ = writeln!(out, "| Lua, Rust | JavaScript |\n| --- | --- |");
    for f in &all {
        let js = if f.js.is_empty() { "–".to_owned() } else { format!("`{}`", f.js) };
        _ = writeln!(out, "| [`{0}`](#{0}) | {js} |", f.name);
    }
    for f in all {
        one(&mut out, f);
    }
    out
}

fn one(out: &mut String, f: &HostFunction) {
    _ = write!(out, "\n## {}\n\n{}\n\n", f.name, sentences(f.doc));
    let list = |language: Language| {
        let names: Vec<_> = f
            .params_in(language)
            .map(|p| {
                let name = match language {
                    Language::Lua => p.name.to_owned(),
                    Language::JavaScript => camel(p.name),
                };
                if p.is_optional() { format!("{name}?") } else { name }
            })
            .collect();
        names.join(", ")
    };
    let results = if f.several.is_empty() { String::new() } else { f.several.join(", ") + " = " };
    _ = writeln!(out, "```\nLua         {results}nk.{}({})", f.name, list(Language::Lua));
    if !f.js.is_empty() {
        _ = writeln!(out, "JavaScript  nk.{}({})", f.js, list(Language::JavaScript));
    }
    _ = writeln!(out, "Rust        host.{}(..) -> {}\n```", f.name, f.result);
}

/// The text of a doc comment as one paragraph.
pub(crate) fn sentences(doc: &str) -> String {
    doc.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}
