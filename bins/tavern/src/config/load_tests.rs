use std::ffi::OsString;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::table::{Kind, options};
use crate::config::{effective, parse_flags};

const SECRETS: &str = "socket: {server_key: 0123456789abcdef0123456789abcdef}
runtime: {http_key: 0123456789abcdef0123456789abcdeg}
session:
  encryption_key: 0123456789abcdef0123456789abcdeh
  refresh_encryption_key: 0123456789abcdef0123456789abcdei
";

/// Sources made of files by name, variables and flags.
fn sources(files: &[(&str, &str)], env: &[(&str, &str)], flags: &[&str]) -> Sources {
    let mut args: Vec<String> = files.iter().map(|(name, _)| format!("--config={name}")).collect();
    args.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let read = |path: &Path| {
        files
            .iter()
            .find(|(name, _)| Path::new(name) == path)
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    let env = env.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
    Sources::gather(parse_flags(&args, &[]), env, &read)
}

fn told(sources: &Sources) -> Vec<String> {
    let problems = load(sources, Mode::Serve).unwrap_err();
    problems.0.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_document_is_the_default() {
    for text in ["", "{}", "socket:\nlogger: {}\nmatch: {relayed: }\n"] {
        let loaded = load(&sources(&[("a", text)], &[], &[]), Mode::Tool).unwrap();
        let expected = Settings { config: vec!["a".into()], ..Settings::default() };
        assert_eq!(loaded.settings, expected);
    }
    assert_eq!(load(&Sources::default(), Mode::Tool).unwrap().settings, Settings::default());
}

#[test]
fn flags_win_over_variables_over_later_files_over_earlier_ones() {
    let all = sources(
        &[
            ("a", "name: a\nlogger: {level: warn}\nsocket: {port: 1000}\n"),
            ("b", "logger: {level: error}\nsocket: {port: 2000}\n"),
        ],
        &[("TAVERN_LOGGER__LEVEL", "debug"), ("TAVERN_SOCKET__PORT", "3000")],
        &["--socket.port", "4000"],
    );
    let loaded = load(&all, Mode::Tool).unwrap();
    let place = |key| loaded.resolved.place(key).to_string();
    assert_eq!(loaded.settings.name, "a");
    assert_eq!(loaded.settings.logger.level.word(), "debug");
    assert_eq!(loaded.settings.socket.port, 4000);
    assert_eq!(place("name"), "a:1");
    assert_eq!(place("logger.level"), "environment variable TAVERN_LOGGER__LEVEL");
    assert_eq!(place("socket.port"), "flag --socket.port");
    assert_eq!(place("socket.address"), "default");
    let files = &loaded.resolved.in_files;
    assert_eq!(files["socket.port"].place.to_string(), "b:2");
}

#[test]
fn a_list_is_replaced_not_mixed() {
    let all =
        sources(&[("a", "database: {address: [u@a, u@b]}\n")], &[], &["--database.address=u@c"]);
    let loaded = load(&all, Mode::Tool).unwrap();
    let addresses: Vec<_> = loaded.settings.database.address.iter().map(|a| a.expose()).collect();
    assert_eq!(addresses, ["u@c"]);
}

#[test]
fn all_problems_of_all_sources_are_told_together_with_their_places() {
    let all = sources(
        &[("a.yaml", "socket:\n  prot: 1\n  port: many\n"), ("gone.yaml", "")],
        &[("TAVERN_LOGGER__LEVL", "x"), ("TAVERN_METRICS__PROMETHEUS_PORT", "99999")],
        &["--logger.format=xml", "--nam", "--session.single_party"],
    );
    assert_eq!(
        told(&all),
        [
            "flag --nam: unknown flag, did you mean --name?",
            "a.yaml:2: socket.prot: unknown option, did you mean socket.port?",
            "a.yaml:3: socket.port: must be a whole number from 0 to 65535, not \"many\"",
            "environment variable TAVERN_LOGGER__LEVL: unknown option, did you mean TAVERN_LOGGER__LEVEL?",
            "environment variable TAVERN_METRICS__PROMETHEUS_PORT: metrics.prometheus_port: must be a whole number from -1 to 65535, not \"99999\"",
            "flag --logger.format: logger.format: must be json, stackdriver or text, not \"xml\"",
            "flag --session.single_party: session.single_party needs session.single_socket",
            "socket.server_key is missing",
            "runtime.http_key is missing",
            "session.encryption_key is missing",
            "session.refresh_encryption_key is missing",
            secrets::REMEDY,
        ]
    );
}

#[test]
fn a_file_that_cannot_be_understood_does_not_make_its_secrets_missing() {
    assert_eq!(told(&sources(&[("a", "{")], &[], &[])).len(), 1);
    assert_eq!(told(&sources(&[], &[], &["--config=gone"])).len(), 1);
}

#[test]
fn bad_secrets_stop_a_server_but_no_tool() {
    let known = sources(&[("a", SECRETS)], &[("TAVERN_RUNTIME__HTTP_KEY", "defaulthttpkey")], &[]);
    assert_eq!(
        told(&known),
        [
            "environment variable TAVERN_RUNTIME__HTTP_KEY: runtime.http_key is a well-known default",
            secrets::REMEDY,
        ]
    );
    assert!(load(&known, Mode::Tool).is_ok());
    let same = SECRETS.replace("abcdei", "abcdeh");
    let same = told(&sources(&[("a", &same)], &[], &[]));
    assert_eq!(same.len(), 1, "{same:?}");
    assert!(same[0].contains("no key in common"));
    assert!(load(&sources(&[("a", SECRETS)], &[], &[]), Mode::Serve).is_ok());
}

#[test]
fn development_mode_fills_in_known_keys_and_stays_on_loopback() {
    let loaded = load(
        &sources(
            &[("a", "socket: {address: 0.0.0.0}\n")],
            &[],
            &["--dev", "--runtime.http_key=mine"],
        ),
        Mode::Serve,
    )
    .unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.socket.server_key.expose(), "defaultkey");
    assert_eq!(settings.runtime.http_key.expose(), "mine");
    assert_eq!(settings.session.encryption_key.expose(), "defaultencryptionkey");
    assert_eq!(settings.session.refresh_encryption_key.expose(), "defaultrefreshencryptionkey");
    assert_eq!(settings.socket.address, "127.0.0.1");
    assert_eq!(settings.metrics.address, "127.0.0.1");
    assert_eq!(settings.logger.format.word(), "text");
    assert_eq!(loaded.resolved.place("socket.address"), Place::Dev);
    let notices = loaded.resolved.notices.join("\n");
    assert!(notices.contains("127.0.0.1 instead of \"0.0.0.0\" (a:1)"), "{notices}");
    assert!(notices.contains("never use it for players"));

    let kept = ["--dev", "--socket.address=::1", "--logger.format=json"];
    let loaded = load(&sources(&[], &[], &kept), Mode::Serve).unwrap();
    assert_eq!(loaded.settings.socket.address, "::1");
    assert_eq!(loaded.settings.logger.format.word(), "json");
    let by_variable = sources(&[], &[("TAVERN_DEV", "1")], &[]);
    assert!(load(&by_variable, Mode::Serve).unwrap().settings.dev);
}

#[test]
fn nothing_unusual_about_an_option_goes_unsaid() {
    let loaded = load(
        &sources(
            &[("a", "satori: {url: x}\nruntime: {max_count: 9, lua_max_count: 20, min_count: 3}\nconsole: {username: someone}\nconfig: [b]\n")],
            &[],
            &["--google_auth.-.scopes", "x"],
        ),
        Mode::Tool,
    )
    .unwrap();
    let runtime = &loaded.settings.runtime;
    assert_eq!((runtime.lua_max_count, runtime.lua_min_count), (20, 3), "the present name wins");
    assert_eq!(loaded.resolved.place("runtime.lua_min_count").to_string(), "a:2");
    let mut notices = loaded.resolved.notices;
    notices.sort();
    assert_eq!(
        notices,
        [
            "config (a:4) is ignored: a file cannot name further files",
            "console.username (a:3) has no effect yet: it belongs to the console",
            "flag --google_auth.-.scopes never had a meaning and is ignored",
            "runtime.max_count (a:2) is deprecated, use runtime.lua_max_count",
            "runtime.min_count (a:2) is deprecated, use runtime.lua_min_count",
            "satori.url (a:1) is accepted and ignored: Tavern does not talk to that service",
        ]
    );
}

#[test]
fn a_document_that_is_no_oauth_client_is_refused_and_not_repeated() {
    let with = |document: &str| {
        let text = format!("{SECRETS}\ngoogle_auth: {{credentials_json: '{document}'}}\n");
        sources(&[("a", &text)], &[], &[])
    };
    let client = r#"{"web": {"client_id": "a", "client_secret": "made-up", "token_uri": "https://example.com/token"}}"#;
    assert!(load(&with(client), Mode::Serve).is_ok());
    for document in [r#"{"type": "service_account", "private_key": "made-up"}"#, "made-up", "{}"] {
        let problems = told(&with(document));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("google_auth.credentials_json"), "{problems:?}");
        assert!(problems[0].ends_with("holds no OAuth client"), "{problems:?}");
        assert!(!problems[0].contains("made-up"), "{problems:?}");
    }
}

