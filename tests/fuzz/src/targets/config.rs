//! Configuration: files, environment and flags.

use std::ffi::OsString;
use std::path::Path;

use tavern::config::{Mode, Problems, Sources, effective, load, parse_flags, reload, resolve};

/// What a server cannot start without, and one more, by variables.
const SECRETS: [&str; 5] = [
    "SOCKET__SERVER_KEY",
    "RUNTIME__HTTP_KEY",
    "SESSION__ENCRYPTION_KEY",
    "SESSION__REFRESH_ENCRYPTION_KEY",
    "MFA__STORAGE_ENCRYPTION_KEY",
];
/// With a digit behind, stands in a secret's place and must not come out anywhere.
const SECRET: &str = "hush-0123456789abcdefghijklmnop";

/// A YAML file, then, each part behind a NUL: lines of `NAME=value` for the environment, and
/// lines that are one argument each.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains("hush") {
        return;
    }
    let mut parts = text.split('\0');
    let yaml = parts.next().unwrap_or_default();
    let environment = parts.next().unwrap_or_default();
    let arguments = parts.next().unwrap_or_default();

    let environment = environment.lines().filter_map(|line| line.split_once('='));
    let environment: Vec<(OsString, OsString)> = environment
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(
            SECRETS.iter().zip(0..).map(|(name, n)| ((*name).to_owned(), format!("{SECRET}{n}"))),
        )
        .map(|(name, value)| (format!("TAVERN_{name}").into(), value.into()))
        .collect();
    let mut arguments: Vec<String> = arguments.lines().map(str::to_owned).collect();
    arguments.push("--config=fuzz.yaml".to_owned());
    let yaml = yaml.as_bytes().to_vec();
    let read = move |path: &Path| match path.to_str() {
        Some("fuzz.yaml") => Ok(yaml.clone()),
        Some("file") => Ok(b"text\n".to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    let sources = Sources::gather(parse_flags(&arguments, &[]), environment, &read);
    look_at(&sources);
    tell_nothing(&format!("{sources:?}"));
}

fn look_at(sources: &Sources) {
    let loaded = match load(sources, Mode::Serve) {
        Ok(loaded) => loaded,
        Err(problems) => {
            assert!(!problems.0.is_empty(), "refused for no reason");
            tell_nothing(&problems.to_string());
            let (resolved, _settings) = resolve(sources, Mode::Serve);
            assert_eq!(Problems(resolved.problems.clone()), problems);
            tell_nothing(&effective(&resolved));
            return tell_nothing(&resolved.notices.join("\n"));
        }
    };
    assert!(loaded.resolved.problems.is_empty(), "a server would start in spite of problems");
    tell_nothing(&effective(&loaded.resolved));
    tell_nothing(&loaded.notices.join("\n"));
    tell_nothing(&format!("{loaded:?}"));
    let settings = &loaded.settings;
    drop((settings.node_name(), settings.modules_dir(), settings.shutdown_grace()));
    drop((settings.runtime_env(), settings.metrics_addresses(), settings.health_target()));
    drop((settings.log_config(3600), settings.metrics_config(), settings.otlp_config("0")));
    let again = reload(settings, sources, sources).expect("it was fine a moment ago");
    assert!(again.report.is_empty(), "nothing is different, but: {}", again.report);
}

fn tell_nothing(text: &str) {
    assert!(!text.contains("hush"), "a secret came out: {text}");
}
