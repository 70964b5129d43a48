//! Wallets and their ledger.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use super::support::{
    MANY, NOW, Player, Suite, assert_does_not_fit, assert_same_json, cases, id, later,
};
use crate::{Storage, WalletChange, WalletOutcome, WalletRefused};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_change_is_added_and_shows_in_the_account,
            a_currency_at_zero_stays_in_the_wallet,
            big_amounts_are_exact,
            no_currency_goes_below_zero,
            no_currency_leaves_the_range,
            no_account_no_wallet,
            changes_are_applied_in_order,
            one_refusal_undoes_all,
            nothing_to_change_is_fine,
            a_change_moves_the_update_time,
            the_ledger_keeps_what_happened,
            a_change_without_ledger_id_leaves_no_entry,
            a_ledger_id_is_never_used_twice,
            what_does_not_fit_changes_nothing,
            ledger_pages_have_no_gaps_or_repeats,
            an_unknown_user_has_no_ledger,
            an_entry_can_be_annotated,
            annotations_do_not_grow_beyond_a_bound,
            parallel_additions_lose_nothing,
            parallel_withdrawals_never_go_below_zero,
            parallel_transfers_both_ways_settle,
        ]
    );
}

/// Most bytes of metadata in these tests.
const MOST: usize = 1_000;

type Amounts = BTreeMap<String, i64>;

fn amounts<const N: usize>(amounts: [(&str, i64); N]) -> Amounts {
    amounts.into_iter().map(|(currency, amount)| (currency.into(), amount)).collect()
}

