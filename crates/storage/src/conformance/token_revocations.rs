//! Revocations of delegated tokens.

use tavern_domain::{Timestamp, UserId};

use super::support::{Suite, cases, id};
use crate::{RevokedTokens, Storage, TokenRevocation};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            revoked_tokens_are_loaded_until_they_expire,
            revoking_tokens_again_moves_both_times_to_the_later,
            single_blocks_of_a_user_are_bounded,
            purging_forgets_expired_revocations_of_tokens,
        ]
    );
}

/// Whole milliseconds, as tokens are compared in.
const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_754_000_000_123 + seconds * 1_000)
}

fn all(user: UserId, from: i64, until: i64) -> TokenRevocation {
    TokenRevocation { user, which: RevokedTokens::All, at: at(from), expires: at(until) }
}

fn block(user: UserId, byte: u8, from: i64, until: i64) -> TokenRevocation {
    TokenRevocation { which: RevokedTokens::Block(vec![byte; 64]), ..all(user, from, until) }
}

async fn revoke(storage: &Storage, new: &TokenRevocation) {
    assert!(storage.token_revocations.revoke(new, 100).await.expect("revoke"), "it is kept");
}

/// What is loaded of one user, in the order of the times.
async fn loaded(storage: &Storage, user: UserId, now: Timestamp) -> Vec<TokenRevocation> {
    let mut all = storage.token_revocations.load(now).await.expect("load");
    all.retain(|revocation| revocation.user == user);
    all.sort_by_key(|revocation| (revocation.at, revocation.expires));
    all
}

async fn revoked_tokens_are_loaded_until_they_expire(storage: &Storage) {
    // There need not be such an account.
    let user = UserId(id());
    let kept = [block(user, 1, 0, 100), block(user, 2, 1, 100), all(user, 2, 200)];
    for one in &kept {
        revoke(storage, one).await;
    }
    assert_eq!(loaded(storage, user, at(50)).await, kept, "all three, as they were given");
    assert_eq!(loaded(storage, user, at(150)).await, kept[2..], "the one that lives longer");
    assert_eq!(loaded(storage, UserId(id()), at(50)).await, [], "nothing of others");
}

async fn revoking_tokens_again_moves_both_times_to_the_later(storage: &Storage) {
    let user = UserId(id());
    for one in [all(user, 10, 100), all(user, 20, 50), all(user, 5, 200), all(user, 1, 2)] {
        revoke(storage, &one).await;
    }
    assert_eq!(loaded(storage, user, at(30)).await, [all(user, 20, 200)], "the later of each");
}

async fn single_blocks_of_a_user_are_bounded(storage: &Storage) {
    let (user, other) = (UserId(id()), UserId(id()));
    let kept = async |one: TokenRevocation| {
        storage.token_revocations.revoke(&one, 2).await.expect("revoke")
    };
    assert!(kept(all(user, 0, 100)).await, "all of them are none of the single ones");
    assert!(kept(block(user, 1, 0, 100)).await && kept(block(user, 2, 0, 100)).await, "two");
    assert!(!kept(block(user, 3, 0, 100)).await, "a third is not kept");
    assert!(kept(block(user, 2, 5, 100)).await, "one of them again is");
    assert!(kept(all(user, 5, 100)).await, "and all of them at once");
    assert!(kept(block(other, 3, 0, 100)).await, "others have their own");
    assert_eq!(loaded(storage, user, at(50)).await.len(), 3, "nothing else was kept");
}

async fn purging_forgets_expired_revocations_of_tokens(storage: &Storage) {
    // Long ago, so that the purge touches nobody else's.
    let long_ago = |seconds: i64| Timestamp::from_seconds(300_000_000 + seconds);
    let user = UserId(id());
    for (byte, expires) in [(1, 100), (2, 150), (3, 300)] {
        let expires = long_ago(expires);
        revoke(storage, &TokenRevocation { expires, ..block(user, byte, 0, 0) }).await;
    }
    let purge = async |now| storage.token_revocations.purge(now).await.expect("purge");
    assert_eq!(purge(long_ago(200)).await, 2, "two have expired");
    assert_eq!(loaded(storage, user, long_ago(50)).await.len(), 1, "the other one stays");
    assert_eq!(purge(long_ago(400)).await, 1, "now the last one");
}
