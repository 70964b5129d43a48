//! The log-ins that are no longer good, in memory.
//!
//! Asked on every call, so it must cost nothing: by far most log-ins are not in it, and a part
//! without entries is not even locked.

use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use metrics::Gauge;
use parking_lot::RwLock;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{Revocation, RevocationScope};
use uuid::Uuid;

use crate::claims::{Claims, TokenKind};

/// The list is in so many parts, so that writers hardly meet readers.
const SHARDS: usize = 64;

/// What has been revoked and has not expired.
///
/// An entry leaves by [`sweep`](Self::sweep) when the last token that it concerns has expired, and
/// not before: forgetting one early would make tokens good again. So there is no cap; what bounds
/// the list is how many sign in and out within a token's life.
#[derive(Debug)]
pub struct RevocationList {
    log_ins: Shards<LogIn>,
    users: Shards<User>,
    entries: Gauge,
}

/// Until when the entries about one log-in matter, in seconds; [`NEVER`] if there is none.
#[derive(Clone, Copy, Debug)]
struct LogIn {
    session_until: i64,
    refresh_until: i64,
}

/// All log-ins of a user up to an instant.
#[derive(Clone, Copy, Debug)]
struct User {
    at: Timestamp,
    until: i64,
}

const NEVER: i64 = i64::MIN;

impl RevocationList {
    /// An empty list, which reports how long it is.
    #[must_use]
    pub fn new(entries: Gauge) -> Self {
        Self { log_ins: Shards::new(), users: Shards::new(), entries }
    }

    /// Whether the token with these claims is no longer good, though its time may not be over.
    ///
    /// A matter of some tens of nanoseconds.
    #[must_use]
    pub fn is_revoked(&self, claims: &Claims, kind: TokenKind) -> bool {
        let alone = match kind {
            TokenKind::Session => RevocationScope::Session(claims.token_id),
            TokenKind::Refresh => RevocationScope::Refresh(claims.token_id),
        };
        self.has(alone)
            || self.users.get(claims.user.0).is_some_and(|user| claims.logged_in_by(user.at))
    }

    /// The instant up to which all log-ins of the user are revoked.
    #[must_use]
    pub fn all_until(&self, user: UserId) -> Option<Timestamp> {
        self.users.get(user.0).map(|user| user.at)
    }

    /// Whether the tokens of one log-in are revoked by themselves. Then doing it again changes
    /// nothing: no token of that log-in outlives the entry. Never so for [`RevocationScope::All`],
    /// which is about an instant.
    #[must_use]
    pub fn has(&self, scope: RevocationScope) -> bool {
        match scope {
            RevocationScope::Session(id) => {
                self.log_ins.get(id.0).is_some_and(|log_in| log_in.session_until != NEVER)
            }
            RevocationScope::Refresh(id) => {
                self.log_ins.get(id.0).is_some_and(|log_in| log_in.refresh_until != NEVER)
            }
            RevocationScope::All => false,
        }
    }

    /// Adds revocations, in any order and as often as one likes: the later times win. Whoever asks
    /// after this has returned, on whatever thread, gets the new answer.
    pub fn apply(&self, revocations: &[Revocation]) {
        const NO_LOG_IN: LogIn = LogIn { session_until: NEVER, refresh_until: NEVER };
        for revocation in revocations {
            let until = revocation.expires.seconds();
            match revocation.scope {
                RevocationScope::Session(id) => self.log_ins.update(id.0, NO_LOG_IN, |log_in| {
                    log_in.session_until = log_in.session_until.max(until);
                }),
                RevocationScope::Refresh(id) => self.log_ins.update(id.0, NO_LOG_IN, |log_in| {
                    log_in.refresh_until = log_in.refresh_until.max(until);
                }),
                RevocationScope::All => {
                    let new = User { at: revocation.at, until };
                    self.users.update(revocation.user.0, new, |user| {
                        user.at = user.at.max(new.at);
                        user.until = user.until.max(new.until);
                    });
                }
            }
        }
        self.meter();
    }

    /// Forgets what concerns expired tokens only; answers how many entries.
    pub fn sweep(&self, now: Timestamp) -> usize {
        let now = now.seconds();
        let before = self.len();
        self.log_ins.retain(|log_in| log_in.session_until.max(log_in.refresh_until) > now);
        self.users.retain(|user| user.until > now);
        self.meter();
        before.saturating_sub(self.len())
    }

