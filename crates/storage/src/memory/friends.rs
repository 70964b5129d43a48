//! Who is whose friend.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;
use tavern_domain::{Timestamp, UserId};

use super::limits::{broken, jsonb};
use super::notifications;
use super::{Memory, Tables};
use crate::{
    DecideFriends, Friend, FriendChanges, FriendKey, FriendOfFriend, FriendOfFriendPage,
    FriendPage, FriendState, Friends, FriendsChanged, Others, Pair, StorageError,
};

/// One player's edge to another.
#[derive(Clone)]
pub(super) struct FriendEdge {
    pub(super) state: FriendState,
    pub(super) position: i64,
    pub(super) update_time: Timestamp,
    pub(super) metadata: String,
}

/// Who are meant, and whether they are named.
type Meant = BTreeMap<UserId, bool>;

fn merged(old: &str, new: &str) -> Result<String, StorageError> {
    let object = |text| serde_json::from_str::<serde_json::Map<String, Value>>(text);
    let does_not_fit = |error: serde_json::Error| StorageError::DoesNotFit(error.into());
    let mut all = object(old).map_err(does_not_fit)?;
    all.extend(object(new).map_err(does_not_fit)?);
    jsonb(&Value::Object(all).to_string())
}

impl Tables {
    fn state(&self, from: UserId, to: UserId) -> Option<FriendState> {
        self.friends.get(&(from, to)).map(|edge| edge.state)
    }

    fn meant(&self, user: UserId, others: Others<'_>) -> Meant {
        let has =
            |list: &[String], id: &Option<String>| id.as_ref().is_some_and(|id| list.contains(id));
        let mut meant = Meant::new();
        for row in self.users.values() {
            let kept = &row.user;
            if kept.id == user || kept.id.is_nil() {
                continue;
            }
            let named = others.ids.contains(&kept.id)
                || others.usernames.contains(&kept.username)
                || has(others.facebook_ids, &kept.facebook_id)
                || has(others.steam_ids, &kept.steam_id);
            let connected = self.friends.contains_key(&(user, kept.id))
                || self.friends.contains_key(&(kept.id, user));
            if named || (others.connected && connected) {
                meant.insert(kept.id, named);
            }
        }
        meant
    }

    /// Behind all edges of a player.
    fn position(&self, user: UserId, now: Timestamp) -> i64 {
        let own =
            self.friends.range((user, UserId::NIL)..).take_while(|((from, _), _)| *from == user);
        own.map(|(_, edge)| edge.position + 1).max().unwrap_or(0).max(now.nanos())
    }

    fn set_edge(
        &mut self,
        (from, to): (UserId, UserId),
        state: Option<FriendState>,
        metadata: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let before = self.friends.get(&(from, to)).cloned();
        let counted = match (&before, state) {
            (None, None) => return Ok(()),
            (Some(_), None) => {
                self.friends.remove(&(from, to));
                -1
            }
            (old, Some(state)) => {
                let position =
                    old.as_ref().map_or_else(|| self.position(from, now), |old| old.position);
                let metadata = merged(
                    old.as_ref().map_or("{}", |old| &old.metadata),
                    metadata.unwrap_or("{}"),
                )?;
                let update_time = match old {
                    Some(old) if old.state == state => old.update_time,
                    Some(_) | None => now.whole_micros(),
                };
                self.friends
                    .insert((from, to), FriendEdge { state, position, update_time, metadata });
                i32::from(before.is_none())
            }
        };
        if let Some(row) = self.users.get_mut(&from).filter(|_| counted != 0) {
            row.user.edge_count += counted;
            row.user.update_time = now.whole_micros();
        }
        Ok(())
    }

    fn friend(&self, to: UserId, edge: &FriendEdge) -> Option<Friend> {
        Some(Friend {
            user: self.users.get(&to)?.user.clone(),
            state: edge.state,
            position: edge.position,
            update_time: edge.update_time,
            metadata: edge.metadata.clone(),
        })
    }

    /// A player's edges, in the order of a list.
    fn friends_of(&self, user: UserId) -> Vec<Friend> {
        let own = self.friends.iter().filter(|((from, _), _)| *from == user);
        let mut friends: Vec<_> =
            own.filter_map(|((_, to), edge)| self.friend(*to, edge)).collect();
        friends.sort_by_key(|friend| (friend.state, friend.position));
        friends
    }

