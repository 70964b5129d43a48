//! Friends, invitations and blocks.

mod error;
mod rules;

use std::sync::Arc;

use serde_json::json;
use tavern_domain::{CursorScope, UserId, check_json_object};
use tavern_storage::{
    Friend, FriendChanges, FriendKey, FriendOfFriend, FriendState, Friends as Store, Others, Pair,
    PairChange,
};

pub use self::error::FriendError;
use crate::live::Sockets;
use crate::times::Times;
use crate::{Author, Channel, NotificationCode, Notifications, Whom, edges};

/// Most friends on a page, and how many there are unless a limit is given.
pub const MAX_FRIENDS_LISTED: u32 = 1_000;
/// Most friends of friends on a page; there are 10 unless a limit is given.
pub const MAX_FRIENDS_OF_FRIENDS: u32 = 100;
/// Most players that one call may name.
pub const MAX_OTHERS: usize = 1_000;
/// Most friends that one import may name.
pub const MAX_IMPORTED: usize = 10_000;
/// Most bytes of the metadata of a friend.
pub const MAX_FRIEND_METADATA_BYTES: usize = 16 * 1_024;

/// The players that a call names.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Named<'a> {
    pub ids: &'a [UserId],
    pub usernames: &'a [String],
}

/// Where friends are imported from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Provider {
    Facebook,
    Steam,
}

impl Provider {
    const fn name(self) -> &'static str {
        match self {
            Self::Facebook => "facebook",
            Self::Steam => "steam",
        }
    }
}

/// A part of a player's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FriendList {
    /// The friends, by state, then position.
    pub friends: Vec<Friend>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// A part of the list of a player's friends' friends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FriendOfFriendList {
    /// The friends' friends, by referrer.
    pub entries: Vec<FriendOfFriend>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// The friends: rules over what is kept.
///
/// Every change is one step: two players who ask each other at the same moment are friends then.
pub struct Friends {
    store: Arc<dyn Store>,
    times: Arc<Times>,
    notifications: Arc<Notifications>,
    sockets: Arc<Sockets>,
}

impl std::fmt::Debug for Friends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Friends").finish_non_exhaustive()
    }
}

