//! Access tokens, kept until shortly before they expire.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::Deserialize;
use tavern_domain::Timestamp;

/// Most accounts whose tokens are kept: server code may bring accounts of its own.
const MAX_ACCOUNTS: usize = 64;
/// How long before its end a token is no longer used, in seconds.
const GRACE: i64 = 300;

/// What an authorisation server answers.
#[derive(Deserialize)]
pub(crate) struct Granted {
    pub(crate) access_token: String,
    /// In seconds.
    #[serde(default)]
    pub(crate) expires_in: i64,
}

/// Tokens by accounts.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<[u8; 32], (Timestamp, String)>>);

impl Tokens {
    /// The token of an account, if it is still good.
    pub(crate) fn get(&self, account: &[u8; 32], now: Timestamp) -> Option<String> {
        let held = self.0.lock();
        held.get(account).filter(|(until, _)| *until > now).map(|(_, token)| token.clone())
    }

    /// Keeps a token that was just granted.
    pub(crate) fn put(&self, account: [u8; 32], granted: &Granted, now: Timestamp) {
        let until = now.plus_seconds(granted.expires_in.saturating_sub(GRACE));
        let mut held = self.0.lock();
        held.retain(|_, (until, _)| *until > now);
        if held.len() < MAX_ACCOUNTS {
            held.insert(account, (until, granted.access_token.clone()));
        }
    }

    /// Forgets a token that was refused.
    pub(crate) fn forget(&self, account: &[u8; 32]) {
        self.0.lock().remove(account);
    }
}

/// What stands for an account and its key, without holding the key.
pub(crate) fn account(id: &str, key: &str) -> [u8; 32] {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    hash.update((id.len() as u64).to_be_bytes());
    hash.update(id);
    hash.update(key);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(expires_in: i64) -> Granted {
        Granted { access_token: "token".to_owned(), expires_in }
    }

    #[test]
    fn a_token_is_used_until_five_minutes_before_its_end() {
        let (tokens, one) = (Tokens::default(), account("a", "key"));
        let now = Timestamp::from_seconds(1_000);
        tokens.put(one, &granted(3_600), now);
        assert_eq!(tokens.get(&one, now.plus_seconds(3_299)).as_deref(), Some("token"));
        assert_eq!(tokens.get(&one, now.plus_seconds(3_300)), None);
        assert_eq!(tokens.get(&account("a", "other"), now), None, "another key");
        assert_ne!(account("ab", "c"), account("a", "bc"));
        tokens.forget(&one);
        assert_eq!(tokens.get(&one, now), None, "forgotten");
    }

    #[test]
    fn no_end_of_accounts_is_no_end_of_memory() {
        let (tokens, now) = (Tokens::default(), Timestamp::from_seconds(1_000));
        for i in 0..1_000 {
            tokens.put(account(&i.to_string(), ""), &granted(i64::MAX), now);
        }
        assert_eq!(tokens.0.lock().len(), MAX_ACCOUNTS);
        tokens.put(account("short", ""), &granted(i64::MIN), now);
        assert_eq!(tokens.get(&account("short", ""), now), None, "expired before it was used");
    }
}
