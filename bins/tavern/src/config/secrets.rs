//! No secret that anybody could guess.

use std::fmt::Write;

use tavern_auth::{check_secret, generate_secret};
use tavern_delegation::SigningKey;
use tavern_domain::Entropy;

use super::settings::Settings;

/// The secrets that a server cannot do without, with what development mode fills in.
pub(crate) const REQUIRED: &[(&str, &str)] = &[
    ("socket.server_key", "defaultkey"),
    ("runtime.http_key", "defaulthttpkey"),
    ("session.encryption_key", "defaultencryptionkey"),
    ("session.refresh_encryption_key", "defaultrefreshencryptionkey"),
];

/// What to do about missing, known and short secrets.
pub(crate) const REMEDY: &str = "make fresh secrets with `tavern keygen --out secrets.yaml` and \
    start with `--config secrets.yaml`; a start with --dev needs none but listens on loopback only";

/// What to do when the short one is in clients already.
const SHIPPED: &str = "if clients with this key are out already, see \"A short server key in shipped \
    clients\" in docs/differences.md: nothing here lowers the bound";

/// A line for every secret that is missing, well-known or short; all of them, not the first.
pub(crate) fn problems(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    let server_key = &settings.socket.server_key;
    if let Err(problem) = check_secret(server_key) {
        let shipped = !server_key.is_empty();
        let more = if shipped { format!("; {SHIPPED}") } else { String::new() };
        problems.push(format!("socket.server_key {problem}{more}"));
    }
    if let Err(problem) = check_secret(&settings.runtime.http_key) {
        problems.push(format!("runtime.http_key {problem}"));
    }
    settings.session.check_secrets(&mut problems);
    settings.delegation.check_secrets(&mut problems);
    problems
}

/// A configuration file with fresh secrets.
#[must_use]
pub fn keygen_file(entropy: &dyn Entropy) -> String {
    let mut text =
        "# Secrets of one Tavern installation. All its nodes use the same ones; keep them \
                    out of version control.\n# Start with: tavern --config <this file>\n"
            .to_owned();
    let mut last = "";
    for (key, _) in REQUIRED {
        let (section, name) = key.split_once('.').expect("every required secret has a section");
        if section != last {
            writeln!(text, "{section}:").expect("writing to a string cannot fail");
            last = section;
        }
        let secret = generate_secret(entropy);
        writeln!(text, "  {name}: {}", secret.expose()).expect("writing to a string cannot fail");
    }
    let key = SigningKey::generate(entropy).secret();
    writeln!(text, "delegation:\n  signing_key: {}", key.expose())
        .expect("writing to a string cannot fail");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavern_domain::{Secret, SeededEntropy};

    #[test]
    fn all_bad_secrets_are_told_at_once_and_none_is_quoted() {
        let mut settings = Settings::default();
        settings.runtime.http_key = Secret::new("defaulthttpkey");
        settings.session.encryption_key = Secret::new("hush");
        settings.session.refresh_encryption_key = Secret::new("r".repeat(32));
        let told = problems(&settings);
        assert_eq!(
            told,
            [
                "socket.server_key is missing",
                "runtime.http_key is a well-known default",
                "session.encryption_key has 4 bytes, fewer than 32",
            ]
        );
        settings.socket.server_key = Secret::new("hush");
        assert!(problems(&settings)[0].contains("docs/differences.md"));
        assert!(!problems(&settings).concat().contains("hush"));
    }

    #[test]
    fn fresh_secrets_are_a_ready_to_use_file() {
        let text = keygen_file(&SeededEntropy::new(1));
        let mut found = Vec::new();
        let path = std::path::Path::new("s.yaml");
        let given = crate::config::yaml::read(path, &text, &mut found).unwrap();
        assert_eq!(found, []);
        let keys: Vec<_> = given.iter().map(|given| given.row.key).collect();
        let required = REQUIRED.iter().map(|(key, _)| *key);
        assert_eq!(keys, required.chain(["delegation.signing_key"]).collect::<Vec<_>>());
    }
}