    fn carry_out(
        &mut self,
        user: UserId,
        changes: &FriendChanges,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        for change in &changes.pairs {
            let Pair { other, mine, theirs, .. } = change.pair;
            self.set_edge((user, other), mine, change.metadata.as_deref(), now)?;
            self.set_edge((other, user), theirs, change.their_metadata.as_deref(), now)?;
        }
        Ok(())
    }

    /// A deleted player's edges, and those to them.
    pub(super) fn lose_all_friends(&mut self, user: UserId) {
        let to_them: Vec<_> =
            self.friends.keys().filter(|(_, to)| *to == user).map(|(from, _)| *from).collect();
        for from in to_them {
            if let Some(row) = self.users.get_mut(&from) {
                row.user.edge_count -= 1;
            }
        }
        self.friends.retain(|(from, to), _| *from != user && *to != user);
    }
}

#[async_trait]
impl Friends for Memory {
    async fn change(
        &self,
        user: UserId,
        others: Others<'_>,
        now: Timestamp,
        decide: &DecideFriends<'_>,
    ) -> Result<FriendsChanged, StorageError> {
        let mut tables = self.lock();
        if !tables.users.contains_key(&user) {
            return Ok(FriendsChanged::default());
        }
        let meant = tables.meant(user, others);
        let pairs: Vec<Pair> = meant
            .iter()
            .map(|(other, named)| Pair {
                other: *other,
                mine: tables.state(user, *other),
                theirs: tables.state(*other, user),
                named: *named,
            })
            .collect();
        let changes = decide(&pairs);
        let notifications = notifications::checked(&changes.notifications)?;
        if tables.has_notification(&notifications) {
            return Err(broken("a notification with this id exists"));
        }
        for change in &changes.pairs {
            for text in change.metadata.iter().chain(&change.their_metadata) {
                merged("{}", text)?;
            }
        }
        tables.carry_out(user, &changes, now)?;
        tables.keep_notifications(notifications);
        Ok(FriendsChanged { found: meant.values().filter(|named| **named).count(), changes })
    }

    async fn list(
        &self,
        user: UserId,
        state: Option<FriendState>,
        after: Option<FriendKey>,
        limit: u32,
    ) -> Result<FriendPage, StorageError> {
        let mut rest = self.lock().friends_of(user).into_iter().filter(|friend| {
            let key = FriendKey { state: friend.state, position: friend.position };
            state.is_none_or(|state| friend.state == state) && after.is_none_or(|after| key > after)
        });
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let friends = rest.by_ref().take(limit).collect();
        Ok(FriendPage { friends, more: rest.next().is_some() })
    }

    async fn of_friends(
        &self,
        user: UserId,
        after: Option<(UserId, UserId)>,
        limit: u32,
    ) -> Result<FriendOfFriendPage, StorageError> {
        let tables = self.lock();
        let is_friend = |from, to| tables.state(from, to) == Some(FriendState::Friend);
        let mut rest = tables
            .friends
            .iter()
            .filter(|((from, to), edge)| {
                edge.state == FriendState::Friend
                    && is_friend(user, *from)
                    && *to != user
                    && !is_friend(user, *to)
                    && after.is_none_or(|after| (from.0, to.0) > (after.0.0, after.1.0))
            })
            .filter_map(|((from, to), _)| {
                let user = tables.users.get(to)?.user.clone();
                Some(FriendOfFriend { referrer: *from, user })
            });
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let entries = rest.by_ref().take(limit).collect();
        Ok(FriendOfFriendPage { entries, more: rest.next().is_some() })
    }

    async fn get(&self, user: UserId, others: &[UserId]) -> Result<Vec<Friend>, StorageError> {
        let mut friends = self.lock().friends_of(user);
        friends.retain(|friend| others.contains(&friend.user.id));
        Ok(friends)
    }

    async fn between(&self, user: UserId, other: UserId) -> Result<Option<Pair>, StorageError> {
        let tables = self.lock();
        Ok(tables.users.contains_key(&other).then(|| Pair {
            other,
            mine: tables.state(user, other),
            theirs: tables.state(other, user),
            named: true,
        }))
    }

    async fn set_metadata(
        &self,
        user: UserId,
        other: UserId,
        metadata: &str,
    ) -> Result<bool, StorageError> {
        let metadata = jsonb(metadata)?;
        let mut tables = self.lock();
        let Some(edge) = tables.friends.get_mut(&(user, other)) else { return Ok(false) };
        edge.metadata = metadata;
        Ok(true)
    }
}
