//! The configuration as the rest of the server sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use figment::value::Value;
use ipnet::IpNet;
use tavern_domain::{NodeName, Secret};
use tavern_fetch::HostPattern;
use tavern_limits::Name;
use tavern_protocol::{CallId, RtId};

use super::derived::interface;
use super::later::{Console, Mfa};
use super::purchases::Iap;
use super::sections::{
    Database, Leaderboard, Logger, Match, Matchmaker, MetricsSection, Party, Runtime, Storage,
    Telemetry, Tracker,
};
use super::social::{GoogleAuth, Social};
use super::table::{OptionRow, find, options, section};

/// Values by option names.
pub(crate) type Values = BTreeMap<&'static str, Value>;

section! {
    /// Everything that can be configured. `Settings::default()` is what an empty configuration
    /// means, apart from secrets, which have no default.
    pub struct Settings in "" {
        /// Name of this node, 1 to 16 bytes without a dot; part of the ids of what lives on it
        name: String = "tavern".to_owned();
        /// Folder for everything that the server keeps in files
        data_dir: PathBuf = PathBuf::from("data");
        /// Development mode: known keys, readable log, loopback only
        dev: bool = false;
        /// YAML files to load, later ones win; only as a flag or variable
        config: Vec<String> = Vec::new();
        /// How long stopping may take, in seconds, for matches, calls and sockets together
        shutdown_grace_sec: u32 = 10, range(0, 86_400), live;
        /// Most migrations that one migrate command carries out; -1 or 0 means all
        limit: i64 = -1, range(-1, 1_000_000);
    } and {
        /// Client listeners and their limits.
        socket: tavern_transport::Config;
        /// Tokens and what a session may do.
        session: tavern_auth::SessionConfig;
        /// Tokens that speak for some of a player's rights.
        delegation: tavern_delegation::DelegationConfig;
        /// Passwords, failed log-ins, proxies.
        auth: tavern_auth::AuthConfig;
        /// How often clients may ask.
        limits: tavern_limits::Config;
        /// The database.
        database: Database;
        /// Log output.
        logger: Logger;
        /// Metrics and health.
        metrics: MetricsSection;
        /// Spans for a collector.
        telemetry: Telemetry;
        /// Server code.
        runtime: Runtime;
        /// Matches.
        r#match: Match;
        /// The register of presences.
        presence: tavern_presence::Config;
        /// Subscriptions.
        streams: tavern_streams::Config;
        /// Kept for existing files.
        tracker: Tracker;
        /// Stored objects.
        storage: Storage;
        /// Parties.
        party: Party;
        /// The operators' API and page.
        console: Console;
        /// Second factors of operators.
        mfa: Mfa;
        /// The matchmaker.
        matchmaker: Matchmaker;
        /// Leaderboards and tournaments.
        leaderboard: Leaderboard;
        /// Google's server codes.
        google_auth: GoogleAuth;
        /// Log-in by other providers.
        social: Social;
        /// Purchases.
        iap: Iap;
    }
}

