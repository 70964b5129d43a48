//! Revocations.

use futures_util::future::join_all;
use tavern_domain::{Timestamp, TokenId, UserId};

use super::support::{MANY, Suite, cases, id};
use crate::{Revocation, RevocationScope, Storage};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            what_is_revoked_is_loaded,
            nothing_revoked_is_fine,
            scopes_of_one_login_are_apart,
            what_has_expired_is_not_loaded,
            revoking_again_moves_both_times_to_the_later,
            one_call_may_name_the_same_twice,
            parallel_revocations_keep_the_latest,
            purging_forgets_what_has_expired_and_nothing_else,
        ]
    );
}

/// Whole milliseconds, as tokens are compared in.
const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_754_000_000_123 + seconds * 1_000)
}

async fn revoke(storage: &Storage, revocations: &[Revocation]) {
    storage.revocations.revoke(revocations).await.expect("revoke");
}

/// What is loaded of one user, in the order of the times.
async fn loaded(storage: &Storage, user: UserId, now: Timestamp) -> Vec<Revocation> {
    let mut all = storage.revocations.load(now).await.expect("load");
    all.retain(|revocation| revocation.user == user);
    all.sort_by_key(|revocation| (revocation.at, revocation.expires));
    all
}

fn all_of(user: UserId, from: i64, until: i64) -> Revocation {
    Revocation { user, scope: RevocationScope::All, at: at(from), expires: at(until) }
}

async fn what_is_revoked_is_loaded(storage: &Storage) {
    // There need not be such an account.
    let user = UserId(id());
    let revocations = [
        Revocation {
            user,
            scope: RevocationScope::Session(TokenId(id())),
            at: at(0),
            expires: at(100),
        },
        Revocation {
            user,
            scope: RevocationScope::Refresh(TokenId(id())),
            at: at(1),
            expires: at(100),
        },
        all_of(user, 2, 100),
    ];
    revoke(storage, &revocations).await;
    assert_eq!(loaded(storage, user, at(50)).await, revocations, "all three, as they were given");
    assert_eq!(loaded(storage, UserId(id()), at(50)).await, [], "nothing of others");
}

async fn nothing_revoked_is_fine(storage: &Storage) {
    revoke(storage, &[]).await;
}

async fn scopes_of_one_login_are_apart(storage: &Storage) {
    let (user, token) = (UserId(id()), TokenId(id()));
    let session =
        Revocation { user, scope: RevocationScope::Session(token), at: at(0), expires: at(100) };
    let refresh =
        Revocation { user, scope: RevocationScope::Refresh(token), at: at(1), expires: at(200) };
    revoke(storage, &[session]).await;
    assert_eq!(loaded(storage, user, at(50)).await, [session], "the session only");
    revoke(storage, &[refresh]).await;
    assert_eq!(loaded(storage, user, at(50)).await, [session, refresh], "both");
    assert_eq!(loaded(storage, user, at(150)).await, [refresh], "the refresh lives longer");
}

async fn what_has_expired_is_not_loaded(storage: &Storage) {
    let user = UserId(id());
    revoke(storage, &[all_of(user, 0, 100)]).await;
    assert_eq!(loaded(storage, user, at(99)).await.len(), 1, "a second before");
    assert_eq!(loaded(storage, user, at(101)).await, [], "a second after");
}

async fn revoking_again_moves_both_times_to_the_later(storage: &Storage) {
    let user = UserId(id());
    revoke(storage, &[all_of(user, 10, 100)]).await;
    revoke(storage, &[all_of(user, 20, 50)]).await;
    assert_eq!(loaded(storage, user, at(30)).await, [all_of(user, 20, 100)], "later `at`");
    revoke(storage, &[all_of(user, 5, 200)]).await;
    assert_eq!(loaded(storage, user, at(30)).await, [all_of(user, 20, 200)], "later `expires`");
    revoke(storage, &[all_of(user, 1, 2)]).await;
    assert_eq!(loaded(storage, user, at(30)).await, [all_of(user, 20, 200)], "never back");
}

async fn one_call_may_name_the_same_twice(storage: &Storage) {
    let user = UserId(id());
    revoke(storage, &[all_of(user, 10, 100), all_of(user, 5, 200), all_of(user, 1, 2)]).await;
    assert_eq!(loaded(storage, user, at(30)).await, [all_of(user, 10, 200)], "the later of each");
}

async fn parallel_revocations_keep_the_latest(storage: &Storage) {
    let user = UserId(id());
    let times: Vec<_> = (0..i64::try_from(MANY).expect("small")).collect();
    let calls: Vec<_> = times
        .iter()
        // Two rows in both orders, so that locks taken in the order given would block each other.
        .map(|i| {
            let token = Revocation {
                user,
                scope: RevocationScope::Session(TokenId::NIL),
                at: at(*i),
                expires: at(100 + i),
            };
            let both = [token, all_of(user, *i, 300 + i)];
            if i % 2 == 0 { both } else { [both[1], both[0]] }
        })
        .collect();
    join_all(calls.iter().map(|call| revoke(storage, call))).await;
    let last = times.len() as i64 - 1;
    let kept = loaded(storage, user, at(50)).await;
    let times: Vec<_> = kept.iter().map(|kept| (kept.at, kept.expires)).collect();
    assert_eq!(times, [(at(last), at(100 + last)), (at(last), at(300 + last))], "the latest");
}

async fn purging_forgets_what_has_expired_and_nothing_else(storage: &Storage) {
    // Long ago, so that the purge touches nobody else's.
    let long_ago = |seconds: i64| Timestamp::from_seconds(300_000_000 + seconds);
    let user = UserId(id());
    let revocation = |expires| Revocation {
        user,
        scope: RevocationScope::Session(TokenId(id())),
        at: long_ago(0),
        expires: long_ago(expires),
    };
    let kept = revocation(300);
    revoke(storage, &[revocation(100), revocation(150), kept]).await;
    let purge = async |now| storage.revocations.purge(now).await.expect("purge");
    assert_eq!(purge(long_ago(200)).await, 2, "two have expired");
    assert_eq!(loaded(storage, user, long_ago(50)).await, [kept], "the other one stays");
    assert_eq!(purge(long_ago(200)).await, 0, "nothing is left to forget");
    assert_eq!(purge(long_ago(400)).await, 1, "now the last one, which leaves nothing behind");
}
