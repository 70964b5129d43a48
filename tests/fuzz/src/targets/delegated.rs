//! Delegated tokens, requests to partners and their blocks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use tavern_delegation::{
    DelegationConfig, Grant, MAX_TOKEN_BYTES, Name, Narrowing, SigningKey, append, attenuate,
    inspect, mint, request, vouch,
};
use tavern_domain::{SeededEntropy, Timestamp};

/// A token, a request or a block, as a text or as what the text stands for: whichever it is taken
/// for, nothing breaks, nobody believes it, and what can be narrowed stays within the bounds.
pub fn delegated(data: &[u8]) {
    let key = SigningKey::generate(&SeededEntropy::new(1));
    let config = DelegationConfig { signing_key: key.secret(), ..DelegationConfig::default() };
    let keys = config.keys().expect("a key");
    let things = vec![(Name::Collection, "saves".to_owned())];
    let narrowing = Narrowing { things, ..Narrowing::default() };
    let partner = SigningKey::generate(&SeededEntropy::new(2));
    let grant = Grant { rights: vec!["read".to_owned()], ..Grant::default() };
    let entropy = SeededEntropy::new(3);
    let own = mint(&config, &grant, None, Timestamp::from_seconds(1_700_000_000), &entropy);
    let own = own.expect("a token").token;
    let written = URL_SAFE.encode(data);
    for text in std::str::from_utf8(data).ok().into_iter().chain([written.as_str()]) {
        if let Ok(seen) = inspect(text, Some(&keys)) {
            assert!(text == own || seen.good != Some(Ok(())), "a forged token was believed");
            if let Ok(narrow) = attenuate(text, &narrowing) {
                assert!(narrow.len() <= MAX_TOKEN_BYTES);
                let again = inspect(&narrow, None).expect("just written");
                assert_eq!(again.blocks.len(), seen.blocks.len() + 1);
                assert!(request(text).is_ok(), "what can be narrowed can be vouched for");
            }
        }
        if let Ok(block) = vouch(text, &partner, &[], &narrowing) {
            // Good only if the text is a request of this very token.
            if let Ok(more) = append(&own, &block) {
                assert!(inspect(&more, None).is_ok());
            }
        }
        if let Ok(more) = append(&own, text) {
            assert!(inspect(&more, None).is_ok());
        }
    }
}
