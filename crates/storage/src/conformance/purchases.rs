//! Purchases that stores have confirmed.

use futures_util::future::join_all;
use tavern_domain::{Timestamp, UserId};

use super::support::{
    MANY, NOW, Player, Suite, assert_does_not_fit, assert_same_json, cases, id, later, unique,
};
use crate::{
    Direction, NewPurchase, Purchase, PurchaseKey, PurchasePage, PurchaseWalk, RecordedPurchase,
    Storage, StorageError, Store, StoreEnvironment,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_purchase_is_kept_as_it_was_given,
            several_purchases_are_answered_in_order,
            a_purchase_that_is_brought_again_stays_whose_it_is,
            a_refund_is_taken_once_and_stays,
            an_unknown_user_keeps_nothing,
            transactions_are_given_once,
            what_does_not_fit_is_not_kept,
            no_purchases_are_fine,
            an_unknown_transaction_has_no_purchase,
            the_list_has_no_gaps_or_repeats,
            purchases_of_the_deleted_stay_as_nobodys,
            of_many_at_once_one_is_the_first,
        ]
    );
}

/// A purchase of this user.
fn bought(user: UserId) -> NewPurchase {
    NewPurchase {
        user,
        store: Store::Google,
        product: "gems".to_owned(),
        transaction: unique("transaction"),
        purchase_time: later(-60),
        refund_time: None,
        environment: StoreEnvironment::Production,
        response: r#"{"said":"yes"}"#.to_owned(),
    }
}

async fn record(storage: &Storage, new: &[NewPurchase], now: Timestamp) -> Vec<RecordedPurchase> {
    let recorded = storage.purchases.record(new, now).await.expect("record");
    recorded.expect("the users have accounts")
}

async fn list(
    storage: &Storage,
    user: UserId,
    (direction, after): (Direction, Option<&PurchaseKey>),
    limit: u32,
) -> PurchasePage<Purchase> {
    let walk = PurchaseWalk { user: Some(user), limit, direction, after };
    storage.purchases.list(walk).await.expect("list")
}

async fn a_purchase_is_kept_as_it_was_given(storage: &Storage) {
    for (store, environment) in Store::ALL.into_iter().zip([
        StoreEnvironment::Unknown,
        StoreEnvironment::Sandbox,
        StoreEnvironment::Production,
        StoreEnvironment::Unknown,
        StoreEnvironment::Sandbox,
    ]) {
        let user = Player::create(storage).await.user;
        let refund_time = (store == Store::Huawei).then_some(later(-30));
        let new = NewPurchase { store, environment, refund_time, ..bought(user) };
        let mut recorded = record(storage, std::slice::from_ref(&new), NOW).await;
        let RecordedPurchase { purchase, seen_before } = recorded.remove(0);
        assert!(!seen_before, "{store:?}");
        assert_same_json(&purchase.response, &new.response, "the answer");
        let expected = Purchase {
            user,
            store,
            product: new.product,
            transaction: new.transaction.clone(),
            purchase_time: new.purchase_time,
            create_time: NOW,
            update_time: NOW,
            refund_time,
            environment,
            response: purchase.response.clone(),
        };
        assert_eq!(purchase, expected, "answered");
        let kept = storage.purchases.get(&new.transaction).await.expect("get");
        assert_eq!(kept, Some(expected), "kept");
    }
}

async fn several_purchases_are_answered_in_order(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let known = bought(user);
    record(storage, std::slice::from_ref(&known), NOW).await;
    let all = [bought(user), known, bought(user), bought(user)];
    let recorded = record(storage, &all, later(1)).await;
    let seen: Vec<bool> = recorded.iter().map(|one| one.seen_before).collect();
    assert_eq!(seen, [false, true, false, false], "one was known");
    for (new, one) in all.iter().zip(&recorded) {
        assert_eq!(new.transaction, one.purchase.transaction, "in the order given");
    }
}

async fn a_purchase_that_is_brought_again_stays_whose_it_is(storage: &Storage) {
    let [first, other] = [Player::create(storage).await.user, Player::create(storage).await.user];
    let new = bought(first);
    record(storage, std::slice::from_ref(&new), NOW).await;
    let again = NewPurchase {
        user: other,
        store: Store::Apple,
        product: "other".to_owned(),
        purchase_time: later(-5),
        environment: StoreEnvironment::Sandbox,
        response: r#"{"said":"again"}"#.to_owned(),
        ..new.clone()
    };
    let recorded = record(storage, &[again], later(10)).await.remove(0);
    assert!(recorded.seen_before, "it was there");
    let purchase = recorded.purchase;
    assert_eq!((purchase.user, purchase.store), (first, Store::Google), "whose and where");
    assert_eq!((purchase.product.as_str(), purchase.purchase_time), ("gems", later(-60)));
    assert_eq!(purchase.environment, StoreEnvironment::Production);
    assert_same_json(&purchase.response, &new.response, "the first answer");
    assert_eq!((purchase.create_time, purchase.update_time), (NOW, later(10)), "times");
    let page = list(storage, other, (Direction::Backward, None), 10).await;
    assert_eq!(page.entries, [], "the other one has none");
}

async fn a_refund_is_taken_once_and_stays(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let new = bought(user);
    record(storage, std::slice::from_ref(&new), NOW).await;
    let refund = |time| NewPurchase { refund_time: time, ..new.clone() };
    for (given, kept) in [
        (None, None),
        (Some(later(5)), Some(later(5))),
        (None, Some(later(5))),
        (Some(later(9)), Some(later(5))),
    ] {
        let recorded = record(storage, &[refund(given)], later(20)).await.remove(0);
        assert_eq!(recorded.purchase.refund_time, kept, "{given:?}");
    }
}