    /// How many log-ins and users have entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.log_ins.len() + self.users.len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn meter(&self) {
        self.entries.set(u32::try_from(self.len()).unwrap_or(u32::MAX));
    }
}

/// A map in parts by the last bits of random ids.
#[derive(Debug)]
struct Shards<V>(Box<[Shard<V>]>);

/// One part. Aligned so that no two share a cache line.
#[derive(Debug)]
#[repr(align(64))]
struct Shard<V> {
    /// How many entries `map` has, so that an empty one needs no lock.
    len: AtomicUsize,
    map: RwLock<HashMap<Uuid, V>>,
}

impl<V: Copy> Shards<V> {
    fn new() -> Self {
        let shard = || Shard { len: AtomicUsize::new(0), map: RwLock::new(HashMap::new()) };
        Self((0..SHARDS).map(|_| shard()).collect())
    }

    fn shard(&self, id: Uuid) -> &Shard<V> {
        &self.0[usize::from(id.as_bytes()[15]) % SHARDS]
    }

    fn get(&self, id: Uuid) -> Option<V> {
        let shard = self.shard(id);
        // Pairs with the store in `update`: who learned of a revocation sees it here.
        if shard.len.load(Ordering::Acquire) == 0 {
            return None;
        }
        shard.map.read().get(&id).copied()
    }

    fn update(&self, id: Uuid, new: V, change: impl FnOnce(&mut V)) {
        let shard = self.shard(id);
        let mut map = shard.map.write();
        change(map.entry(id).or_insert(new));
        shard.len.store(map.len(), Ordering::Release);
    }

