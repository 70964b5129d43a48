//! Tokens from outside: minted, narrowed, vouched for, used, revoked.

use crate::support::{ANN, BOB, World, call, never, rights};
use tavern_delegation::{
    Action, DelegationError, Element, Grant, Interface, MAX_BLOCKS, MAX_ELEMENTS, MAX_REVOKED,
    MAX_TOKEN_BYTES, Name, Narrowing, OPEN_SOCKET, PartnerFact, SigningKey, Standing, append,
    attenuate, inspect, is_delegated, request, vouch,
};
use tavern_domain::{Classify as _, ErrorCode, SeededEntropy, Timestamp};

fn collections(names: &[&str]) -> Narrowing {
    let things = names.iter().map(|name| (Name::Collection, (*name).to_owned())).collect();
    Narrowing { things, ..Narrowing::default() }
}

fn of(collection: &str) -> Element {
    Element::of(Name::Collection, collection)
}

#[tokio::test]
async fn a_token_allows_what_it_was_minted_for_and_nothing_else() {
    let world = World::new().await;
    let token = world.mint(&["ReadStorageObjects", "ListFriends"]);
    assert!(is_delegated(&token) && !is_delegated("a.b.c") && !is_delegated(""));
    for (name, allowed) in
        [("ReadStorageObjects", true), ("ListFriends", true), ("WriteStorageObjects", false)]
    {
        assert_eq!(world.may(&token, call(name), vec![]), allowed, "{name}");
    }
    let read = world.verify(&token).unwrap();
    assert_eq!((read.user(), &*read.username()), (ANN, "ann"));
    assert_eq!(read.vars().get("team").map(String::as_str), Some("red"));
}

#[tokio::test]
async fn the_wide_rights_leave_out_what_has_to_be_named() {
    let world = World::new().await;
    let (all, read) = (world.mint(&["*"]), world.mint(&["read"]));
    let reads = call("ListFriends");
    let mut writes = call("AddFriends");
    writes.action = Action::Write;
    let mut guarded = call("DeleteAccount");
    guarded.standing = Standing::Guarded;
    let seen = |token: &str| [reads, writes, guarded].map(|call| world.may(token, call, vec![]));
    assert_eq!(seen(&all), [true, true, false]);
    assert_eq!(seen(&read), [true, false, false]);
    let named = world.mint(&["DeleteAccount"]);
    assert!(world.may(&named, guarded, vec![]));
    // Some things no right opens.
    let everything = world.mint(&["*", "MintToken"]);
    assert!(!world.may(&everything, never("MintToken"), vec![]));
}

#[tokio::test]
async fn anybody_narrows_a_token_and_every_thing_of_a_call_has_to_pass() {
    let world = World::new().await;
    let token = attenuate(&world.mint(&["*"]), &collections(&["saves", "replays"])).unwrap();
    let may = |things: Vec<Element>| world.may(&token, call("ReadStorageObjects"), things);
    assert!(may(vec![of("saves")]));
    assert!(may(vec![of("saves"), of("replays"), of("saves")]));
    assert!(!may(vec![of("saves"), of("secrets")]), "one of both is not enough");
    assert!(!may(vec![]), "nothing is none of them");
    // Narrowed again, by somebody else; then what was left out before cannot come back.
    let narrower = attenuate(&token, &collections(&["replays", "secrets"])).unwrap();
    let may = |name| world.may(&narrower, call("ReadStorageObjects"), vec![of(name)]);
    assert_eq!(["saves", "replays", "secrets"].map(may), [false, true, false]);
}

#[tokio::test]
async fn things_of_several_names_are_alternatives_and_sockets_still_open() {
    let world = World::new().await;
    let mut narrowing = collections(&["saves"]);
    narrowing.things.push((Name::Board, "weekly".to_owned()));
    let token = attenuate(&world.mint(&["*"]), &narrowing).unwrap();
    let may = |name, thing| world.may(&token, call(name), vec![thing]);
    assert!(may("ReadStorageObjects", of("saves")));
    assert!(may("ListLeaderboardRecords", Element::of(Name::Board, "weekly")));
    assert!(!may("ListLeaderboardRecords", Element::of(Name::Board, "saves")));
    assert!(may(OPEN_SOCKET, Element::nothing()));
    assert!(!may("ListFriends", Element::nothing()));
}