impl Settings {
    /// Every value by its option's name. Holds secrets.
    pub(crate) fn all_values(&self) -> Values {
        let mut out = Values::new();
        self.values(&mut out);
        self.database.values(&mut out);
        self.logger.values(&mut out);
        self.metrics.values(&mut out);
        self.telemetry.otlp.values(&mut out);
        self.runtime.values(&mut out);
        self.r#match.values(&mut out);
        self.tracker.values(&mut out);
        self.storage.values(&mut out);
        self.party.values(&mut out);
        self.console.values(&mut out);
        self.console.mfa.values(&mut out);
        self.mfa.values(&mut out);
        self.matchmaker.values(&mut out);
        self.leaderboard.values(&mut out);
        self.google_auth.values(&mut out);
        self.social.apple.values(&mut out);
        self.social.facebook.values(&mut out);
        self.social.google.values(&mut out);
        self.social.facebook_instant_game.values(&mut out);
        self.social.facebook_limited_login.values(&mut out);
        self.social.steam.values(&mut out);
        self.iap.apple.values(&mut out);
        self.iap.facebook_instant.values(&mut out);
        self.iap.google.values(&mut out);
        self.iap.huawei.values(&mut out);
        self.iap.samsung.values(&mut out);
        foreign("socket", &self.socket, &mut out);
        foreign("session", &self.session, &mut out);
        foreign("delegation", &self.delegation, &mut out);
        foreign("auth", &self.auth, &mut out);
        foreign("limits", &self.limits, &mut out);
        foreign("match.relayed", &self.r#match.relayed, &mut out);
        foreign("presence", &self.presence, &mut out);
        foreign("streams", &self.streams, &mut out);
        // Those types leave their secrets out when they are written.
        let session = &self.session;
        let secrets =
            |all: &[Secret]| Value::from(all.iter().map(Secret::expose).collect::<Vec<_>>());
        out.insert("socket.server_key", Value::from(self.socket.server_key.expose()));
        out.insert("session.encryption_key", Value::from(session.encryption_key.expose()));
        out.insert(
            "session.refresh_encryption_key",
            Value::from(session.refresh_encryption_key.expose()),
        );
        let delegation = self.delegation.signing_key.expose();
        out.insert("delegation.signing_key", Value::from(delegation));
        out.insert("session.previous_encryption_keys", secrets(&session.previous_encryption_keys));
        out.insert(
            "session.previous_refresh_encryption_keys",
            secrets(&session.previous_refresh_encryption_keys),
        );
        out
    }

    /// Adds a line for everything that is wrong except missing, known and short secrets. Each
    /// begins with the name of an option.
    pub fn validate(&self, problems: &mut Vec<String>) {
        self.socket.validate(problems);
        self.session.validate(problems);
        self.delegation.validate(problems);
        self.auth.validate(problems);
        let mut under = |section: &str, validate: &dyn Fn(&mut Vec<String>)| {
            let mut found = Vec::new();
            validate(&mut found);
            problems.extend(found.into_iter().map(|text| format!("{section}.{text}")));
        };
        under("match.relayed", &|p| self.r#match.relayed.validate(p));
        under("limits", &|p| self.validate_limits(p));
        under("presence", &|p| self.presence.validate(p));
        under("streams", &|p| self.streams.validate(p));
        let mut bad = |key: &str, text: &str| problems.push(format!("{key}: {text}"));
        if let Err(error) = NodeName::new(&self.name) {
            bad("name", &error.to_string());
        }
        if self.data_dir.as_os_str().is_empty() {
            bad("data_dir", "must not be empty");
        }
        if interface(&self.metrics.address).is_none() {
            bad("metrics.address", "is neither an IP address nor localhost");
        }
        for (key, text) in [
            ("metrics.prefix", &self.metrics.prefix),
            ("metrics.custom_prefix", &self.metrics.custom_prefix),
        ] {
            let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !text.chars().all(fine) || text.starts_with(|c: char| c.is_ascii_digit()) {
                bad(key, "must be made of letters, digits and underscores");
            }
        }
        let endpoint = &self.telemetry.otlp.endpoint;
        if !endpoint.is_empty() && !endpoint.starts_with("http://") {
            bad("telemetry.otlp.endpoint", "must begin with http://");
        }
        if matches!(self.database.sslmode.word(), "verify-ca" | "verify-full")
            && self.database.address.is_empty()
        {
            bad("database.sslmode", "asks for a certificate, but there is no database.address");
        }
        let clash = i32::from(self.socket.port) == self.metrics.prometheus_port;
        if clash && self.metrics.prometheus_port > 0 {
            bad("metrics.prometheus_port", "must differ from socket.port");
        }
        self.validate_runtime(&mut bad);
        let mfa = self.mfa.storage_encryption_key.expose().len();
        if mfa != 0 && mfa != 32 {
            bad("mfa.storage_encryption_key", "must have exactly 32 bytes");
        }
        if let Err(error) = self.google_auth.client() {
            bad("google_auth.credentials_json", &error.to_string());
        }
        for (name, url) in self.social.addresses() {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                bad(name, "must be an address with http or https");
            }
        }
        if self.console.username.is_empty() {
            bad("console.username", "must not be empty");
        }
    }

    fn validate_limits(&self, problems: &mut Vec<String>) {
        self.limits.validate(problems);
        for rule in &self.limits.rules {
            let known = match &rule.name {
                Name::Call(name) => CallId::from_name(name).is_some(),
                Name::Message(name) => RtId::from_name(name).is_some(),
                Name::Function(_) | Name::Route(_) => true,
            };
            if !known {
                problems.push(format!("rules: there is no such call or message: {rule}"));
            }
        }
    }

    fn validate_runtime(&self, bad: &mut dyn FnMut(&str, &str)) {
        let runtime = &self.runtime;
        if runtime.js_min_count > runtime.js_max_count {
            bad("runtime.js_min_count", "must not be above runtime.js_max_count");
        }
        if runtime.lua_min_count > runtime.lua_max_count {
            bad("runtime.lua_min_count", "must not be above runtime.lua_max_count");
        }
        for host in &runtime.http_allow_hosts {
            if let Err(error) = host.parse::<HostPattern>() {
                bad("runtime.http_allow_hosts", &error.to_string());
            }
        }
        for network in &runtime.http_deny_networks {
            if network.parse::<IpNet>().is_err() {
                bad("runtime.http_deny_networks", &format!("{network:?} is no network"));
            }
        }
        let entry = &runtime.js_entrypoint;
        let known = |e: &std::ffi::OsStr| ["js", "mjs", "ts", "mts"].iter().any(|k| e == *k);
        if !entry.as_os_str().is_empty() && !entry.extension().is_some_and(known) {
            bad("runtime.js_entrypoint", "must end in .js, .mjs, .ts or .mts");
        }
    }
}

/// The values of a section that another crate owns.
fn foreign<T: serde::Serialize>(section: &str, value: &T, out: &mut Values) {
    // These types consist of numbers, words and lists, which always can be written.
    let value = Value::serialize(value).expect("a configuration section can be written");
    flatten(section, value, out);
}

fn flatten(path: &str, value: Value, out: &mut Values) {
    if let Value::Dict(_, entries) = value {
        for (name, value) in entries {
            flatten(&format!("{path}.{name}"), value, out);
        }
    } else if let Some(row) = find(path)
        && !matches!(value, Value::Empty(..))
    {
        out.insert(row.key, plain(value));
    }
}

/// Whole numbers in the one type that all others have, so that they compare.
fn plain(value: Value) -> Value {
    let unsigned = value.to_u128().and_then(|n| i64::try_from(n).ok());
    let whole = unsigned.or_else(|| value.to_i128().and_then(|n| i64::try_from(n).ok()));
    whole.map_or(value, Value::from)
}

/// The options whose values the settings keep.
pub(crate) fn kept() -> impl Iterator<Item = &'static OptionRow> {
    options().filter(|row| row.is_kept())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(settings: &Settings) -> Vec<String> {
        let mut problems = Vec::new();
        settings.validate(&mut problems);
        problems
    }