#[test]
fn a_secret_may_look_like_a_number() {
    let text = "socket: {server_key: 01234567890123456789012345678901}\n";
    let loaded = load(&sources(&[("a", text)], &[], &[]), Mode::Tool).unwrap();
    assert_eq!(loaded.settings.socket.server_key.expose(), "01234567890123456789012345678901");
}

/// A value that differs from the default, as a source would write it.
fn other_value(row: &OptionRow) -> String {
    use crate::config::Item;
    match row.kind {
        Kind::Bool => "true".into(),
        Kind::Int { min, max } => (min + (max - min) / 3).to_string(),
        Kind::Float { .. } => "0.75".into(),
        Kind::Choice(words) => (*words.last().unwrap()).into(),
        Kind::Text | Kind::Secret => "x".into(),
        Kind::List(Item::Text | Item::Secret) => "x".into(),
        Kind::List(Item::DatabaseAddress) => "u@h".into(),
        Kind::List(Item::Pair) => "a=b".into(),
        Kind::List(Item::Choice(words)) => words[0].into(),
        Kind::List(Item::Limit) => "GetAccount=1/2".into(),
        Kind::List(Item::Net) => "10.0.0.0/8".into(),
    }
}

#[test]
fn every_option_reaches_the_settings_from_every_source() {
    let before = Settings::default().all_values();
    for row in options().filter(|row| row.is_kept()) {
        let value = other_value(row);
        let list = matches!(row.kind, Kind::List(_));
        let yaml_value = if list { format!("[\"{value}\"]") } else { value.clone() };
        let mut yaml = String::new();
        let parts: Vec<_> = row.key.split('.').collect();
        for (depth, part) in parts.iter().enumerate() {
            yaml += &format!(
                "{}{part}:{}",
                "  ".repeat(depth),
                if depth + 1 == parts.len() { " " } else { "\n" }
            );
        }
        yaml += &yaml_value;
        let env = row.env_name();
        let flag = format!("--{}={value}", row.key);
        let mut reached = Vec::new();
        let by_file = sources(&[("a", &yaml)], &[], &[]);
        let by_variable = sources(&[], &[(&env, &value)], &[]);
        let by_flag = sources(&[], &[], &[&flag]);
        for one in [&by_file, &by_variable, &by_flag] {
            // Alone, some values contradict others; that they arrive is enough here.
            let (resolved, settings) = resolve(one, Mode::Tool);
            let settings =
                settings.unwrap_or_else(|| panic!("{}: {:?}", row.key, resolved.problems));
            reached.push(settings.all_values().get(row.key).cloned());
        }
        if row.key == "config" {
            continue;
        }
        assert!(reached.iter().all(|one| *one == reached[0]), "{}: {reached:?}", row.key);
        let default = before.get(row.key).cloned();
        let arrived = if row.kind == Kind::Bool { true } else { reached[0] != default };
        assert!(arrived, "{} did not arrive: {reached:?}", row.key);
    }
}