impl Friends {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        times: Arc<Times>,
        notifications: Arc<Notifications>,
        sockets: Arc<Sockets>,
    ) -> Self {
        Self { store, times, notifications, sockets }
    }

    /// Asks players to be friends, or agrees where they have asked. Whoever has blocked the other
    /// is passed over, and so are players that do not exist, unless names are given and none of
    /// them exists. `metadata` is the text of a JSON object that goes into the caller's own edges.
    ///
    /// # Errors
    /// [`FriendError`] for somebody who names themselves, too many players, metadata that is
    /// refused, or names alone that nobody has; [`FriendError::Storage`].
    pub async fn add(
        &self,
        who: &Author,
        named: Named<'_>,
        metadata: Option<&str>,
    ) -> Result<(), FriendError> {
        check(who, named)?;
        if let Some(metadata) = metadata {
            check_json_object(metadata, MAX_FRIEND_METADATA_BYTES)
                .map_err(FriendError::Metadata)?;
        }
        let decide = |pairs: &[Pair]| {
            self.change(who, pairs, rules::add, |change| PairChange {
                metadata: metadata.map(str::to_owned),
                ..change
            })
        };
        let found = self.carry_out(who, named, &decide).await?;
        if found == 0 && named.ids.is_empty() && !named.usernames.is_empty() {
            return Err(FriendError::NoUser);
        }
        Ok(())
    }

    /// Ends friendships, takes back or refuses invitations, lifts blocks. Whoever is none of it is
    /// passed over. A block by the other side stays.
    ///
    /// # Errors
    /// [`FriendError`] for somebody who names themselves, or too many players;
    /// [`FriendError::Storage`].
    pub async fn delete(&self, who: &Author, named: Named<'_>) -> Result<(), FriendError> {
        check(who, named)?;
        let decide = |pairs: &[Pair]| self.change(who, pairs, rules::delete, |change| change);
        self.carry_out(who, named, &decide).await?;
        Ok(())
    }

    /// Blocks players: they are no longer friends, cannot ask to be, and cannot open a direct
    /// chat; one that is open is closed.
    ///
    /// # Errors
    /// As for [`Self::add`].
    pub async fn block(&self, who: &Author, named: Named<'_>) -> Result<(), FriendError> {
        check(who, named)?;
        let decide = |pairs: &[Pair]| self.change(who, pairs, rules::block, |change| change);
        let found = self.carry_out(who, named, &decide).await?;
        if found == 0 && named.ids.is_empty() && !named.usernames.is_empty() {
            return Err(FriendError::NoUser);
        }
        Ok(())
    }

    /// Makes friends of those who are friends in a social network, by their ids there. With
    /// `reset`, friends and invitations that are not among them go. Blocks stay, and whoever has
    /// blocked the other is passed over. Answers how many players the ids belong to.
    ///
    /// # Errors
    /// [`FriendError::TooMany`], [`FriendError::Storage`].
    pub async fn import(
        &self,
        who: &Author,
        provider: Provider,
        ids: &[String],
        reset: bool,
    ) -> Result<usize, FriendError> {
        if ids.len() > MAX_IMPORTED {
            return Err(FriendError::TooMany { limit: MAX_IMPORTED });
        }
        if ids.is_empty() && !reset {
            return Ok(0);
        }
        let metadata = json!({ "provider": provider.name() }).to_string();
        let decide = |pairs: &[Pair]| {
            let rule = |pair: &Pair| rules::import(pair, reset);
            self.change(who, pairs, rule, |change| {
                let friends = change.pair.mine == Some(FriendState::Friend);
                let metadata = friends.then(|| metadata.clone());
                PairChange { their_metadata: metadata.clone(), metadata, ..change }
            })
        };
        let others = match provider {
            Provider::Facebook => Others { facebook_ids: ids, ..Others::default() },
            Provider::Steam => Others { steam_ids: ids, ..Others::default() },
        };
        let others = Others { connected: reset, ..others };
        let now = self.times.now();
        let done = self.store.change(who.user, others, now, &decide).await?;
        self.notifications.deliver(&done.changes.notifications);
        Ok(done.found)
    }

    /// A part of a player's list, of one state or of all. `limit` is [`MAX_FRIENDS_LISTED`] unless
    /// given. Changes nothing.
    ///
    /// # Errors
    /// [`FriendError::Limit`], [`FriendError::State`], [`FriendError::Cursor`],
    /// [`FriendError::Storage`].
    pub async fn list(
        &self,
        user: UserId,
        limit: Option<i32>,
        state: Option<i32>,
        cursor: &str,
    ) -> Result<FriendList, FriendError> {
        let most = MAX_FRIENDS_LISTED;
        let limit = edges::limit(limit, most, most).ok_or(FriendError::Limit { most })?;
        let state = match state {
            None => None,
            Some(number) => Some(FriendState::from_number(number).ok_or(FriendError::State)?),
        };
        let about = edges::about(user.0.as_bytes(), state.map(FriendState::number));
        let scope = CursorScope { list: "friends 1", about: &about };
        let after = match edges::decode(scope, cursor)? {
            None => None,
            Some((number, position)) => {
                let state = FriendState::from_number(number);
                let state = state.ok_or(tavern_domain::InvalidCursor)?;
                Some(FriendKey { state, position })
            }
        };
        let page = self.store.list(user, state, after, limit).await?;
        let last = page.friends.last().filter(|_| page.more);
        let cursor =
            last.map(|friend| edges::encode(scope, friend.state.number(), friend.position));
        Ok(FriendList { friends: page.friends, cursor })
    }

    /// A part of the list of friends of a player's friends who are not yet friends themselves.
    /// `limit` is 10 unless given. Changes nothing.
    ///
    /// # Errors
    /// [`FriendError::Limit`], [`FriendError::Cursor`], [`FriendError::Storage`].
    pub async fn of_friends(
        &self,
        user: UserId,
        limit: Option<i32>,
        cursor: &str,
    ) -> Result<FriendOfFriendList, FriendError> {
        let most = MAX_FRIENDS_OF_FRIENDS;
        let limit = edges::limit(limit, 10, most).ok_or(FriendError::Limit { most })?;
        let scope = CursorScope { list: "friends of friends 1", about: user.0.as_bytes() };
        let after = match cursor {
            "" => None,
            text => {
                let bytes = scope.decode(text)?;
                let (referrer, other) =
                    bytes.split_at_checked(16).ok_or(tavern_domain::InvalidCursor)?;
                let id = |bytes| {
                    uuid::Uuid::from_slice(bytes)
                        .map(UserId)
                        .map_err(|_| tavern_domain::InvalidCursor)
                };
                Some((id(referrer)?, id(other)?))
            }
        };
        let page = self.store.of_friends(user, after, limit).await?;
        let last = page.entries.last().filter(|_| page.more);
        let cursor = last.map(|last| {
            let mut bytes = [0; 32];
            bytes[..16].copy_from_slice(last.referrer.0.as_bytes());
            bytes[16..].copy_from_slice(last.user.id.0.as_bytes());
            scope.encode(&bytes)
        });
        Ok(FriendOfFriendList { entries: page.entries, cursor })
    }

    /// A player's edges to these others, where there are any.
    ///
    /// # Errors
    /// [`FriendError::TooMany`], [`FriendError::Storage`].
    pub async fn status(
        &self,
        user: UserId,
        others: &[UserId],
    ) -> Result<Vec<Friend>, FriendError> {
        if others.len() > MAX_OTHERS {
            return Err(FriendError::TooMany { limit: MAX_OTHERS });
        }
        Ok(self.store.get(user, others).await?)
    }

    /// Replaces the metadata of a player's edge to another; where there is none, nothing happens.
    ///
    /// # Errors
    /// [`FriendError::Metadata`], [`FriendError::Storage`].
    pub async fn set_metadata(
        &self,
        user: UserId,
        other: UserId,
        metadata: &str,
    ) -> Result<(), FriendError> {
        check_json_object(metadata, MAX_FRIEND_METADATA_BYTES).map_err(FriendError::Metadata)?;
        self.store.set_metadata(user, other, metadata).await?;
        Ok(())
    }

    async fn carry_out(
        &self,
        who: &Author,
        named: Named<'_>,
        decide: &tavern_storage::DecideFriends<'_>,
    ) -> Result<usize, FriendError> {
        let Named { ids, usernames } = named;
        if ids.is_empty() && usernames.is_empty() {
            return Ok(0);
        }
        let others = Others { ids, usernames, ..Others::default() };
        let done = self.store.change(who.user, others, self.times.now(), decide).await?;
        for change in &done.changes.pairs {
            if change.pair.mine == Some(FriendState::Blocked) {
                let chat = Channel::direct(who.user, change.pair.other);
                self.sockets.evict(&chat, Whom::Everybody);
            }
        }
        self.notifications.deliver(&done.changes.notifications);
        Ok(done.found)
    }

    /// What a rule makes of each pair, and whom it tells of it.
    fn change(
        &self,
        who: &Author,
        pairs: &[Pair],
        rule: impl Fn(&Pair) -> Option<rules::Verdict>,
        complete: impl Fn(PairChange) -> PairChange,
    ) -> FriendChanges {
        let mut changes = FriendChanges::default();
        for pair in pairs {
            let Some(verdict) = rule(pair) else { continue };
            let pair = Pair { mine: verdict.mine, theirs: verdict.theirs, ..*pair };
            changes.pairs.push(complete(PairChange { pair, metadata: None, their_metadata: None }));
            if let Some(code) = verdict.tell {
                let content = json!({ "username": &*who.username });
                let subject = subject(code, &who.username);
                let notification =
                    self.notifications.draft(pair.other, code, subject, &content, who.user);
                changes.notifications.push(notification);
            }
        }
        changes
    }
}

fn subject(code: NotificationCode, name: &str) -> String {
    match code {
        NotificationCode::FRIEND_REQUEST => format!("{name} would like to be your friend"),
        NotificationCode::FRIEND_ACCEPTED => format!("{name} is your friend now"),
        NotificationCode::FRIEND_REMOVED => format!("{name} is no longer your friend"),
        _ => format!("Your friend {name} plays, too"),
    }
}

fn check(who: &Author, named: Named<'_>) -> Result<(), FriendError> {
    let Named { ids, usernames } = named;
    if ids.len() + usernames.len() > MAX_OTHERS {
        return Err(FriendError::TooMany { limit: MAX_OTHERS });
    }
    if ids.contains(&who.user) || usernames.iter().any(|name| **name == *who.username) {
        return Err(FriendError::Oneself);
    }
    if ids.iter().any(UserId::is_nil) {
        return Err(FriendError::UserId);
    }
    if usernames.iter().any(String::is_empty) {
        return Err(FriendError::Username);
    }
    Ok(())
}
