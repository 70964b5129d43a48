use std::cell::RefCell;

use tavern_domain::SeededEntropy;

use super::*;
use crate::config::options;

/// Notes what it is asked to do.
#[derive(Default)]
struct Fake {
    done: RefCell<Vec<String>>,
    broken_module: bool,
}

impl Program for Fake {
    fn serve(&self, start: Start) -> Result<(), Failure> {
        self.done.borrow_mut().push(format!("serve {}", start.loaded.settings.name));
        Ok(())
    }

    fn migrate(
        &self,
        settings: &Settings,
        migrate: Migrate,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.done.borrow_mut().push(format!("{migrate:?} {}", settings.limit));
        say(out, "migrated\n");
        Err(Failure::new(Exit::Database, "no database"))
    }

    fn check_modules(&self, _: &Settings) -> Result<Vec<String>, Failure> {
        if self.broken_module {
            return Err(Failure::new(Exit::Modules, "broken.lua:1: oops"));
        }
        Ok(vec!["module studio: fine".to_owned()])
    }
}

fn run_with(program: &Fake, args: &[&str], env: &[(&str, &str)]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = run(
        program,
        Surroundings {
            args: args.iter().map(OsString::from).collect(),
            environment: env.iter().map(|(k, v)| (k.into(), v.into())).collect(),
            out: &mut out,
            err: &mut err,
            entropy: &SeededEntropy::new(1),
        },
    );
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn serving_gets_the_configuration() {
    let fake = Fake::default();
    let (exit, out, err) = run_with(&fake, &["--dev", "--name", "n1"], &[]);
    assert_eq!((exit, out.as_str(), err.as_str()), (Exit::Ok, "", ""));
    assert_eq!(*fake.done.borrow(), ["serve n1"]);
}

#[test]
fn a_bad_configuration_stops_everything_with_all_its_problems() {
    let fake = Fake::default();
    let (exit, _, err) = run_with(&fake, &["--socket.prot=1", "--logger.level=x"], &[]);
    assert_eq!(exit, Exit::BadConfiguration);
    assert!(fake.done.borrow().is_empty());
    for part in [
        "6 problems in the configuration",
        "did you mean --socket.port?",
        "logger.level: must be",
        "socket.server_key is missing",
        "tavern keygen",
    ] {
        assert!(err.contains(part), "no {part:?} in {err}");
    }
    let (exit, out, err) = run_with(&fake, &["keygen", "--uot", "file"], &[]);
    assert_eq!((exit, out.as_str()), (Exit::BadConfiguration, ""));
    assert!(err.contains("did you mean --out?"), "{err}");
    let (exit, _, err) = run_with(&fake, &["nonsense"], &[]);
    assert_eq!(exit, Exit::BadConfiguration);
    assert!(err.contains("there is no command"));
}

#[test]
fn migrating_needs_no_secrets_and_tells_how_it_ended() {
    let fake = Fake::default();
    let args = ["migrate", "down", "--limit", "2", "--database.address", "u@h"];
    let (exit, out, err) = run_with(&fake, &args, &[]);
    assert_eq!((exit, out.as_str(), err.as_str()), (Exit::Database, "migrated\n", "no database\n"));
    assert_eq!(*fake.done.borrow(), ["Down 2"]);
}

#[test]
fn check_tells_about_options_and_modules_at_once() {
    let fine = Fake::default();
    let (exit, out, _) = run_with(&fine, &["check", "--dev"], &[]);
    assert_eq!(exit, Exit::Ok);
    assert_eq!(out, "module studio: fine\nthe configuration is fine\n");
    let broken = Fake { broken_module: true, ..Fake::default() };
    let (exit, _, err) = run_with(&broken, &["check", "--dev"], &[]);
    assert_eq!(exit, Exit::Modules);
    assert!(err.contains("broken.lua:1: oops"));
    let (exit, _, err) = run_with(&broken, &["check"], &[]);
    assert_eq!(exit, Exit::BadConfiguration);
    assert!(err.contains("broken.lua:1: oops") && err.contains("server_key is missing"), "{err}");
}

#[test]
fn effective_shows_every_value_with_its_source_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "hush\n").unwrap();
    let file = file.to_str().unwrap();
    let env = [("TAVERN_SOCKET__SERVER_KEY_FILE", file), ("TAVERN_SOCKET__PORT", "7000")];
    let (exit, out, _) = run_with(&Fake::default(), &["check", "--effective", "--dev"], &env);
    assert_eq!(exit, Exit::Ok);
    assert!(!out.contains("hush"));
    let key =
        format!("socket.server_key: ***  # file {file} named by TAVERN_SOCKET__SERVER_KEY_FILE");
    for line in [
        key.as_str(),
        "socket.port: 7000  # environment variable TAVERN_SOCKET__PORT",
        "dev: true  # flag --dev",
        "socket.address: \"127.0.0.1\"  # --dev",
        "logger.level: info  # default",
    ] {
        assert!(out.lines().any(|l| l == line), "no line {line} in\n{out}");
    }
}

#[test]
fn fresh_secrets_start_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.yaml");
    let path = path.to_str().unwrap();
    let fake = Fake::default();
    let (exit, out, _) = run_with(&fake, &["keygen", "--out", path], &[]);
    assert_eq!(exit, Exit::Ok);
    assert!(out.contains(&format!("tavern --config {path}")));
    let (exit, _, err) = run_with(&fake, &["--config", path], &[]);
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
    let (exit, ..) = run_with(&fake, &["keygen", "--out", path], &[]);
    assert_eq!(exit, Exit::Failed);
}

#[test]
fn help_lists_every_option_by_section_with_its_default() {
    let (exit, out, _) = run_with(&Fake::default(), &["--help"], &[]);
    assert_eq!(exit, Exit::Ok);
    for row in options() {
        assert!(out.contains(&format!("  --{}", row.key)), "{} is missing", row.key);
    }
    for part in ["\nsocket:\n", "[7350]", "\nmetrics:\n", "[9100]", "  2  the configuration"] {
        assert!(out.contains(part), "no {part:?} in {out}");
    }
    let sections = out.lines().filter(|line| *line == "socket:").count();
    assert_eq!(sections, 1, "a section is listed in one piece");
    let (_, out, _) = run_with(&Fake::default(), &["--version"], &[]);
    assert_eq!(out, format!("tavern {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_healthcheck_without_a_server_fails() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let flag = format!("--metrics.prometheus_port={port}");
    let (exit, _, err) = run_with(&Fake::default(), &["healthcheck", &flag], &[]);
    assert_eq!(exit, Exit::Failed);
    assert!(err.contains(&format!("cannot reach 127.0.0.1:{port}")), "{err}");
}