    fn retain(&self, keep: impl Fn(&V) -> bool) {
        for shard in &self.0 {
            let mut map = shard.map.write();
            map.retain(|_, value| keep(value));
            // A rush of log-outs must not hold its memory for ever.
            if map.capacity() > 4 * map.len() + 64 {
                map.shrink_to_fit();
            }
            shard.len.store(map.len(), Ordering::Release);
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.len.load(Ordering::Acquire)).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap as Model;

    use proptest::prelude::*;
    use tavern_domain::{SeededEntropy, TokenId};

    use super::*;
    use crate::claims::Vars;
    use crate::log_in::log_in_id;

    fn list() -> RevocationList {
        RevocationList::new(Gauge::noop())
    }

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn claims(token_id: TokenId, of: u128, issued: i64) -> Claims {
        Claims {
            token_id,
            user: user(of),
            username: "ann".into(),
            vars: Vars::new(),
            expires: Timestamp::from_seconds(9_999_999),
            issued: Timestamp::from_seconds(issued),
        }
    }

    fn log_in(of: u128, millis: i64) -> Claims {
        let id = log_in_id(at(millis), &SeededEntropy::new(millis.unsigned_abs()));
        claims(id, of, at(millis).seconds())
    }

    fn revocation(of: u128, scope: RevocationScope, when: i64) -> Revocation {
        let (at, expires) = (at(when), Timestamp::from_seconds(1000));
        Revocation { user: user(of), scope, at, expires }
    }

    #[test]
    fn each_kind_of_token_is_revoked_on_its_own() {
        let (list, ann) = (list(), log_in(1, 5));
        let seen =
            || [TokenKind::Session, TokenKind::Refresh].map(|kind| list.is_revoked(&ann, kind));
        assert_eq!(seen(), [false, false]);
        list.apply(&[revocation(1, RevocationScope::Refresh(ann.token_id), 9)]);
        assert_eq!(seen(), [false, true]);
        list.apply(&[revocation(1, RevocationScope::Session(ann.token_id), 9)]);
        assert_eq!(seen(), [true, true]);
        assert!(!list.is_revoked(&log_in(1, 6), TokenKind::Session), "another log-in");
    }

    #[test]
    fn revoking_all_reaches_exactly_the_log_ins_up_to_its_millisecond() {
        let list = list();
        list.apply(&[revocation(1, RevocationScope::All, 1_500)]);
        for kind in [TokenKind::Session, TokenKind::Refresh] {
            assert!(list.is_revoked(&log_in(1, 1_500), kind));
            assert!(!list.is_revoked(&log_in(1, 1_501), kind), "same second, later");
            assert!(!list.is_revoked(&log_in(2, 5), kind), "another user");
        }
        // Log-ins of other servers have seconds only.
        let foreign = TokenId(SeededEntropy::new(1).uuid_v4());
        assert!(list.is_revoked(&claims(foreign, 1, 1), TokenKind::Session));
        assert!(!list.is_revoked(&claims(foreign, 1, 2), TokenKind::Session));
        assert_eq!(list.all_until(user(1)), Some(at(1_500)));
        assert_eq!(list.all_until(user(2)), None);
    }

    #[test]
    fn entries_leave_with_the_last_token_they_concern() {
        let (list, ann) = (list(), log_in(1, 5));
        let mut early = revocation(1, RevocationScope::Session(ann.token_id), 9);
        early.expires = Timestamp::from_seconds(500);
        list.apply(&[early, revocation(1, RevocationScope::Refresh(ann.token_id), 9)]);
        list.apply(&[Revocation { scope: RevocationScope::All, ..early }]);
        assert_eq!(list.len(), 2);
        assert_eq!(list.sweep(Timestamp::from_seconds(499)), 0);
        assert_eq!(list.sweep(Timestamp::from_seconds(500)), 1);
        assert_eq!(list.sweep(Timestamp::from_seconds(1000)), 1);
        assert!(list.is_empty() && !list.is_revoked(&ann, TokenKind::Refresh));
    }

    #[test]
    fn a_rush_does_not_hold_its_memory() {
        let list = list();
        let entropy = SeededEntropy::new(1);
        let rush: Vec<_> = (0..20_000)
            .map(|_| revocation(1, RevocationScope::Session(TokenId(entropy.uuid_v4())), 1))
            .collect();
        list.apply(&rush);
        assert_eq!(list.len(), 20_000);
        assert_eq!(list.sweep(Timestamp::from_seconds(1000)), 20_000);
        let kept: usize = list.log_ins.0.iter().map(|s| s.map.read().capacity()).sum();
        assert!(kept < 20_000 / 4, "{kept}");
    }

    use tavern_domain::Entropy as _;

    proptest! {
        /// Against a plain model: every revocation ever made, asked one by one.
        #[test]
        fn the_order_and_number_of_applications_do_not_matter(
            made in prop::collection::vec((0..3u8, 0..4u128, 0..6i64, 1..9i64), 0..30),
            twice in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let log_ins: Vec<_> = (0..4).flat_map(|u| (0..6).map(move |t| log_in(u, t))).collect();
            let all: Vec<_> = made.iter().map(|(scope, of, when, expires)| {
                let id = log_in(*of, *when).token_id;
                let scope = match scope {
                    0 => RevocationScope::Session(id),
                    1 => RevocationScope::Refresh(id),
                    _ => RevocationScope::All,
                };
                Revocation {
                    user: user(*of), scope, at: at(*when), expires: Timestamp::from_seconds(*expires),
                }
            }).collect();
            let (forth, back) = (list(), list());
            forth.apply(&all);
            for one in all.iter().rev() {
                back.apply(&[*one]);
            }
            for index in twice {
                if !all.is_empty() {
                    back.apply(&[*index.get(&all)]);
                }
            }
            let mut by_user: Model<UserId, Timestamp> = Model::new();
            for r in all.iter().filter(|r| r.scope == RevocationScope::All) {
                let until = by_user.entry(r.user).or_insert(r.at);
                *until = r.at.max(*until);
            }
            for claims in &log_ins {
                for (kind, scope) in [
                    (TokenKind::Session, RevocationScope::Session(claims.token_id)),
                    (TokenKind::Refresh, RevocationScope::Refresh(claims.token_id)),
                ] {
                    let expected = all.iter().any(|r| r.scope == scope)
                        || by_user.get(&claims.user).is_some_and(|until| claims.logged_in_by(*until));
                    prop_assert_eq!(forth.is_revoked(claims, kind), expected);
                    prop_assert_eq!(back.is_revoked(claims, kind), expected);
                }
            }
        }
    }
}
