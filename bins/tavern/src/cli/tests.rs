use std::cell::RefCell;

use tavern_domain::{SeededEntropy, UserId};

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

    fn revoke_tokens(
        &self,
        _: &Settings,
        user: UserId,
        block: Option<&str>,
    ) -> Result<(), Failure> {
        self.done.borrow_mut().push(format!("revoke {user} {block:?}"));
        Ok(())
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

/// What a command about tokens prints, without the end of the line.
fn token(args: &[&str]) -> String {
    let args: Vec<&str> = std::iter::once("token").chain(args.iter().copied()).collect();
    let (exit, out, err) = run_with(&Fake::default(), &args, &[]);
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{args:?}");
    out.trim_end().to_owned()
}

const USER: &str = "5a0b1f52-3c7e-4b0a-9d29-6f6f1f3f2a10";

#[test]
fn a_token_is_minted_narrowed_and_shown_without_a_server() {
    let minted = token(&["mint", "--dev", "--user", USER, "--right", "read", "--right=OpenSocket"]);
    let narrow = token(&[
        "attenuate",
        &minted,
        "--collection=saves",
        "--group",
        &USER.to_uppercase(),
        "--call=ReadStorageObjects",
        "--interface=rest",
        "--read-only",
        "--expires-in=60",
        "--check",
        r#"reject if key("secret")"#,
    ]);
    let shown = token(&["inspect", "--dev", &narrow]);
    for part in [
        "key: 1",
        "signatures: good",
        "block 0, minted",
        "block 1, narrowed",
        &format!("user(\"{USER}\")"),
        r#"right("read")"#,
        r#"{"saves"}.contains($v)"#,
        &format!("{{\"{USER}\"}}.contains($v)"),
        r#"check if action("read")"#,
        r#"reject if key("secret")"#,
    ] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert_eq!(shown.matches("revocation id: ").count(), 2);
    assert!(token(&["inspect", &narrow]).contains("not checked"));
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key").display().to_string();
    let public = format!("--delegation.public_keys=1:{}", token(&["keygen", "--out", &key]));
    let (exit, _, err) = run_with(&Fake::default(), &["token", "inspect", &narrow, &public], &[]);
    assert_eq!(exit, Exit::Failed);
    assert!(err.contains("the token is not good"), "{err}");
}

#[test]
fn a_partner_vouches_by_files_and_the_minter_s_server_believes_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let public = token(&["keygen", "--out", &file("key")]);
    let (exit, ..) = run_with(&Fake::default(), &["token", "keygen", "--out", &file("key")], &[]);
    assert_eq!(exit, Exit::Failed, "a key is not overwritten");
    let require = format!("--require=member=guild-7@{public}");
    let minted = token(&["mint", "--dev", "--user", USER, "--right=read", &require]);
    std::fs::write(file("token"), minted + "\n").unwrap();
    std::fs::write(file("request"), token(&["request", &format!("@{}", file("token"))])).unwrap();
    let asked = format!("@{}", file("request"));
    let vouch = ["vouch", &asked, "--key-file", &file("key"), "--fact", "member=guild-7"];
    let block = token(&vouch);
    let vouched = token(&["append", &format!("@{}", file("token")), &block]);
    let shown = token(&["inspect", "--dev", &vouched]);
    assert!(shown.contains(&format!("block 1, by {public}")), "{shown}");
    assert!(shown.contains(r#"member("guild-7")"#) && shown.contains("signatures: good"));
}

#[test]
fn a_key_of_the_server_is_shown_as_others_list_it() {
    let shown = token(&["public-key", "--dev", "--delegation.signing_key_id=7"]);
    let key = shown.strip_prefix("7:ed25519/").unwrap();
    assert_eq!(key.len(), 64);
    let (exit, _, err) = run_with(&Fake::default(), &["token", "public-key"], &[]);
    assert_eq!((exit, err.as_str()), (Exit::Failed, "there is no delegation.signing_key\n"));
}

#[test]
fn what_makes_no_token_is_told() {
    let mint = |more: &[&str]| {
        let args = [&["token", "mint", "--dev"], more].concat();
        let (exit, out, err) = run_with(&Fake::default(), &args, &[]);
        assert_eq!((exit, out.as_str()), (Exit::Failed, ""), "{args:?}");
        err
    };
    let user = format!("--user={USER}");
    for (more, told) in [
        (&["--right=read"][..], "--user is missing"),
        (&["--user=ann", "--right=read"], "is no user id"),
        (&[&user], "1 to 128 rights"),
        (&[&user, "--right=MintToken"], "is no right"),
        (&[&user, "--right=read", "--expires-in=0"], "takes seconds"),
        (&[&user, "--right=read", "--expires-in=99999999"], "lives 1 to 2592000 seconds"),
        (&[&user, "--right=read", "--interface=fax"], "is none of"),
        (&[&user, "--right=read", "--require=member"], "name=value@public key"),
        (&[&user, "--right=read", "--require=member=1@ed25519/0"], "the partner's key is no key"),
        (&[&user, "--right=read", "--check=allow if true"], "is no check"),
        (&[&user, "--right=read", r#"--check=check if "a".matches("a")"#], "regular expression"),
    ] {
        let err = mint(more);
        assert!(err.contains(told), "{more:?}: {err}");
    }
    let (exit, _, err) =
        run_with(&Fake::default(), &["token", "attenuate", "x", "--read-only"], &[]);
    assert_eq!(exit, Exit::Failed);
    assert!(err.contains("base64"), "{err}");
    let missing = ["token", "request", "@/nowhere/at/all"];
    let (_, _, err) = run_with(&Fake::default(), &missing, &[]);
    assert!(err.contains("cannot read /nowhere/at/all"), "{err}");
}

#[test]
fn revoking_is_the_program_s_and_needs_a_user() {
    let fake = Fake::default();
    let user = format!("--user={USER}");
    for args in [&["token", "revoke", &user][..], &["token", "revoke", "00ff", &user]] {
        assert_eq!(run_with(&fake, args, &[]).0, Exit::Ok, "{args:?}");
    }
    let done = [format!("revoke {USER} None"), format!("revoke {USER} Some(\"00ff\")")];
    assert_eq!(*fake.done.borrow(), done);
    let (exit, _, err) = run_with(&fake, &["token", "revoke"], &[]);
    assert_eq!((exit, err.as_str()), (Exit::Failed, "--user is missing\n"));
}

/// Every line of the page's shell examples, in a folder of their own.
#[test]
fn the_commands_of_the_page_on_delegation_work() {
    let page = include_str!("../../../../docs/delegation.md");
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("tavern.yaml"), keygen_of(5)).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() >= 9, "{lines:?}");
    let mut partner = String::new();
    for line in lines {
        let (line, keep) = line.split_once(" > ").map_or((line, None), |(a, b)| (a, Some(b)));
        let line = line.replace("$PARTNER", &partner);
        let mut args = Vec::new();
        for arg in line.strip_prefix("tavern ").expect(&line).split_whitespace() {
            let is_file = args.last().is_some_and(|flag: &String| {
                ["--config", "--out", "--key-file"].contains(&flag.as_str())
            });
            args.push(match arg.strip_prefix('@') {
                Some(name) => format!("@{}", path(name)),
                None if is_file => path(arg),
                None => arg.to_owned(),
            });
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (exit, out, err) = run_with(&Fake::default(), &args, &[]);
        assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{line}");
        if line.contains("token keygen") {
            partner = out.trim().to_owned();
        }
        if let Some(name) = keep {
            std::fs::write(path(name), out).unwrap();
        }
    }
}

fn keygen_of(seed: u64) -> String {
    crate::config::keygen_file(&SeededEntropy::new(seed))
}