    /// Settings with secrets, as a server would have them.
    fn fine() -> Settings {
        let mut settings = Settings::default();
        settings.session.encryption_key = Secret::new("a".repeat(32));
        settings.session.refresh_encryption_key = Secret::new("b".repeat(32));
        settings
    }

    #[test]
    fn the_default_is_valid_but_for_its_secrets() {
        assert_eq!(problems(&fine()), Vec::<String>::new());
    }

    #[test]
    fn all_problems_are_told_each_by_an_options_name() {
        let mut settings = fine();
        settings.name = "much.too.long.a.name".into();
        settings.metrics.address = "nowhere".into();
        settings.metrics.prometheus_port = 7350;
        settings.telemetry.otlp.endpoint = "collector:4317".into();
        settings.runtime.js_min_count = 99;
        settings.mfa.storage_encryption_key = Secret::new("short");
        settings.socket.ping_period_ms = settings.socket.pong_wait_ms;
        settings.session.single_party = true;
        settings.presence.max_streams_per_session = 0;
        let told = problems(&settings);
        assert_eq!(told.len(), 9, "{told:#?}");
        for text in told {
            let key = text.split([':', ' ']).next().unwrap();
            assert!(find(key).is_some(), "{text}");
        }
    }

    #[test]
    fn nothing_that_prints_itself_shows_a_secret() {
        let mut settings = fine();
        settings.database.address = vec![Secret::new("root:hush@db")];
        settings.runtime.env = vec![Secret::new("KEY=hush")];
        settings.socket.server_key = Secret::new("hush");
        settings.iap.apple.shared_password = Secret::new("hush");
        assert!(!format!("{settings:?}").contains("hush"));
        assert_eq!(settings.runtime_env()["KEY"], "hush");
    }
}