/// A change with a ledger entry.
fn change(user: UserId, changeset: Amounts) -> WalletChange {
    WalletChange { user, changeset, metadata: r#"{"why":"test"}"#.into(), ledger_id: Some(id()) }
}

async fn apply(
    storage: &Storage,
    changes: &[WalletChange],
) -> Result<Vec<WalletOutcome>, WalletRefused> {
    storage.wallets.apply(changes, later(60)).await.expect("apply")
}

/// A player who holds this.
async fn rich(storage: &Storage, held: Amounts) -> UserId {
    let user = Player::create(storage).await.user;
    let seed = WalletChange { ledger_id: None, ..change(user, held) };
    apply(storage, &[seed]).await.expect("the seed is not refused");
    user
}

async fn wallet(storage: &Storage, user: UserId) -> Amounts {
    let account = storage.accounts.get(user).await.expect("get").expect("it exists");
    serde_json::from_str(&account.wallet).expect("a wallet is an object of whole numbers")
}

async fn entries(storage: &Storage, user: UserId) -> Vec<(Timestamp, Uuid)> {
    let page = storage.wallets.ledger(user, None, 1_000).await.expect("ledger");
    assert!(!page.more, "that is all");
    page.entries.iter().map(|entry| (entry.create_time, entry.id)).collect()
}

async fn a_change_is_added_and_shows_in_the_account(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let start = amounts([("coins", 100), ("gems é", 3)]);
    let outcome = apply(storage, &[change(user, start.clone())]).await.expect("not refused");
    let expected = WalletOutcome { user, previous: Amounts::new(), updated: start.clone() };
    assert_eq!(outcome, [expected], "the empty wallet and the new one");
    assert_eq!(wallet(storage, user).await, start, "kept");
    let spend = amounts([("coins", -30), ("keys", 1)]);
    let outcome = apply(storage, &[change(user, spend)]).await.expect("not refused");
    let updated = amounts([("coins", 70), ("gems é", 3), ("keys", 1)]);
    let expected = WalletOutcome { user, previous: start, updated: updated.clone() };
    assert_eq!(outcome, [expected], "before and after");
    assert_eq!(wallet(storage, user).await, updated, "kept");
}

async fn a_currency_at_zero_stays_in_the_wallet(storage: &Storage) {
    let user = rich(storage, amounts([("coins", 5)])).await;
    let outcome = apply(storage, &[change(user, amounts([("coins", -5), ("gems", 0)]))]).await;
    let zero = amounts([("coins", 0), ("gems", 0)]);
    assert_eq!(outcome.expect("not refused")[0].updated, zero, "zero is fine");
    assert_eq!(wallet(storage, user).await, zero, "and is kept");
}

async fn big_amounts_are_exact(storage: &Storage) {
    let held = amounts([("a", i64::MAX), ("b", 9_007_199_254_740_993)]);
    let user = rich(storage, held.clone()).await;
    assert_eq!(wallet(storage, user).await, held, "not rounded to a double");
    let all = amounts([("a", -i64::MAX), ("b", -1)]);
    let big = change(user, all.clone());
    let outcome = apply(storage, &[big]).await.expect("not refused");
    assert_eq!(outcome[0].previous, held, "before");
    assert_eq!(outcome[0].updated, amounts([("a", 0), ("b", 9_007_199_254_740_992)]), "after");
    let ledger = storage.wallets.ledger(user, None, 1).await.expect("ledger");
    assert_eq!(ledger.entries[0].changeset, all, "nor in the ledger");
}

async fn no_currency_goes_below_zero(storage: &Storage) {
    let user = rich(storage, amounts([("coins", 5)])).await;
    for (changeset, currency) in [
        (amounts([("coins", -6)]), "coins"),
        (amounts([("gems", -1)]), "gems"),
        (amounts([("coins", i64::MIN)]), "coins"),
        (amounts([("a", 10), ("coins", -6)]), "coins"),
    ] {
        let outcome = apply(storage, &[change(user, changeset.clone())]).await;
        let refused = WalletRefused::Negative { user, currency: currency.into() };
        assert_eq!(outcome, Err(refused), "{changeset:?}");
        assert_eq!(wallet(storage, user).await, amounts([("coins", 5)]), "nothing was changed");
    }
    assert_eq!(entries(storage, user).await, [], "refusals leave no entries");
}

async fn no_currency_leaves_the_range(storage: &Storage) {
    let held = amounts([("coins", i64::MAX - 1)]);
    let user = rich(storage, held.clone()).await;
    let outcome = apply(storage, &[change(user, amounts([("coins", 2)]))]).await;
    assert_eq!(outcome, Err(WalletRefused::Overflow { user, currency: "coins".into() }));
    assert_eq!(wallet(storage, user).await, held, "nothing was changed");
    let outcome = apply(storage, &[change(user, amounts([("coins", 1)]))]).await;
    assert!(outcome.is_ok(), "up to the end of the range");
}

async fn no_account_no_wallet(storage: &Storage) {
    let nobody = UserId(id());
    let outcome = apply(storage, &[change(nobody, amounts([("coins", 1)]))]).await;
    assert_eq!(outcome, Err(WalletRefused::NoAccount(nobody)));
    assert_eq!(entries(storage, nobody).await, [], "no entry was kept");
    assert_eq!(storage.accounts.get(nobody).await.expect("get"), None, "and no account was made");
}

async fn changes_are_applied_in_order(storage: &Storage) {
    let (a, b) = (rich(storage, Amounts::new()).await, rich(storage, Amounts::new()).await);
    let coins = |amount| amounts([("coins", amount)]);
    // The withdrawal would be refused in any other order.
    let changes =
        [change(a, coins(5)), change(b, coins(1)), change(a, coins(-4)), change(a, coins(10))];
    let outcome = apply(storage, &changes).await.expect("not refused");
    let steps: Vec<_> = outcome
        .into_iter()
        .map(|o| (o.user, o.previous.get("coins").copied(), o.updated["coins"]))
        .collect();
    let expected = [(a, None, 5), (b, None, 1), (a, Some(5), 1), (a, Some(1), 11)];
    assert_eq!(steps, expected, "one outcome for each change, in order");
    assert_eq!(wallet(storage, a).await, coins(11), "the last one is kept");
    assert_eq!(wallet(storage, b).await, coins(1), "and the other's");
    assert_eq!(entries(storage, a).await.len(), 3, "an entry for each");
    let refused = [change(a, coins(-12)), change(a, coins(100))];
    assert!(apply(storage, &refused).await.is_err(), "refused, although the sum would be fine");
}

async fn one_refusal_undoes_all(storage: &Storage) {
    let coins = |amount| amounts([("coins", amount)]);
    let (a, b, nobody) =
        (rich(storage, coins(5)).await, rich(storage, coins(5)).await, UserId(id()));
    let before = storage.accounts.get(a).await.expect("get");
    for (last, refused) in [
        (change(b, coins(-7)), WalletRefused::Negative { user: b, currency: "coins".into() }),
        (change(nobody, coins(1)), WalletRefused::NoAccount(nobody)),
        (change(b, coins(i64::MAX)), WalletRefused::Overflow { user: b, currency: "coins".into() }),
    ] {
        let changes = [change(a, coins(1)), change(b, coins(1)), last];
        assert_eq!(apply(storage, &changes).await, Err(refused));
        assert_eq!(storage.accounts.get(a).await.expect("get"), before, "nothing was changed");
        assert_eq!(wallet(storage, b).await, coins(5), "nor there");
        assert_eq!(entries(storage, a).await, [], "no entry was kept");
    }
}

async fn nothing_to_change_is_fine(storage: &Storage) {
    assert_eq!(apply(storage, &[]).await, Ok(vec![]), "no changes");
    let user = rich(storage, amounts([("coins", 5)])).await;
    let outcome = apply(storage, &[change(user, Amounts::new())]).await.expect("not refused");
    assert_eq!(outcome[0].updated, amounts([("coins", 5)]), "an empty change");
    assert_eq!(entries(storage, user).await.len(), 1, "which is in the ledger nevertheless");
}

async fn a_change_moves_the_update_time(storage: &Storage) {
    let user = Player::create(storage).await.user;
    apply(storage, &[change(user, amounts([("coins", 5)]))]).await.expect("not refused");
    let shown = storage.accounts.get(user).await.expect("get").expect("it exists").user;
    assert_eq!((shown.create_time, shown.update_time), (NOW, later(60)), "moved");
}

async fn the_ledger_keeps_what_happened(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let given = WalletChange {
        metadata: r#"{"why":"start","list":[1,2]}"#.into(),
        ..change(user, amounts([("coins", 5), ("gems", 0)]))
    };
    let now = Timestamp::from_nanos(NOW.nanos() + 999);
    let applied = storage.wallets.apply(std::slice::from_ref(&given), now).await;
    applied.expect("apply").expect("not refused");
    let page = storage.wallets.ledger(user, None, 10).await.expect("ledger");
    assert!(!page.more, "there is one only");
    let [entry] = &page.entries[..] else { panic!("one entry, not {page:?}") };
    assert_eq!(Some(entry.id), given.ledger_id, "id");
    assert_eq!(entry.user, user, "user");
    assert_eq!(entry.changeset, given.changeset, "what was added");
    assert_same_json(&entry.metadata, &given.metadata, "why");
    assert_eq!((entry.create_time, entry.update_time), (NOW, NOW), "when, in microseconds");
}

async fn a_change_without_ledger_id_leaves_no_entry(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let quiet = WalletChange { ledger_id: None, ..change(user, amounts([("coins", 5)])) };
    let loud = change(user, amounts([("coins", 1)]));
    apply(storage, &[quiet, loud.clone()]).await.expect("not refused");
    assert_eq!(wallet(storage, user).await, amounts([("coins", 6)]), "both count");
    let ids: Vec<_> = entries(storage, user).await.into_iter().map(|(_, id)| Some(id)).collect();
    assert_eq!(ids, [loud.ledger_id], "one is in the ledger");
}

async fn a_ledger_id_is_never_used_twice(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let first = change(user, amounts([("coins", 5)]));
    apply(storage, std::slice::from_ref(&first)).await.expect("not refused");
    let outcome = storage.wallets.apply(&[first], later(61)).await;
    assert!(outcome.is_err(), "an id that exists is an error, not {outcome:?}");
    assert_eq!(wallet(storage, user).await, amounts([("coins", 5)]), "nothing was changed");
    assert_eq!(entries(storage, user).await.len(), 1, "nothing was added");
}

async fn what_does_not_fit_changes_nothing(storage: &Storage) {
    let user = rich(storage, amounts([("coins", 5)])).await;
    let good = change(user, amounts([("coins", 1)]));
    let bad_reason = WalletChange { metadata: r#"{"a":"\u0000"}"#.into(), ..good.clone() };
    let bad_name = change(user, amounts([("a\0b", 1)]));
    for (bad, what) in [(bad_reason, "NUL in the metadata"), (bad_name, "NUL in a currency")] {
        let changes = [change(user, amounts([("coins", 1)])), bad];
        assert_does_not_fit(storage.wallets.apply(&changes, NOW).await, what);
        assert_eq!(wallet(storage, user).await, amounts([("coins", 5)]), "{what}: nothing changed");
    }
}

async fn ledger_pages_have_no_gaps_or_repeats(storage: &Storage) {
    let (user, other) = (Player::create(storage).await.user, Player::create(storage).await.user);
    let mut expected = Vec::new();
    // Some of the same microsecond, also by one call.
    for seconds in [3, 1, 2, 2, 4] {
        let pair = [user, user, other].map(|user| change(user, amounts([("coins", 1)])));
        let applied = storage.wallets.apply(&pair, later(seconds)).await;
        applied.expect("apply").expect("not refused");
        expected.extend(pair[..2].iter().map(|c| (later(seconds), c.ledger_id.expect("given"))));
    }
    expected.sort();
    expected.reverse();
    for limit in [1, 2, 3, 5, 9, 10, 100] {
        let (mut walked, mut after) = (Vec::new(), None);
        // One page more than there can be: a store that turns in circles must not do so for ever.
        for _ in 0..=expected.len() {
            let page = storage.wallets.ledger(user, after, limit).await.expect("ledger");
            assert!(page.entries.len() <= limit as usize, "at most as many as asked for");
            assert!(!page.entries.is_empty(), "no page that is announced is empty");
            walked.extend(page.entries.iter().map(|entry| (entry.create_time, entry.id)));
            after = walked.last().copied();
            if !page.more {
                break;
            }
            assert_eq!(page.entries.len(), limit as usize, "only the last page is shorter");
        }
        assert_eq!(walked, expected, "{limit} at a time, newest first, then by id backwards");
    }
}

async fn an_unknown_user_has_no_ledger(storage: &Storage) {
    assert_eq!(entries(storage, UserId(id())).await, []);
}

async fn an_entry_can_be_annotated(storage: &Storage) {
    let user = rich(storage, amounts([("coins", 5)])).await;
    let spend = change(user, amounts([("coins", -1)]));
    let entry = spend.ledger_id.expect("it has an entry");
    apply(storage, &[spend]).await.expect("not refused");
    let wallets = &storage.wallets;
    let added = r#"{"why":"refund","by":{"a":1}}"#;
    let annotated = wallets.annotate(entry, added, MOST, later(90)).await.expect("annotate");
    let annotated = annotated.expect("it is there");
    assert_same_json(&annotated.metadata, added, "one field in place of another, one added");
    let more = wallets.annotate(entry, r#"{"by":2}"#, MOST, later(90)).await.expect("annotate");
    let more = more.expect("it is there");
    assert_same_json(&more.metadata, r#"{"why":"refund","by":2}"#, "other fields stay");
    assert_eq!((more.id, more.user), (entry, user), "it is the entry");
    assert_eq!(more.changeset, amounts([("coins", -1)]), "what it says of the wallet stays");
    assert_eq!(more.create_time, later(60).whole_micros(), "and when it was made");
    assert_eq!(more.update_time, later(90).whole_micros(), "but it was changed now");
    let ledger = wallets.ledger(user, None, 1).await.expect("ledger");
    assert_eq!(ledger.entries, [more], "kept");
    let none = wallets.annotate(id(), "{}", MOST, later(90)).await.expect("annotate");
    assert_eq!(none, None, "what is not there stays away");
}

async fn annotations_do_not_grow_beyond_a_bound(storage: &Storage) {
    let user = rich(storage, amounts([("coins", 5)])).await;
    let spend = change(user, amounts([("coins", -1)]));
    let entry = spend.ledger_id.expect("it has an entry");
    apply(storage, &[spend]).await.expect("not refused");
    let note = |name: &str, bytes| format!(r#"{{"{name}":"{}"}}"#, "x".repeat(bytes));
    let annotate =
        async |text: String| storage.wallets.annotate(entry, &text, MOST, later(90)).await;
    let first = annotate(note("a", MOST / 2)).await.expect("annotate").expect("it is there");
    let second = annotate(note("b", MOST / 2)).await;
    assert!(matches!(second, Err(crate::StorageError::DoesNotFit(_))), "{second:?}");
    let ledger = storage.wallets.ledger(user, None, 1).await.expect("ledger");
    assert_eq!(ledger.entries, [first], "nothing has changed");
    annotate(note("a", MOST - 100)).await.expect("annotate").expect("in place of the other");
    let gone = storage.wallets.annotate(id(), &note("a", MOST), MOST, later(90)).await;
    assert_eq!(gone.expect("annotate"), None, "what is not there is not too large");
}

async fn parallel_additions_lose_nothing(storage: &Storage) {
    let user = rich(storage, Amounts::new()).await;
    // A currency of its own each, besides the common one.
    let changes: Vec<_> =
        (0..MANY).map(|i| change(user, amounts([("coins", 1), (&format!("c{i}"), 7)]))).collect();
    let outcomes = join_all(changes.iter().map(|c| apply(storage, std::slice::from_ref(c)))).await;
    let mut seen: Vec<_> =
        outcomes.into_iter().map(|o| o.expect("not refused")[0].updated["coins"]).collect();
    seen.sort_unstable();
    let many = i64::try_from(MANY).expect("small");
    assert_eq!(seen, (1..=many).collect::<Vec<_>>(), "each saw the wallet after another one");
    let held = wallet(storage, user).await;
    assert_eq!(held["coins"], many, "nothing lost, nothing doubled");
    assert_eq!(held.len(), MANY + 1, "every currency is there");
    assert_eq!(entries(storage, user).await.len(), MANY, "and an entry for each");
}

async fn parallel_withdrawals_never_go_below_zero(storage: &Storage) {
    let user = rich(storage, amounts([("coins", 5)])).await;
    let changes: Vec<_> = (0..MANY).map(|_| change(user, amounts([("coins", -1)]))).collect();
    let outcomes = join_all(changes.iter().map(|c| apply(storage, std::slice::from_ref(c)))).await;
    let (won, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 5, "as many as there were coins");
    for outcome in refused {
        let negative = WalletRefused::Negative { user, currency: "coins".into() };
        assert_eq!(outcome, Err(negative), "the others are refused");
    }
    assert_eq!(wallet(storage, user).await, amounts([("coins", 0)]), "nothing is left");
    assert_eq!(entries(storage, user).await.len(), 5, "and the ledger agrees");
}

/// Locks taken in the order given would block each other.
async fn parallel_transfers_both_ways_settle(storage: &Storage) {
    let start = amounts([("coins", 100)]);
    let (a, b) = (rich(storage, start.clone()).await, rich(storage, start).await);
    let transfers: Vec<_> = (0..MANY)
        .map(|i| {
            let (from, to) = if i % 2 == 0 { (a, b) } else { (b, a) };
            let amount = 1 + i64::try_from(i).expect("small");
            [change(from, amounts([("coins", -amount)])), change(to, amounts([("coins", amount)]))]
        })
        .collect();
    for outcome in join_all(transfers.iter().map(|pair| apply(storage, pair))).await {
        outcome.expect("every transfer is covered");
    }
    let half = i64::try_from(MANY / 2).expect("small");
    let (a_held, b_held) = (wallet(storage, a).await, wallet(storage, b).await);
    // The odd amounts went one way, the even ones the other.
    assert_eq!(a_held, amounts([("coins", 100 + half)]), "what came minus what went");
    assert_eq!(b_held, amounts([("coins", 100 - half)]), "and the other way round");
}
