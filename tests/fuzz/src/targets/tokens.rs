//! Session tokens, refresh tokens and match tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tavern_auth::{KeyRing, Lifetimes, TokenError, TokenKind, Tokens};
use tavern_domain::{Secret, Timestamp};

use super::first_line;

const SESSION_KEY: &str = "session-key-of-the-fuzz-targets-0";
const REFRESH_KEY: &str = "refresh-key-of-the-fuzz-targets-0";

fn tokens() -> Tokens {
    let ring = |key: &str| {
        let previous = Secret::new(format!("{key}-before"));
        KeyRing::new(&Secret::new(key), &[previous]).expect("keys")
    };
    let lifetimes = Lifetimes { session_sec: 60, refresh_sec: 3600 };
    Tokens::new(ring(SESSION_KEY), ring(REFRESH_KEY), lifetimes).expect("keys")
}

fn sign(key: &str, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes()).expect("any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// A byte for the way, then a token as it came, or a header and claims, one line each, that are
/// signed with the right key: what comes behind a good signature was still written by somebody
/// else, such as another server on the same keys.
pub fn token(data: &[u8]) {
    let Some((way, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let tokens = tokens();
    let now = Timestamp::from_seconds(1_700_000_000);
    let (kind, key) = if way & 1 == 0 {
        (TokenKind::Session, SESSION_KEY)
    } else {
        (TokenKind::Refresh, REFRESH_KEY)
    };
    let (header, claims) = first_line(text);
    let (own, other) = (sign(key, header, claims), sign("another key", header, claims));
    for token in [text, own.as_str()] {
        if let Ok(claims) = tokens.verify(kind, token, now) {
            let _earlier = claims.logged_in_by(now);
            if let Ok(pair) = tokens.refresh(&claims, &claims.username, &claims.vars, now) {
                let again =
                    tokens.verify(TokenKind::Session, &pair.token, now).expect("just issued");
                assert_eq!((again.user, again.token_id), (claims.user, claims.token_id));
                assert_eq!((again.username, again.vars), (claims.username, claims.vars));
                let refresh = tokens.verify(TokenKind::Refresh, &pair.refresh_token, now);
                assert!(refresh.is_ok());
                let swapped = tokens.verify(TokenKind::Refresh, &pair.token, now);
                assert!(swapped.is_err(), "a session token is no refresh token");
            }
        }
        if let Ok(id) = tokens.verify_match(token, now) {
            let again = tokens.verify_match(&tokens.issue_match(&id, now), now);
            assert_eq!(again, Ok(id));
        }
    }
    assert!(tokens.verify(kind, &other, now).is_err(), "a forged token was believed");
    assert!(tokens.verify_match(&other, now).is_err(), "a forged token was believed");
    if let Some(cut) = own.len().checked_sub(1).filter(|cut| own.is_char_boundary(*cut)) {
        let error = tokens.verify(kind, &own[..cut], now).expect_err("a cut token was believed");
        assert_ne!(error, TokenError::Expired, "the signature is looked at first");
    }
}
