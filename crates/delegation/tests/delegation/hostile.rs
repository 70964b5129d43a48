//! Tokens made to harm: wide ones, costly ones, garbage.

use crate::support::{ANN, World, call};
use biscuit_auth::builder::BlockBuilder;
use biscuit_auth::{KeyPair, PrivateKey, UnverifiedBiscuit};
use proptest::prelude::*;
use tavern_delegation::{DelegationError, Element, Name, Narrowing, append, attenuate, inspect};

/// A token with a block of any code, as other tools would append it.
fn with_block(token: &str, code: &str) -> String {
    let token = UnverifiedBiscuit::from_base64(token).unwrap();
    token.append(BlockBuilder::new().code(code).unwrap()).unwrap().to_base64().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[tokio::test]
async fn facts_of_later_blocks_are_no_rights() {
    let world = World::new().await;
    let token = world.mint(&["ListFriends"]);
    for code in [
        r#"right("*"); right("ListGroups"); right("read")"#,
        r#"call("ListFriends")"#,
        r#"user("00000000-0000-0000-0000-00000000000b")"#,
        r#"ordinary(true); action("read"); time(1970-01-01T00:00:00Z); expires(2100-01-01T00:00:00Z)"#,
    ] {
        let wide = with_block(&token, code);
        assert!(!world.may(&wide, call("ListGroups"), vec![]), "{code}");
        assert_eq!(world.verify(&wide).unwrap().user(), ANN);
        assert_eq!(world.verify(&wide).unwrap().expires(), world.verify(&token).unwrap().expires());
    }
}

#[tokio::test]
async fn a_block_meets_no_check_of_an_earlier_one() {
    let world = World::new().await;
    let things = vec![(Name::Collection, "saves".to_owned())];
    let token = attenuate(&world.mint(&["*"]), &Narrowing { things, ..Narrowing::default() });
    let wide = with_block(&token.unwrap(), r#"collection("saves"); call("OpenSocket")"#);
    let secret = vec![Element::of(Name::Collection, "secrets")];
    assert!(!world.may(&wide, call("ReadStorageObjects"), secret));
}

#[tokio::test]
async fn what_could_take_long_is_no_token() {
    let world = World::new().await;
    let token = world.mint(&["*"]);
    let facts: String = (0..60).map(|n| format!("x({n}); ")).collect();
    let join: Vec<_> = (0..12).map(|n| format!("x($v{n})")).collect();
    let set: Vec<_> = (0..300).map(|n| n.to_string()).collect();
    let set = format!("{{{}}}", set.join(", "));
    let nested = format!("{set}.any($a -> {set}.any($b -> {set}.any($c -> $a + $b + $c == 1)))");
    for (code, why) in [
        (format!("{facts} check if {}, false", join.join(", ")), "time"),
        (format!("check if {nested}"), "time"),
        ("x(1); y($a) <- x($a); check if y($a)".to_owned(), "rules"),
        (r#"check if "aaaa".matches("(a+)+$")"#.to_owned(), "regular"),
        ("check if 1.extern::f()".to_owned(), "external"),
        ("x({1, 2})".to_owned(), "collection"),
        ("check if x([1, 2])".to_owned(), "collection"),
        ("check if [[1], [2]].length() == 2".to_owned(), "within"),
    ] {
        let error = world.verify(&with_block(&token, &code)).unwrap_err();
        let DelegationError::Malformed(told) = error else { panic!("{code}: {error:?}") };
        assert!(told.contains(why) || told.contains("too long"), "{code}: {told}");
    }
    // What people write is far from the bound.
    let fine = r#"
        member("guild-7");
        check if collection($c), ["saves", "replays"].contains($c) or board($b), $b.starts_with("week");
        check all time($t), $t < 2100-01-01T00:00:00Z;
        reject if key($k), $k.ends_with(".secret");
        check if {1, 2, 3}.any($x -> $x == 3) && "a" + "b" == "ab"
    "#;
    let fine = with_block(&token, fine);
    let saves = vec![Element::of(Name::Collection, "saves").with(Name::Key, "one")];
    assert!(world.may(&fine, call("ReadStorageObjects"), saves));
    let secret = vec![Element::of(Name::Collection, "saves").with(Name::Key, "one.secret")];
    assert!(!world.may(&fine, call("ReadStorageObjects"), secret));
}

#[tokio::test]
async fn a_key_whose_signatures_have_two_forms_is_refused() {
    let world = World::new().await;
    let token = UnverifiedBiscuit::from_base64(world.mint(&["*"])).unwrap();
    let p256 = biscuit_auth::Algorithm::Secp256r1;
    let key = KeyPair::from(&PrivateKey::from_bytes(&[7; 32], p256).unwrap());
    let block = BlockBuilder::new().code("check if true").unwrap();
    let token = token.append_with_keypair(&key, block).unwrap().to_base64().unwrap();
    assert!(matches!(world.verify(&token), Err(DelegationError::Malformed(_))));
}

#[tokio::test]
async fn tokens_of_other_servers_are_not_believed() {
    let world = World::new().await;
    let forged = |number: Option<u32>| {
        let mut forged = biscuit_auth::Biscuit::builder();
        if let Some(number) = number {
            forged = forged.root_key_id(number);
        }
        forged.code(r#"user("x")"#).unwrap().build(&KeyPair::new()).unwrap().to_base64().unwrap()
    };
    for number in [None, Some(0), Some(1), Some(2)] {
        let error = world.verify(&forged(number)).unwrap_err();
        assert!(matches!(error, DelegationError::Unreadable(_)), "{number:?}");
    }
}

/// A block of facts, checks and rejections over what tokens here know, right or wrong.
fn code() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "right",
        "call",
        "user",
        "ordinary",
        "action",
        "collection",
        "interface",
        "time",
    ]);
    let value = prop::sample::select(vec![
        r#""*""#,
        r#""read""#,
        r#""ListGroups""#,
        r#""saves""#,
        r#""secrets""#,
        "true",
        "1",
    ]);
    let fact = (name.clone(), value.clone()).prop_map(|(name, value)| format!("{name}({value});"));
    let kind = prop::sample::select(vec!["check if", "check all", "reject if"]);
    let scope = prop::sample::select(vec!["", " trusting previous", " trusting authority"]);
    let check = (kind, name, value, scope)
        .prop_map(|(kind, name, value, scope)| format!("{kind} {name}({value}){scope};"));
    prop::collection::vec(prop_oneof![fact, check], 1..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is appended, and however often: what the token did not allow before, it does not
    /// allow after.
    #[test]
    fn attenuation_never_widens(blocks in prop::collection::vec(code(), 1..4), wide in any::<bool>()) {
        let world = runtime().block_on(World::new());
        let mut token = world.mint(&[if wide { "*" } else { "ListFriends" }]);
        let mut guarded = call("DeleteAccount");
        guarded.standing = tavern_delegation::Standing::Guarded;
        let calls = [call("ListFriends"), call("ListGroups"), guarded];
        let things = ["saves", "secrets"].map(|name| Element::of(Name::Collection, name));
        let seen = |token: &str| -> Vec<bool> {
            let each = calls.iter().flat_map(|call| things.iter().map(move |thing| (*call, thing)));
            each.map(|(call, thing)| world.may(token, call, vec![thing.clone()])).collect()
        };
        let mut before = seen(&token);
        for block in blocks {
            token = with_block(&token, &block);
            let after = seen(&token);
            for (before, after) in before.iter().zip(&after) {
                prop_assert!(*before || !*after, "{block}");
            }
            before = after;
        }
    }

    /// Bytes that nobody signed are refused by every function, and break none.
    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        use base64::Engine as _;
        let world = runtime().block_on(World::new());
        let text = base64::engine::general_purpose::URL_SAFE.encode(&bytes);
        prop_assert!(world.verify(&text).is_err());
        prop_assert!(inspect(&text, None).is_err());
        prop_assert!(append(&world.mint(&["*"]), &text).is_err());
    }

    /// A token with any one byte changed is refused.
    #[test]
    fn a_bent_token_is_refused(at in any::<prop::sample::Index>(), bits in 1..=255u8) {
        use base64::Engine as _;
        let world = runtime().block_on(World::new());
        let token = world.mint(&["*"]);
        let engine = base64::engine::general_purpose::URL_SAFE;
        let mut bytes = engine.decode(&token).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        let bent = world.verify(&engine.encode(&bytes));
        prop_assert!(bent.is_err(), "byte {at} of {}", bytes.len());
    }
}
