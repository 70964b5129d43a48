//! Subscriptions that stores have confirmed.

use tavern_domain::{Timestamp, UserId};

use super::support::{
    NOW, Player, Suite, assert_does_not_fit, assert_same_json, cases, id, later, unique,
};
use crate::{
    AsOf, Direction, NewSubscription, PurchaseWalk, Storage, StorageError, Store, StoreEnvironment,
    Subscription,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_subscription_is_kept_as_it_was_given,
            a_renewal_moves_the_end_and_not_the_owner,
            what_may_be_old_takes_nothing_back,
            what_a_store_says_now_counts,
            a_refund_stays,
            answers_and_notifications_are_kept_apart,
            the_one_that_ends_last_is_found_by_product,
            a_subscription_of_an_unknown_user_is_not_kept,
            original_transactions_are_given_once,
            what_does_not_fit_is_no_subscription,
            subscriptions_are_listed_whole,
            subscriptions_of_the_deleted_stay_as_nobodys,
        ]
    );
}

fn subscribed(user: UserId) -> NewSubscription {
    NewSubscription {
        user,
        store: Store::Apple,
        product: "season".to_owned(),
        original_transaction: unique("original"),
        purchase_time: later(-600),
        expire_time: later(600),
        refund_time: None,
        environment: StoreEnvironment::Sandbox,
        response: Some(r#"{"said":1}"#.to_owned()),
        notification: None,
    }
}

async fn record(
    storage: &Storage,
    new: &NewSubscription,
    as_of: AsOf,
    now: Timestamp,
) -> Subscription {
    let recorded = storage.subscriptions.record(std::slice::from_ref(new), as_of, now).await;
    let mut recorded = recorded.expect("record").expect("the user has an account");
    assert_eq!(recorded.len(), 1, "one for one");
    let recorded = recorded.remove(0);
    let kept = storage.subscriptions.get(&new.original_transaction).await.expect("get");
    assert_eq!(kept.as_ref(), Some(&recorded), "what is answered is kept");
    recorded
}

async fn a_subscription_is_kept_as_it_was_given(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let new = NewSubscription { refund_time: Some(later(-1)), ..subscribed(user) };
    let kept = record(storage, &new, AsOf::Now, NOW).await;
    assert_same_json(&kept.response, r#"{"said":1}"#, "the answer");
    assert_same_json(&kept.notification, "{}", "no notification");
    let expected = Subscription {
        user,
        store: new.store,
        product: new.product,
        original_transaction: new.original_transaction,
        purchase_time: new.purchase_time,
        create_time: NOW,
        update_time: NOW,
        expire_time: new.expire_time,
        refund_time: new.refund_time,
        environment: new.environment,
        response: kept.response.clone(),
        notification: kept.notification.clone(),
    };
    assert_eq!(kept, expected);
    let nothing = storage.subscriptions.get(&unique("nothing")).await.expect("get");
    assert_eq!(nothing, None, "another one is not there");
}

async fn a_renewal_moves_the_end_and_not_the_owner(storage: &Storage) {
    let [first, other] = [Player::create(storage).await.user, Player::create(storage).await.user];
    let new = subscribed(first);
    record(storage, &new, AsOf::Now, NOW).await;
    for as_of in [AsOf::Now, AsOf::Then] {
        let renewed = NewSubscription {
            user: other,
            store: Store::Google,
            product: "better season".to_owned(),
            purchase_time: later(-5),
            expire_time: later(1_200),
            environment: StoreEnvironment::Production,
            ..new.clone()
        };
        let kept = record(storage, &renewed, as_of, later(9)).await;
        assert_eq!((kept.user, kept.store), (first, Store::Apple), "whose and where");
        assert_eq!(
            (kept.purchase_time, kept.environment),
            (later(-600), StoreEnvironment::Sandbox)
        );
        assert_eq!((kept.product.as_str(), kept.expire_time), ("better season", later(1_200)));
        assert_eq!((kept.create_time, kept.update_time), (NOW, later(9)), "times");
    }
}

async fn what_may_be_old_takes_nothing_back(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let new = subscribed(user);
    let before = record(storage, &new, AsOf::Now, NOW).await;
    let old = NewSubscription {
        product: "old season".to_owned(),
        expire_time: later(599),
        refund_time: Some(later(-700)),
        response: Some(r#"{"said":"old"}"#.to_owned()),
        notification: Some(r#"{"told":"old"}"#.to_owned()),
        ..new
    };
    let after = record(storage, &old, AsOf::Then, later(5)).await;
    assert_eq!(after, Subscription { update_time: later(5), ..before });
}

async fn what_a_store_says_now_counts(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let new = subscribed(user);
    record(storage, &new, AsOf::Now, NOW).await;
    let revoked = NewSubscription { expire_time: later(-1), ..new };
    assert_eq!(record(storage, &revoked, AsOf::Now, NOW).await.expire_time, later(-1));
}

async fn a_refund_stays(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let new = subscribed(user);
    let refunded = NewSubscription { refund_time: Some(later(3)), ..new.clone() };
    record(storage, &refunded, AsOf::Now, NOW).await;
    assert_eq!(record(storage, &new, AsOf::Now, NOW).await.refund_time, Some(later(3)));
}

async fn answers_and_notifications_are_kept_apart(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let new = subscribed(user);
    record(storage, &new, AsOf::Now, NOW).await;
    let told = Some(r#"{"told":1}"#.to_owned());
    let told = NewSubscription { response: None, notification: told, ..new.clone() };
    let kept = record(storage, &told, AsOf::Now, NOW).await;
    assert_same_json(&kept.response, r#"{"said":1}"#, "the answer stays");
    assert_same_json(&kept.notification, r#"{"told":1}"#, "the notification is kept");
    let kept = record(storage, &NewSubscription { response: None, ..new }, AsOf::Now, NOW).await;
    assert_same_json(&kept.response, r#"{"said":1}"#, "the answer stays");
    assert_same_json(&kept.notification, r#"{"told":1}"#, "the notification stays");
}

async fn the_one_that_ends_last_is_found_by_product(storage: &Storage) {
    let [user, other] = [Player::create(storage).await.user, Player::create(storage).await.user];
    let mut last = None;
    for end in [10, 300, 200] {
        let new = NewSubscription { expire_time: later(end), ..subscribed(user) };
        let kept = record(storage, &new, AsOf::Now, NOW).await;
        last = if end == 300 { Some(kept) } else { last };
    }
    let found = async |user, product: &str| {
        storage.subscriptions.of_product(user, product).await.expect("of_product")
    };
    assert_eq!(found(user, "season").await, last, "the one that ends last");
    assert_eq!(found(user, "seaso").await, None, "another product");
    assert_eq!(found(other, "season").await, None, "another user");
    assert_eq!(found(user, "\0").await, None, "no product has NUL");
}

async fn a_subscription_of_an_unknown_user_is_not_kept(storage: &Storage) {
    let new = subscribed(UserId(id()));
    let all = [subscribed(UserId::NIL), new];
    let recorded = storage.subscriptions.record(&all, AsOf::Now, NOW).await.expect("record");
    assert_eq!(recorded, None, "one has no account");
    for new in &all {
        let kept = storage.subscriptions.get(&new.original_transaction).await.expect("get");
        assert_eq!(kept, None, "all or none");
    }
}

async fn original_transactions_are_given_once(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let new = subscribed(user);
    let both = [new.clone(), new.clone()];
    let twice = storage.subscriptions.record(&both, AsOf::Now, NOW).await;
    assert!(matches!(twice, Err(StorageError::Failed(_))), "twice: {twice:?}");
    let empty = NewSubscription { original_transaction: String::new(), ..new };
    assert_does_not_fit(
        storage.subscriptions.record(&[empty], AsOf::Now, NOW).await,
        "an empty transaction",
    );
}

async fn what_does_not_fit_is_no_subscription(storage: &Storage) {
    let user = Player::create(storage).await.user;
    for (new, what) in [
        (NewSubscription { product: "e".repeat(513), ..subscribed(user) }, "a long product"),
        (
            NewSubscription { original_transaction: "e".repeat(513), ..subscribed(user) },
            "a long transaction",
        ),
        (NewSubscription { response: Some("{".to_owned()), ..subscribed(user) }, "no JSON"),
        (NewSubscription { notification: Some("{".to_owned()), ..subscribed(user) }, "no JSON"),
    ] {
        assert_does_not_fit(storage.subscriptions.record(&[new], AsOf::Now, NOW).await, what);
    }
    assert_eq!(storage.subscriptions.get("\0").await.expect("get"), None, "NUL is no transaction");
}

async fn subscriptions_are_listed_whole(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let all: Vec<NewSubscription> = (0..7)
        .map(|i| NewSubscription { purchase_time: later(i / 2), ..subscribed(user) })
        .collect();
    let recorded = storage.subscriptions.record(&all, AsOf::Now, NOW).await.expect("record");
    let recorded = recorded.expect("the user has an account");
    for (new, kept) in all.iter().zip(&recorded) {
        assert_eq!(new.original_transaction, kept.original_transaction, "in the order given");
    }
    let walk = async |direction, limit| {
        let mut walked: Vec<Subscription> = Vec::new();
        loop {
            let after = walked.last().map(Subscription::key);
            let after = after.as_ref();
            let walk = PurchaseWalk { user: Some(user), limit, direction, after };
            let page = storage.subscriptions.list(walk).await.expect("list");
            walked.extend(page.entries);
            assert!(walked.len() <= all.len(), "no repeats");
            if !page.more {
                return walked;
            }
        }
    };
    let newest_first = walk(Direction::Backward, 2).await;
    assert_eq!(newest_first.len(), all.len(), "no gaps");
    assert_eq!(newest_first[0].purchase_time, later(3), "the newest");
    let mut oldest_first = walk(Direction::Forward, 3).await;
    oldest_first.reverse();
    assert_eq!(oldest_first, newest_first, "both ways are the same list");
}

async fn subscriptions_of_the_deleted_stay_as_nobodys(storage: &Storage) {
    let gone = Player::create(storage).await.user;
    let new = subscribed(gone);
    record(storage, &new, AsOf::Now, NOW).await;
    assert!(storage.accounts.delete(gone, false, later(1)).await.expect("delete"));
    let kept = storage.subscriptions.get(&new.original_transaction).await.expect("get");
    assert_eq!(kept.map(|subscription| subscription.user), Some(UserId::NIL));
}