#[tokio::test]
async fn calls_interfaces_and_reading_are_narrowed_too() {
    let world = World::new().await;
    let token = world.mint(&["*"]);
    let narrow = |narrowing: Narrowing| attenuate(&token, &narrowing).unwrap();
    let calls = narrow(Narrowing { calls: vec!["ListFriends".into()], ..Narrowing::default() });
    assert!(world.may(&calls, call("ListFriends"), vec![]));
    assert!(!world.may(&calls, call("ListGroups"), vec![]));
    let grpc = narrow(Narrowing { interfaces: vec![Interface::Grpc], ..Narrowing::default() });
    let mut by_grpc = call("ListFriends");
    assert!(!world.may(&grpc, by_grpc, vec![]));
    by_grpc.interface = Interface::Grpc;
    assert!(world.may(&grpc, by_grpc, vec![]));
    let read = narrow(Narrowing { read_only: true, ..Narrowing::default() });
    let mut writes = call("AddFriends");
    writes.action = Action::Write;
    assert!(world.may(&read, call("ListFriends"), vec![]) && !world.may(&read, writes, vec![]));
}

#[tokio::test]
async fn a_token_expires_and_its_narrowed_form_may_expire_before() {
    let world = World::new().await;
    let token = world.mint(&["*"]);
    let until = world.now().plus_seconds(10);
    let short =
        attenuate(&token, &Narrowing { expires: Some(until), ..Narrowing::default() }).unwrap();
    let late = world.now().plus_seconds(1_000_000);
    let longer =
        attenuate(&token, &Narrowing { expires: Some(late), ..Narrowing::default() }).unwrap();
    assert!(world.may(&short, call("ListFriends"), vec![]));
    world.clock.advance_seconds(10);
    assert!(!world.may(&short, call("ListFriends"), vec![]));
    assert!(world.may(&token, call("ListFriends"), vec![]));
    world.clock.advance_seconds(3_590);
    for token in [&token, &longer] {
        assert!(matches!(world.verify(token), Err(DelegationError::Expired)));
    }
    let ask = |lives| world.delegations.mint(&rights(&["*"]), Some(lives)).map(|_| ());
    assert!(matches!(ask(0), Err(DelegationError::BadGrant(_))));
    assert!(matches!(ask(86_401), Err(DelegationError::BadGrant(_))));
    assert!(ask(86_400).is_ok());
}

#[tokio::test]
async fn a_partner_vouches_in_the_token_that_it_was_asked_for() {
    let world = World::new().await;
    let partner = SigningKey::generate(&SeededEntropy::new(40));
    let stranger = SigningKey::generate(&SeededEntropy::new(41));
    let member = PartnerFact::parse("member=guild-7").unwrap();
    let requires = vec![(member.clone(), partner.public_text())];
    let grant = Grant {
        narrowing: Narrowing { requires, ..Narrowing::default() },
        ..rights(&["ListFriends"])
    };
    let token = world.delegations.mint(&grant, None).unwrap().token;
    let may = |token: &str| world.may(token, call("ListFriends"), vec![]);
    assert!(!may(&token), "nobody has vouched yet");
    let asked = request(&token).unwrap();
    let answer = |key, fact: &PartnerFact| {
        vouch(&asked, key, std::slice::from_ref(fact), &Narrowing::default()).unwrap()
    };
    let vouched = append(&token, &answer(&partner, &member)).unwrap();
    assert!(may(&vouched));
    assert!(!may(&append(&token, &answer(&stranger, &member)).unwrap()), "by somebody else");
    let other = PartnerFact::parse("member=guild-8").unwrap();
    assert!(!may(&append(&token, &answer(&partner, &other)).unwrap()), "something else");
    // The block is good in no other token, and a fact that nobody signed is none of the partner's.
    let again = world.delegations.mint(&grant, None).unwrap().token;
    let moved = append(&again, &answer(&partner, &member));
    assert!(moved.is_err() || world.verify(&moved.unwrap()).is_err());
    assert_eq!(inspect(&vouched, None).unwrap().blocks[1].partner, Some(partner.public_text()));
}

