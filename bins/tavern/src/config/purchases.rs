//! The stores that players buy in.

use std::path::Path;

use tavern_domain::Secret;
use tavern_purchases as purchases;

use super::table::section;

const NOTIFICATIONS: &str = "notifications of stores";

section! {
    /// Purchases in Apple's store.
    pub struct IapApple in "iap.apple." {
        /// Shared secret of the store: checks receipts
        shared_password: Secret = Secret::default();
        /// App that a receipt or signed transaction must be of; empty means any
        bundle_id: String = String::new();
        /// Certificate that signed transactions must go back to, a PEM file; empty means Apple's
        authority: String = String::new();
        /// Where receipts are checked
        production_url: String = purchases::AppleConfig::default().production_url;
        /// Where receipts of trials are checked
        sandbox_url: String = purchases::AppleConfig::default().sandbox_url;
        /// Secret part of the path that the store calls; empty means it calls nowhere
        notifications_endpoint_id: Secret = Secret::default(), later(NOTIFICATIONS);
    }
}

section! {
    /// Purchases in Facebook Instant Games.
    pub struct FacebookInstant in "iap.facebook_instant." {
        /// Checks the signatures of purchases
        app_secret: Secret = Secret::default();
    }
}

section! {
    /// Purchases in Google's store.
    pub struct IapGoogle in "iap.google." {
        /// Mail address of the service account
        client_email: String = String::new();
        /// Key of the service account, in PEM
        private_key: Secret = Secret::default();
        /// Where the service account gets its access tokens
        token_url: String = purchases::GoogleConfig::default().token_url;
        /// Where purchases are looked up
        api_url: String = purchases::GoogleConfig::default().api_url;
        /// Secret part of the path that the store calls; empty means it calls nowhere
        notifications_endpoint_id: Secret = Secret::default(), later(NOTIFICATIONS);
        /// Had an effect once; purchases name their package themselves
        package_name: String = String::new(), deprecated("nothing: it has no effect");
        /// Had an effect once; the store tells of refunds by itself
        refund_check_period_min: u32 = 0, deprecated("nothing: it has no effect");
    }
}

section! {
    /// Purchases in Huawei's store.
    pub struct IapHuawei in "iap.huawei." {
        /// Client of the store
        client_id: String = String::new();
        /// Secret of the client
        client_secret: Secret = Secret::default();
        /// Checks the signatures of purchases: Base64 of an RSA key
        public_key: String = String::new();
        /// Where the client gets its access tokens
        token_url: String = purchases::HuaweiConfig::default().token_url;
        /// Where purchases are looked up
        orders_url: String = purchases::HuaweiConfig::default().orders_url;
        /// Where purchases of AppTouch accounts are looked up
        app_touch_url: String = purchases::HuaweiConfig::default().app_touch_url;
    }
}

section! {
    /// Purchases in Samsung's store.
    pub struct IapSamsung in "iap.samsung." {
        /// Package that a receipt must be made for; empty means any
        package_name: String = String::new();
        /// Where receipts are looked up
        url: String = purchases::SamsungConfig::default().url;
    }
}

/// Purchases.
#[derive(Clone, PartialEq, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Iap {
    /// Apple's store.
    pub apple: IapApple,
    /// Facebook Instant Games.
    pub facebook_instant: FacebookInstant,
    /// Google's store.
    pub google: IapGoogle,
    /// Huawei's store.
    pub huawei: IapHuawei,
    /// Samsung's store.
    pub samsung: IapSamsung,
}

impl Iap {
    /// What the stores are asked with.
    ///
    /// # Errors
    /// When the authority's file cannot be read, or is no certificate.
    pub fn stores(&self) -> anyhow::Result<purchases::Config> {
        let Self { apple, facebook_instant, google, huawei, samsung } = self.clone();
        let authority = match apple.authority.as_str() {
            "" => purchases::AppleConfig::default().authority,
            path => authority(Path::new(path))?,
        };
        Ok(purchases::Config {
            apple: purchases::AppleConfig {
                shared_password: apple.shared_password,
                bundle_id: apple.bundle_id,
                authority,
                production_url: apple.production_url,
                sandbox_url: apple.sandbox_url,
            },
            google: purchases::GoogleConfig {
                client_email: google.client_email,
                private_key: google.private_key,
                token_url: google.token_url,
                api_url: google.api_url,
            },
            huawei: purchases::HuaweiConfig {
                client_id: huawei.client_id,
                client_secret: huawei.client_secret,
                public_key: huawei.public_key,
                token_url: huawei.token_url,
                orders_url: huawei.orders_url,
                app_touch_url: huawei.app_touch_url,
            },
            facebook_instant: purchases::FacebookInstantConfig {
                app_secret: facebook_instant.app_secret,
            },
            samsung: purchases::SamsungConfig {
                package_name: samsung.package_name,
                url: samsung.url,
            },
            ..purchases::Config::default()
        })
    }
}

fn authority(path: &Path) -> anyhow::Result<purchases::Authority> {
    use anyhow::Context as _;
    let why = || format!("iap.apple.authority: cannot use {}", path.display());
    let pem = std::fs::read(path).with_context(why)?;
    purchases::authority(&pem).with_context(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_that_is_none_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no certificate").unwrap();
        for path in [file.path().to_str().unwrap(), "/no/such/file"] {
            let mut iap = Iap::default();
            iap.apple.authority = path.to_owned();
            let text = format!("{:#}", iap.stores().unwrap_err());
            assert!(text.starts_with("iap.apple.authority: cannot use "), "{text}");
            assert!(text.contains(path), "{text}");
        }
        assert!(Iap::default().stores().is_ok());
    }
}
