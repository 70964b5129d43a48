use std::path::Path;

use super::*;
use crate::config::parse_flags;

/// A running server and a reload after its file has become `after`.
fn reloaded(before: &str, after: &str, flags: &[&str]) -> Result<Reloaded, Problems> {
    let mut args = vec!["--dev".to_owned(), "--config=t.yaml".to_owned()];
    args.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let read_before = |_: &Path| Ok(before.as_bytes().to_vec());
    let sources = Sources::gather(parse_flags(&args, &[]), [], &read_before);
    let running = load(&sources, Mode::Serve).unwrap();
    let read_after = |_: &Path| Ok(after.as_bytes().to_vec());
    reload(&running.settings, &sources, &sources.again(&read_after))
}

#[test]
fn the_same_configuration_changes_nothing() {
    let text = "logger: {level: warn}\nsocket: {port: 8000}\n";
    let done = reloaded(text, text, &["--name=x"]).unwrap();
    assert!(done.report.is_empty(), "{}", done.report);
}

#[test]
fn every_value_is_told_with_what_becomes_of_it() {
    let before = "logger: {level: warn}\nsocket: {port: 8000, max_connections: 10}\nname: a\nsession: {encryption_key: hush}\n";
    let after =
        "logger: {level: debug}\nsocket: {port: 9000}\nname: b\nsession: {encryption_key: hush2}\n";
    let done = reloaded(before, after, &["--name=flag"]).unwrap();
    assert_eq!(
        done.report.to_string(),
        "changed: socket.max_connections: 10 -> 131072 (default)\n\
         changed: logger.level: warn -> debug (t.yaml:1)\n\
         needs a restart: socket.port: 8000 -> 9000 (t.yaml:2)\n\
         needs a restart: session.encryption_key: *** -> *** (t.yaml:4)\n\
         overridden by flag --name: name: b (t.yaml:3)\n"
    );
    let settings = &done.settings;
    assert_eq!(settings.logger.level.word(), "debug");
    assert_eq!(settings.socket.max_connections, 131_072);
    assert_eq!(settings.socket.port, 8000, "the running port stays the running port");
    assert_eq!(settings.session.encryption_key.expose(), "hush");
    assert_eq!(settings.name, "flag");
}

#[test]
fn what_still_needs_a_restart_is_told_again() {
    let (before, after) = ("socket: {port: 8000}\n", "socket: {port: 9000}\n");
    let args = vec!["--dev".to_owned(), "--config=t.yaml".to_owned()];
    let sources = Sources::gather(parse_flags(&args, &[]), [], &|_| Ok(before.into()));
    let running = load(&sources, Mode::Serve).unwrap();
    let again = sources.again(&|_| Ok(after.into()));
    let first = reload(&running.settings, &sources, &again).unwrap();
    let second = reload(&first.settings, &again, &again).unwrap();
    assert_eq!(second.report, first.report);
}

#[test]
fn a_value_taken_out_of_a_file_goes_back_to_its_default() {
    let done = reloaded("logger: {level: warn}\nsocket: {grpc_port: 9001}\n", "", &[]).unwrap();
    assert_eq!(
        done.report.to_string(),
        "changed: logger.level: warn -> info (default)\n\
         needs a restart: socket.grpc_port: 9001 -> (not set) (default)\n"
    );
    assert_eq!(done.settings.socket.grpc_port, Some(9001));
}

#[test]
fn a_wrong_configuration_changes_nothing_at_all() {
    let problems = reloaded("", "logger: {level: loud}\nnam: x\n", &[]).unwrap_err();
    assert_eq!(problems.0.len(), 2);
}

#[test]
fn development_mode_overrides_too() {
    let done = reloaded("", "socket: {address: 10.0.0.1}\n", &[]).unwrap();
    assert_eq!(
        done.report.to_string(),
        "overridden by --dev: socket.address: \"10.0.0.1\" (t.yaml:1)\n"
    );
}