#[tokio::test]
async fn revoking_reaches_the_token_and_all_narrowed_from_it() {
    let world = World::new().await;
    let token = world.mint(&["*"]);
    let other = world.mint(&["*"]);
    let narrowed = attenuate(&token, &collections(&["saves"])).unwrap();
    let further = attenuate(&narrowed, &collections(&["saves"])).unwrap();
    let sibling = attenuate(&token, &collections(&["saves"])).unwrap();
    // All are in the cache.
    for token in [&token, &other, &narrowed, &further, &sibling] {
        world.verify(token).unwrap();
    }
    world.delegations.revoke_token(ANN, &narrowed).await.unwrap();
    let good = |tokens: &[&String]| -> Vec<bool> {
        tokens.iter().map(|token| world.verify(token).is_ok()).collect()
    };
    let all = [&token, &other, &narrowed, &further, &sibling];
    assert_eq!(good(&all), [true, true, false, false, true]);
    let id = &inspect(&token, None).unwrap().blocks[0].revocation_id;
    world.delegations.revoke_id(BOB, id).await.unwrap();
    assert_eq!(good(&all), [true, true, false, false, true], "another's hand reaches nothing");
    assert!(world.delegations.revoke_token(BOB, &token).await.is_err());
    world.delegations.revoke_id(ANN, id).await.unwrap();
    assert_eq!(good(&all), [false, true, false, false, false]);
    for bad in ["", "00", &"zz".repeat(64)] {
        let error = world.delegations.revoke_id(ANN, bad).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
}

#[tokio::test]
async fn revoking_all_reaches_what_was_minted_before_and_survives_a_restart() {
    let mut world = World::new().await;
    let before = world.mint(&["*"]);
    let of_bob = world.delegations.mint(&Grant { user: BOB, ..rights(&["*"]) }, None).unwrap();
    world.delegations.revoke_all(ANN).await.unwrap();
    // In the same millisecond, for the clock stands still.
    let after = world.mint(&["*"]);
    let check = |world: &World| {
        assert!(matches!(world.verify(&before), Err(DelegationError::Revoked)));
        assert!(world.verify(&after).is_ok() && world.verify(&of_bob.token).is_ok());
    };
    check(&world);
    world.restart().await;
    check(&world);
    // Again in the same millisecond: what was minted in between is reached too.
    let between = world.mint(&["*"]);
    world.delegations.revoke_all(ANN).await.unwrap();
    assert!(world.verify(&between).is_err());
    assert!(world.verify(&world.mint(&["*"])).is_ok());
    // Revocations are kept until the last token they concern has expired by itself.
    world.clock.advance_seconds(86_400);
    world.delegations.tidy().await.unwrap();
    assert_eq!(world.delegations.revocations(), 1);
    world.clock.advance_seconds(120);
    world.delegations.tidy().await.unwrap();
    assert_eq!(world.delegations.revocations(), 0);
}

#[tokio::test]
async fn a_clock_that_is_set_back_revives_nothing() {
    let world = World::new().await;
    let token = world.mint(&["*"]);
    world.clock.advance_seconds(-5);
    world.delegations.revoke_all(ANN).await.unwrap();
    assert!(world.verify(&token).is_err());
}

#[tokio::test]
async fn single_revocations_of_a_user_are_bounded() {
    let world = World::new().await;
    for n in 0..MAX_REVOKED {
        world.delegations.revoke_id(ANN, &format!("{n:0128x}")).await.unwrap();
    }
    let one_more = format!("{MAX_REVOKED:0128x}");
    let error = world.delegations.revoke_id(ANN, &one_more).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ResourceExhausted);
    world.delegations.revoke_id(ANN, &format!("{:0128x}", 1)).await.unwrap();
    world.delegations.revoke_id(BOB, &one_more).await.unwrap();
    world.delegations.revoke_all(ANN).await.unwrap();
}

#[tokio::test]
async fn a_token_needs_its_account() {
    let world = World::new().await;
    let token = world.verify(&world.mint(&["*"])).unwrap();
    world.delegations.confirm(&token).await.unwrap();
    world.ban(ANN).await;
    world.delegations.confirm(&token).await.expect("it was looked up a moment ago");
    world.clock.advance_seconds(30);
    assert!(matches!(world.delegations.confirm(&token).await, Err(DelegationError::NoAccount)));
    let nobody = Grant { user: BOB, ..rights(&["*"]) };
    let nobody = world.verify(&world.delegations.mint(&nobody, None).unwrap().token).unwrap();
    assert!(matches!(world.delegations.confirm(&nobody).await, Err(DelegationError::NoAccount)));
}

