//! What `deploy/` and the production guide say is true of this server.

use std::collections::HashSet;
use std::path::PathBuf;

use tavern::cli::Exit;
use tavern::config::{Settings, find, keygen_file, options};
use tavern_domain::SeededEntropy;

fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Everything that a reader might copy.
fn texts() -> Vec<(&'static str, String)> {
    [
        "README.md",
        "deploy/Dockerfile",
        "deploy/compose.yaml",
        "deploy/make-secrets.sh",
        "deploy/tavern.example.yaml",
        "deploy/tavern.service",
        "docs/production.md",
    ]
    .into_iter()
    .map(|path| (path, read(path)))
    .collect()
}

/// The longest parts of a text that are made of letters, digits and some more.
fn words<'a>(text: &'a str, more: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(move |c: char| !(c.is_ascii_alphanumeric() || more.contains(c)))
        .filter(|word| !word.is_empty())
}

#[test]
fn every_variable_is_an_option() {
    // What compose itself reads, and an example of what an orchestrator makes.
    let others = ["TAVERN_IMAGE", "TAVERN_PORT", "TAVERN_"];
    let known: HashSet<String> =
        options().flat_map(|row| [row.env_name(), format!("{}_FILE", row.env_name())]).collect();
    let mut seen = 0;
    for (path, text) in texts() {
        for word in words(&text, "_").filter(|word| word.starts_with("TAVERN_")) {
            assert!(known.contains(word) || others.contains(&word), "{path}: {word} is no option");
            seen += 1;
        }
    }
    assert!(seen > 10, "nothing was looked at");
}

#[test]
fn every_option_that_is_named_exists() {
    let sections: HashSet<&str> =
        options().filter_map(|row| row.key.split_once('.')).map(|(section, _)| section).collect();
    let is_file = |word: &str| word.ends_with(".yaml") || word.ends_with(".md");
    let is_name = |word: &str| !is_file(word) && !word.contains("..");
    let mut seen = 0;
    // The README holds a client's program, in which `socket.connect` is something else.
    for (path, text) in texts().into_iter().filter(|(path, _)| *path != "README.md") {
        for word in words(&text, "_.-") {
            let word = word.trim_start_matches('-').trim_end_matches('.');
            let Some((section, _)) = word.split_once('.') else { continue };
            if sections.contains(section) && is_name(word) && !made_by_the_script(path, word) {
                let is_section = options().any(|row| row.section() == word);
                assert!(find(word).is_some() || is_section, "{path}: {word} is no option");
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "nothing was looked at");
}

/// Files of secrets have the names of their options, but for those of no option.
fn made_by_the_script(path: &str, word: &str) -> bool {
    path.starts_with("deploy/") && word.starts_with("postgres.")
}

#[test]
fn every_metric_that_is_named_exists() {
    let source = read("crates/telemetry/src/names.rs");
    let names: HashSet<&str> = source
        .split(" = \"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(n, _)| n)
        .collect();
    let exported = |word: &str| {
        let of_histogram =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
        let bare = |name: &str| names.contains(name.strip_prefix("nakama_").unwrap_or(name));
        bare(word) || of_histogram.is_some_and(bare)
    };
    let text = read("docs/production.md");
    let tables: String = text.lines().filter(|line| line.starts_with('|')).collect();
    let ours =
        ["api_rpc_", "authoritative_", "active_", "database_", "nakama_", "socket_", "tavern_"];
    let mut seen = 0;
    for word in words(&tables, "_.") {
        if ours.iter().any(|start| word.starts_with(start)) && !word.contains('.') {
            assert!(exported(word), "docs/production.md: {word} is no metric");
            seen += 1;
        }
    }
    assert!(seen > 15, "nothing was looked at");
    for name in names.iter().filter(|name| {
        ours[..4].iter().any(|start| name.starts_with(start))
            || **name == "socket_connections_active"
    }) {
        let fixed = ["authoritative_matches"];
        assert!(text.contains(*name) || fixed.contains(name), "{name} is not in the guide");
    }
}

/// The number behind `key`, such as `TimeoutStopSec=` or `stop_grace_period: `.
fn number_behind(text: &str, key: &str) -> u32 {
    let rest = text.split_once(key).unwrap_or_else(|| panic!("no {key}")).1;
    let rest = rest.trim_start_matches(['"', ' ']);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no number behind {key}"))
}

#[test]
fn nobody_is_killed_before_the_grace_period_is_over() {
    let grace = Settings::default().shutdown_grace_sec;
    let unit = read("deploy/tavern.service");
    assert!(
        number_behind(&unit, "TimeoutStopSec=") >= grace + 15,
        "an embedded database stops last"
    );
    let compose = read("deploy/compose.yaml");
    let (_, server) = compose.split_once("\n  tavern:").expect("the server's section");
    let grace = number_behind(server, "TAVERN_SHUTDOWN_GRACE_SEC: ");
    assert!(number_behind(server, "stop_grace_period: ") >= grace + 5);
}

#[test]
fn there_are_descriptors_for_all_connections() {
    let connections = u32::try_from(Settings::default().socket.max_connections).expect("a number");
    let unit = read("deploy/tavern.service");
    assert!(number_behind(&unit, "LimitNOFILE=") > connections + 1000);
    let compose = read("deploy/compose.yaml");
    assert!(number_behind(&compose, "nofile: { soft: ") > connections + 1000);
}

#[test]
fn a_service_manager_gives_up_where_starting_again_is_no_help() {
    let unit = read("deploy/tavern.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus="));
    let given_up = [Exit::BadConfiguration, Exit::Modules].map(|exit| exit.code().to_string());
    assert_eq!(line, Some(given_up.join(" ").as_str()));
}

#[test]
fn containers_get_every_secret_that_a_server_needs() {
    let compose = read("deploy/compose.yaml");
    let mut section = String::new();
    let mut needed = vec!["database.address".to_owned()];
    for line in keygen_file(&SeededEntropy::new(1)).lines() {
        match line.strip_prefix("  ").and_then(|line| line.split_once(": ")) {
            Some((name, _)) => needed.push(format!("{section}.{name}")),
            None => section = line.trim_end_matches(':').to_owned(),
        }
    }
    assert!(needed.len() >= 5);
    for key in needed {
        let row = find(&key).unwrap_or_else(|| panic!("{key} is no option"));
        let variable = format!("{}_FILE: /run/secrets/{key}\n", row.env_name());
        assert!(compose.contains(&variable), "no {variable}");
        let file = format!("  {key}: {{ file: ./secrets/{key} }}\n");
        assert!(compose.contains(&file), "no {file}");
    }
}
