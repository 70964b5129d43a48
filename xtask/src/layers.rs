//! Which layer may use which, and who may name a heavy dependency.
//!
//! Reads `cargo metadata`. Normal and build dependencies count; what tests use is free.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::cargo;

/// Layer → the layers it may depend on. Siblings are absent on purpose: a subsystem that needs
/// another's ability declares a trait, and the composition root hands it an adapter.
const MAY_USE: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("proto", &["kernel"]),
    ("port", &["kernel", "proto"]),
    ("subsystem", &["kernel", "proto", "port"]),
    ("backend", &["kernel", "proto", "port"]),
    ("service", &["kernel", "proto", "port", "subsystem"]),
    ("edge", &["kernel", "proto", "service"]),
    ("bin", &["kernel", "proto", "port", "subsystem", "backend", "service", "edge"]),
    ("testkit", &["kernel", "proto", "port", "subsystem", "backend", "service", "edge", "bin"]),
    ("tool", &["kernel", "proto"]),
];

/// External crate → the only layers that may name it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("tokio-postgres", &["backend", "testkit"]),
    ("deadpool-postgres", &["backend"]),
    ("tonic", &["edge", "testkit"]),
    ("hyper", &["edge", "backend", "testkit", "tool"]),
    ("tokio-tungstenite", &["edge", "testkit", "tool"]),
    ("figment", &["bin"]),
    ("anyhow", &["bin", "tool", "testkit"]),
];

/// (from, to, why): exceptions that a reviewer can argue with.
const ALLOWED: &[(&str, &str, &str)] = &[(
    "example-studio",
    "tavern",
    "a studio's server starts the composition root of the server with its own module added",
)];

/// A member of the workspace, as far as the rules look at it.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) layer: Option<String>,
    pub(crate) dependencies: Vec<String>,
}

/// The members of this workspace.
pub(crate) fn members() -> Result<Vec<Member>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    Ok(parse(&metadata))
}

fn parse(metadata: &Value) -> Vec<Member> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    packages
        .iter()
        .map(|package| Member {
            name: text(&package["name"]),
            layer: package["metadata"]["arch"]["layer"].as_str().map(str::to_owned),
            dependencies: package["dependencies"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default()
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| text(&dependency["name"]))
                .collect(),
        })
        .collect()
}

/// One line for every arrow that the layers do not allow.
pub(crate) fn problems(members: &[Member]) -> Vec<String> {
    let layers: BTreeMap<&str, &str> = members
        .iter()
        .filter_map(|m| m.layer.as_deref().map(|layer| (m.name.as_str(), layer)))
        .collect();
    let mut problems = Vec::new();
    for member in members {
        let Some(layer) = layers.get(member.name.as_str()) else {
            problems.push(format!("{} declares no layer", member.name));
            continue;
        };
        let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| name == layer) else {
            problems.push(format!("{}: there is no layer '{layer}'", member.name));
            continue;
        };
        for used in &member.dependencies {
            if let Some(below) = layers.get(used.as_str())
                && !may_use.contains(below)
                && !ALLOWED.iter().any(|(from, to, _)| *from == member.name && to == used)
                && *used != member.name
            {
                problems.push(format!("{} ({layer}) must not use {used} ({below})", member.name));
            }
            if let Some((_, only)) = ONLY_IN.iter().find(|(name, _)| name == used)
                && !only.contains(layer)
            {
                problems.push(format!("{} ({layer}) must not name {used}", member.name));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, layer: &str, dependencies: &[&str]) -> Member {
        Member {
            name: name.to_owned(),
            layer: (!layer.is_empty()).then(|| layer.to_owned()),
            dependencies: dependencies.iter().map(|d| (*d).to_owned()).collect(),
        }
    }

    #[test]
    fn arrows_that_point_up_or_sideways_are_found() {
        let found = problems(&[
            member("words", "kernel", &["store"]),
            member("store", "port", &["words"]),
            member("chat", "subsystem", &["store", "friends"]),
            member("friends", "subsystem", &["tokio-postgres"]),
            member("lost", "", &[]),
            member("odd", "attic", &[]),
        ]);
        assert_eq!(
            found,
            [
                "words (kernel) must not use store (port)",
                "chat (subsystem) must not use friends (subsystem)",
                "friends (subsystem) must not name tokio-postgres",
                "lost declares no layer",
                "odd: there is no layer 'attic'",
            ]
        );
    }

    #[test]
    fn dependencies_of_tests_are_free() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "chat",
            "metadata": { "arch": { "layer": "subsystem" } },
            "dependencies": [
                { "name": "friends", "kind": "dev" },
                { "name": "words", "kind": null },
            ],
        }] });
        assert_eq!(parse(&metadata)[0].dependencies, ["words"]);
    }

    #[test]
    fn the_workspace_keeps_its_layers() {
        let found = problems(&members().unwrap());
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}