#[tokio::test]
async fn keys_are_rotated() {
    let mut world = World::new().await;
    let by_old = world.mint(&["*"]);
    let old = world.config.clone();
    let public = SigningKey::parse(&old.signing_key).unwrap().public_text();
    world.config.signing_key = SigningKey::generate(&SeededEntropy::new(8)).secret();
    world.config.signing_key_id = 2;
    world.restart().await;
    assert!(world.verify(&by_old).is_err(), "the old key is not believed any more");
    world.config.public_keys = vec![format!("1:{public}")];
    world.restart().await;
    let by_new = world.mint(&["*"]);
    assert!(world.verify(&by_old).is_ok() && world.verify(&by_new).is_ok());
    // A node that only verifies mints nothing.
    world.config.signing_key = tavern_domain::Secret::default();
    world.restart().await;
    assert!(world.verify(&by_old).is_ok() && world.verify(&by_new).is_err());
    let refused = world.delegations.mint(&rights(&["*"]), None).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::FailedPrecondition);
    // The number alone decides which key is tried.
    world.config.public_keys = vec![format!("3:{public}")];
    world.restart().await;
    assert!(world.verify(&by_old).is_err());
    world.config.public_keys.clear();
    world.restart().await;
    assert_eq!(world.verify(&by_old).unwrap_err().code(), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn bounds_hold() {
    let world = World::new().await;
    let mut token = world.mint(&["*"]);
    let things: Vec<_> = (0..=MAX_ELEMENTS).map(|n| of(&n.to_string())).collect();
    let read = world.verify(&token).unwrap();
    let call = call("ReadStorageObjects");
    let most = things[..MAX_ELEMENTS].to_vec();
    assert!(world.delegations.authorize(&read, call, most).is_ok());
    let error = world.delegations.authorize(&read, call, things).unwrap_err();
    assert!(matches!(error, DelegationError::TooMuch));
    for _ in 1..MAX_BLOCKS {
        token = attenuate(&token, &collections(&["saves"])).unwrap();
    }
    assert!(world.may(&token, call, vec![of("saves")]));
    let error = attenuate(&token, &collections(&["saves"])).unwrap_err();
    assert!(matches!(error, DelegationError::BadGrant(_)));
    let long = "A".repeat(MAX_TOKEN_BYTES + 4);
    assert!(matches!(world.verify(&long), Err(DelegationError::TooLong)));
    let nothing = attenuate(&token, &Narrowing::default()).unwrap_err();
    assert!(matches!(nothing, DelegationError::BadGrant(_)));
}

#[tokio::test]
async fn a_token_is_shown_with_what_revokes_it() {
    let world = World::new().await;
    let minted = world.delegations.mint(&rights(&["*"]), None).unwrap();
    let keys = world.config.keys().unwrap();
    let seen = inspect(&minted.token, Some(&keys)).unwrap();
    assert_eq!(seen.good, Some(Ok(())));
    assert_eq!((seen.key_id, seen.blocks.len()), (Some(1), 1));
    assert_eq!(seen.blocks[0].revocation_id, minted.revocation_id);
    assert!(seen.blocks[0].code.contains(&ANN.to_string()), "{seen:?}");
    assert!(!format!("{minted:?}").contains(&minted.token));
    assert_eq!(minted.expires, Timestamp::from_seconds(world.now().seconds() + 3_600));
    let mut bent = minted.token.clone().into_bytes();
    let at = bent.len() / 2;
    bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
    let bent = String::from_utf8(bent).unwrap();
    assert!(
        inspect(&bent, Some(&keys)).is_ok_and(|seen| seen.good != Some(Ok(())))
            || inspect(&bent, None).is_err()
    );
}

#[tokio::test]
async fn a_known_token_is_not_verified_again_and_calls_are_counted() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let counts: [Arc<AtomicU64>; 4] = std::array::from_fn(|_| Arc::default());
    let counter = |at: usize| metrics::Counter::from_arc(Arc::clone(&counts[at]));
    let mut world = World::new().await;
    world.meters.allowed = counter(0);
    world.meters.denied = counter(1);
    world.meters.cache_hits = counter(2);
    world.meters.cache_misses = counter(3);
    world.restart().await;
    let token = world.mint(&["ListFriends"]);
    assert!(world.may(&token, call("ListFriends"), vec![]));
    assert!(world.may(&token, call("ListFriends"), vec![]));
    assert!(!world.may(&token, call("ListGroups"), vec![]));
    let seen = counts.each_ref().map(|count| count.load(Ordering::SeqCst));
    assert_eq!(seen, [2, 1, 2, 1]);
    // A token that is not good is forgotten, not remembered as bad.
    world.delegations.revoke_all(ANN).await.unwrap();
    assert!(world.verify(&token).is_err() && world.verify(&token).is_err());
    let seen = counts.each_ref().map(|count| count.load(Ordering::SeqCst));
    assert_eq!(seen, [2, 1, 3, 2]);
}
