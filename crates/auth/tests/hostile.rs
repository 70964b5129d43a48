//! Input from anybody: nothing panics, nothing forged is believed.

use std::sync::LazyLock;

use proptest::prelude::*;
use tavern_auth::{
    KeyRing, Lifetimes, MAX_TOKEN_BYTES, SessionPair, TokenKind, Tokens, Vars, log_in_id,
};
use tavern_domain::{Secret, SeededEntropy, Timestamp, UserId};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_seconds(1_795_206_603);

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| tokens("session key", "refresh key"));

fn tokens(session: &str, refresh: &str) -> Tokens {
    let ring = |key: &str| {
        KeyRing::new(&Secret::new(key), &[Secret::new(format!("older {key}"))]).expect("two keys")
    };
    let lifetimes = Lifetimes { session_sec: 60, refresh_sec: 3600 };
    Tokens::new(ring(session), ring(refresh), lifetimes).expect("no shared key")
}

fn issue(by: &Tokens, username: &str, vars: &Vars) -> SessionPair {
    let id = log_in_id(NOW, &SeededEntropy::new(1));
    by.issue(id, UserId(Uuid::from_u128(7)), username, vars, NOW).expect("it is small enough")
}

/// All ways to look at a token.
fn is_believed(token: &str) -> bool {
    TOKENS.verify(TokenKind::Session, token, NOW).is_ok()
        || TOKENS.verify(TokenKind::Refresh, token, NOW).is_ok()
        || TOKENS.verify_match(token, NOW).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_is_believed(text: String) {
        prop_assert!(!is_believed(&text));
    }

    #[test]
    fn nothing_that_looks_like_a_token_is_believed(
        text in "[A-Za-z0-9_-]{0,80}(\\.[A-Za-z0-9_=-]{0,80}){0,4}",
    ) {
        prop_assert!(!is_believed(&text));
    }

    #[test]
    fn headers_of_any_shape_are_read_without_a_panic(
        header in "\\{(\"(alg|typ|kid|crit|b64)\":(\"(HS256|none|JWT|x)\"|null|1|\\[\\]|\\{\\}),?){0,5}\\}",
        claims in "[A-Za-z0-9_-]{0,20}",
    ) {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
        for signature in ["", "A", &"A".repeat(43)] {
            let token = format!("{encoded}.{claims}.{signature}");
            prop_assert!(!is_believed(&token));
        }
    }

    #[test]
    fn no_change_of_a_token_is_believed(
        at: prop::sample::Index, with in "[A-Za-z0-9._=-]", cut in 0..3usize, refresh: bool,
    ) {
        let pair = issue(&TOKENS, "ann", &Vars::from([("team".into(), "red".into())]));
        let token = if refresh { pair.refresh_token } else { pair.token };
        prop_assert!(is_believed(&token));
        let at = at.index(token.len());
        let end = (at + cut).min(token.len());
        let changed = format!("{}{with}{}", &token[..at], &token[end..]);
        prop_assert_eq!(is_believed(&changed), changed == token);
    }

    #[test]
    fn parts_of_good_tokens_do_not_make_another(order in prop::sample::subsequence((0..9).collect::<Vec<_>>(), 3)) {
        let pair = issue(&TOKENS, "ann", &Vars::new());
        let theirs = issue(&tokens("their key", "their other key"), "ann", &Vars::new());
        let all: Vec<_> = [&pair.token, &pair.refresh_token, &theirs.token]
            .into_iter().flat_map(|t| t.split('.')).collect();
        let made = order.iter().map(|i| all[*i]).collect::<Vec<_>>().join(".");
        let genuine = made == pair.token || made == pair.refresh_token;
        prop_assert_eq!(is_believed(&made), genuine);
    }

    #[test]
    fn whatever_is_issued_comes_back_the_same(
        username in "\\PC{0,128}|[\\x00-\\x7f]{0,128}",
        vars in prop::collection::btree_map(any::<String>(), any::<String>(), 0..8),
    ) {
        let pair = issue(&TOKENS, &username, &vars);
        let claims = TOKENS.verify(TokenKind::Session, &pair.token, NOW).unwrap();
        prop_assert_eq!(&claims, &pair.claims);
        prop_assert_eq!(&*claims.username, username.as_str());
        prop_assert_eq!(claims.vars, vars);
        prop_assert!(pair.token.len() <= MAX_TOKEN_BYTES);
    }

    #[test]
    fn keys_of_others_are_not_ours(key in ".{1,64}") {
        prop_assume!(key.trim_end_matches('\0') != "session key");
        let theirs = issue(&tokens(&key, "their refresh key"), "ann", &Vars::new());
        prop_assert!(!is_believed(&theirs.token));
    }
}