#[test]
fn the_table_and_the_types_of_other_crates_agree() {
    // What the types write, the table knows ...
    let values = Settings::default().all_values();
    let unset = ["socket.realtime_port", "socket.grpc_port"];
    for row in options().filter(|row| row.is_kept() && !unset.contains(&row.key)) {
        assert!(values.contains_key(row.key), "{} has no default", row.key);
    }
    // ... and nothing more: `flatten` drops what the table does not know, so count here.
    fn leaves(value: &Value) -> usize {
        match value {
            Value::Dict(_, dict) => dict.values().map(leaves).sum(),
            Value::String(..)
            | Value::Char(..)
            | Value::Bool(..)
            | Value::Num(..)
            | Value::Empty(..)
            | Value::Array(..) => 1,
        }
    }
    let settings = Settings::default();
    let count = |value: Value| leaves(&value);
    // Secrets are not written; the auth crate's proxies are no options.
    for (section, written, more) in [
        ("socket", count(Value::serialize(&settings.socket).unwrap()), 0),
        ("session", count(Value::serialize(&settings.session).unwrap()), 4),
        ("delegation", count(Value::serialize(&settings.delegation).unwrap()), 1),
        ("auth", count(Value::serialize(&settings.auth).unwrap()), -2),
        ("match.relayed", count(Value::serialize(&settings.r#match.relayed).unwrap()), 0),
        ("presence", count(Value::serialize(&settings.presence).unwrap()), 0),
        ("streams", count(Value::serialize(&settings.streams).unwrap()), 0),
    ] {
        let rows = options().filter(|row| row.key.starts_with(&format!("{section}."))).count();
        assert_eq!(rows, written.saturating_add_signed(more), "rows of {section}");
    }
}

#[test]
fn the_sample_configuration_loads() {
    let text = include_str!("../../../../deploy/tavern.example.yaml");
    let loaded = load(&sources(&[("sample", text)], &[], &[]), Mode::Tool).unwrap();
    assert_eq!(loaded.resolved.notices, Vec::<String>::new());
    // Its secrets are obviously none: a server refuses them all.
    let told = told(&sources(&[("sample", text)], &[], &[]));
    for (key, _) in secrets::REQUIRED {
        assert!(told.iter().any(|text| text.contains(key)), "{key} in {told:?}");
    }
    // With everything that is commented out it still loads, so no comment is out of date.
    let all: String = text
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_ne!(all, text);
    let (resolved, _) = resolve(&sources(&[("sample", &all)], &[], &[]), Mode::Tool);
    assert_eq!(resolved.problems, []);
}

#[test]
fn secrets_are_nowhere_to_be_seen() {
    let text = "socket: {server_key: hush}\nruntime: {env: [A=hush], http_key: hush}\nsession: {encryption_key: hush, previous_encryption_keys: [hush]}\ndatabase: {address: ['u:hush@h']}\nsatori: {api_key: hush}\nmfa: {storage_encryption_key: hush}\nconsole: {password: hush}\n";
    let all = sources(
        &[("a", text)],
        &[("TAVERN_IAP__APPLE__SHARED_PASSWORD", "hush")],
        &["--session.refresh_encryption_key=hush"],
    );
    let (resolved, settings) = resolve(&all, Mode::Serve);
    let problems = Problems(resolved.problems.clone()).to_string();
    let shown = effective(&resolved);
    let notices = resolved.notices.clone();
    let loaded = Loaded { settings: settings.unwrap(), resolved, notices: notices.clone() };
    for text in
        [problems, shown.clone(), format!("{loaded:?}"), format!("{all:?}"), notices.join("\n")]
    {
        assert!(!text.contains("hush"), "{text}");
    }
    for line in [
        "socket.server_key: ***  # a:1",
        "database.address: [\"u:***@h\"]  # a:4",
        "runtime.env: [A=***]  # a:2",
        "session.refresh_encryption_key: ***  # flag --session.refresh_encryption_key",
        "iap.google.private_key: (not set)  # default",
        "socket.port: 7350  # default",
    ] {
        assert!(shown.lines().any(|l| l == line), "no line {line} in\n{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_values_never_panic(
        pairs in proptest::collection::vec(
            (0usize..200, prop::sample::select(vec![
                "1", "-1", "true", "x", "[]", "[a, b=c]", "{}", "0x7fffffffffffffff", "1e999", "''", "null", "::1", "\"\\0\"",
            ])), 0..12)) {
        let rows: Vec<_> = options().collect();
        let mut yaml = String::new();
        for (n, value) in &pairs {
            let row = rows[n % rows.len()];
            // As flow style in one line each, and as a flag.
            let (section, name) = row.key.split_once('.').unwrap_or(("", row.key));
            if section.is_empty() { yaml += &format!("{name}: {value}\n"); }
            else { yaml += &format!("{section}: {{{}: {value}{}\n", name.replace('.', ": {"), "}".repeat(1 + name.matches('.').count())); }
        }
        let flags: Vec<String> = pairs.iter().map(|(n, value)| format!("--{}={value}", rows[n % rows.len()].key)).collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let (resolved, _) = resolve(&sources(&[("a", &yaml)], &[], &flags), Mode::Serve);
        prop_assert!(!effective(&resolved).is_empty());
    }
}
