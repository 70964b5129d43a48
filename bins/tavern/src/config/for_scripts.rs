//! The settings that server code may read.

use serde_json::{Map, Value};

use super::settings::Settings;

/// What `get_config` answers, in the groups that the dots make. Server code of the studio is
/// trusted with the keys.
const READ: &[&str] = &[
    "google_auth.credentials_json",
    "iap.apple.notifications_endpoint_id",
    "iap.apple.shared_password",
    "iap.facebook_instant.app_secret",
    "iap.google.client_email",
    "iap.google.notifications_endpoint_id",
    "iap.google.private_key",
    "iap.huawei.client_id",
    "iap.huawei.client_secret",
    "iap.huawei.public_key",
    "iap.samsung.package_name",
    "logger.level",
    "name",
    "runtime.env",
    "runtime.http_key",
    "session.encryption_key",
    "session.refresh_encryption_key",
    "session.refresh_token_expiry_sec",
    "session.single_match",
    "session.single_party",
    "session.single_session",
    "session.single_socket",
    "session.token_expiry_sec",
    "shutdown_grace_sec",
    "social.apple.bundle_id",
    "social.facebook_instant_game.app_secret",
    "social.facebook_limited_login.app_id",
    "social.steam.app_id",
    "social.steam.publisher_key",
    "socket.address",
    "socket.port",
    "socket.protocol",
    "socket.server_key",
];

/// Of a service that this server does not talk to. Modules find them, and find them empty.
const EMPTY: &[&str] =
    &["satori.api_key", "satori.api_key_name", "satori.signing_key", "satori.url"];

impl Settings {
    /// What server code may read, as a JSON object. Holds secrets.
    #[must_use]
    pub fn for_scripts(&self) -> String {
        let values = self.all_values();
        let mut all = Map::new();
        for name in READ {
            let value = values.get(name).map(serde_json::to_value);
            put(&mut all, name, value.and_then(Result::ok).unwrap_or_default());
        }
        for name in EMPTY {
            put(&mut all, name, Value::from(""));
        }
        Value::Object(all).to_string()
    }
}

fn put(group: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => drop(group.insert(name.to_owned(), value)),
        Some((first, rest)) => {
            let inner = group.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavern_domain::Secret;

    #[test]
    fn every_setting_is_found() {
        let mut settings = Settings::default();
        settings.socket.server_key = Secret::new("a-made-up-key");
        settings.runtime.env = vec![Secret::new("region=north")];
        let shown: Value = serde_json::from_str(&settings.for_scripts()).unwrap();
        for name in READ {
            let found = shown.pointer(&format!("/{}", name.replace('.', "/")));
            assert!(found.is_some_and(|value| !value.is_null()), "{name} in {shown}");
        }
        assert_eq!(shown["socket"]["server_key"], "a-made-up-key");
        assert_eq!(shown["socket"]["port"], 7350);
        assert_eq!(shown["runtime"]["env"][0], "region=north");
        assert_eq!(shown["session"]["single_socket"], false);
        assert_eq!(shown["satori"]["url"], "");
    }
}