async fn an_unknown_user_keeps_nothing(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let all = [bought(user), bought(UserId(id()))];
    let recorded = storage.purchases.record(&all, NOW).await.expect("record");
    assert_eq!(recorded, None, "one has no account");
    for new in &all {
        assert_eq!(storage.purchases.get(&new.transaction).await.expect("get"), None);
    }
    let nobodys = bought(UserId::NIL);
    record(storage, std::slice::from_ref(&nobodys), NOW).await;
    let kept = storage.purchases.get(&nobodys.transaction).await.expect("get");
    assert_eq!(kept.map(|purchase| purchase.user), Some(UserId::NIL), "nobody's are fine");
}

async fn transactions_are_given_once(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let new = bought(user);
    let twice = storage.purchases.record(&[new.clone(), new.clone()], NOW).await;
    assert!(matches!(twice, Err(StorageError::Failed(_))), "twice: {twice:?}");
    assert_eq!(storage.purchases.get(&new.transaction).await.expect("get"), None, "nothing");
    let empty = NewPurchase { transaction: String::new(), ..new };
    assert_does_not_fit(storage.purchases.record(&[empty], NOW).await, "an empty transaction");
}

async fn what_does_not_fit_is_not_kept(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let widest = unique("").repeat(20).chars().take(512).collect::<String>();
    let fits =
        NewPurchase { product: "é".repeat(512), transaction: widest.clone(), ..bought(user) };
    record(storage, &[fits], NOW).await;
    for (new, what) in [
        (NewPurchase { product: "e".repeat(513), ..bought(user) }, "a long product"),
        (NewPurchase { transaction: format!("{widest}e"), ..bought(user) }, "a long transaction"),
        (NewPurchase { product: "\0".to_owned(), ..bought(user) }, "NUL"),
        (NewPurchase { response: "{".to_owned(), ..bought(user) }, "no JSON"),
    ] {
        assert_does_not_fit(storage.purchases.record(&[new], NOW).await, what);
    }
    assert_eq!(storage.purchases.get("\0").await.expect("get"), None, "NUL is no transaction");
}

async fn no_purchases_are_fine(storage: &Storage) {
    assert_eq!(record(storage, &[], NOW).await, []);
}

async fn an_unknown_transaction_has_no_purchase(storage: &Storage) {
    assert_eq!(storage.purchases.get(&unique("nothing")).await.expect("get"), None);
}

async fn the_list_has_no_gaps_or_repeats(storage: &Storage) {
    let user = Player::create(storage).await.user;
    // Some at the same time: then transactions tell them apart.
    let all: Vec<NewPurchase> =
        (0..10).map(|i| NewPurchase { purchase_time: later(i / 3), ..bought(user) }).collect();
    record(storage, &all, NOW).await;
    for direction in [Direction::Backward, Direction::Forward] {
        for limit in [1, 3, 10, 11] {
            let mut walked: Vec<Purchase> = Vec::new();
            loop {
                let after = walked.last().map(Purchase::key);
                let page = list(storage, user, (direction, after.as_ref()), limit).await;
                assert!(page.entries.len() <= limit as usize, "not more than asked for");
                walked.extend(page.entries);
                assert!(walked.len() <= all.len(), "no repeats");
                if !page.more {
                    break;
                }
            }
            assert_eq!(walked.len(), all.len(), "no gaps: {direction:?} by {limit}");
            let sorted = match direction {
                Direction::Backward => {
                    walked.is_sorted_by_key(|p| std::cmp::Reverse(p.purchase_time))
                }
                Direction::Forward => walked.is_sorted_by_key(|p| p.purchase_time),
            };
            assert!(sorted, "{direction:?}");
        }
    }
    let walk = PurchaseWalk { user: None, limit: 1, direction: Direction::Backward, after: None };
    let everybodys = storage.purchases.list(walk).await.expect("list");
    assert_eq!((everybodys.entries.len(), everybodys.more), (1, true), "of everybody");
}

async fn purchases_of_the_deleted_stay_as_nobodys(storage: &Storage) {
    let [gone, other] = [Player::create(storage).await.user, Player::create(storage).await.user];
    let new = bought(gone);
    record(storage, std::slice::from_ref(&new), NOW).await;
    assert!(storage.accounts.delete(gone, false, later(1)).await.expect("delete"));
    let kept = storage.purchases.get(&new.transaction).await.expect("get");
    assert_eq!(kept.map(|purchase| purchase.user), Some(UserId::NIL));
    let again = NewPurchase { user: other, ..new };
    let recorded = record(storage, &[again], later(2)).await.remove(0);
    assert_eq!((recorded.purchase.user, recorded.seen_before), (UserId::NIL, true), "replayed");
}

async fn of_many_at_once_one_is_the_first(storage: &Storage) {
    let mut users = Vec::new();
    for _ in 0..4 {
        users.push(Player::create(storage).await.user);
    }
    let mut both = [bought(users[0]), bought(users[0])];
    let receipts = (0..MANY).map(|i| {
        both.reverse();
        both.clone().map(|new| NewPurchase { user: users[i % users.len()], ..new })
    });
    let receipts: Vec<_> = receipts.collect();
    let recorded = join_all(receipts.iter().map(|receipt| record(storage, receipt, NOW))).await;
    for new in &both {
        let of_it =
            || recorded.iter().flatten().filter(|one| one.purchase.transaction == new.transaction);
        assert_eq!(of_it().filter(|one| !one.seen_before).count(), 1, "one is the first");
        let owner = of_it().next().map(|one| one.purchase.user);
        assert!(of_it().all(|one| Some(one.purchase.user) == owner), "all are told whose it is");
    }
}
