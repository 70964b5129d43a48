//! Groups: who may found, change, join and lead them.

mod error;
mod lists;
mod rules;

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tavern_domain::{Entropy, UserId, check_json_object};
use tavern_storage::{
    Field, Group, GroupChange, GroupCreated, GroupMessage, GroupRefused, GroupState, GroupUpdate,
    GroupUpdated, GroupView, Groups as Store, NewGroup as ToKeep,
};
use uuid::Uuid;

pub use self::error::GroupError;
pub use self::lists::{GroupEdgeList, GroupList, GroupQuery};
use self::rules::Plan;
use crate::live::Sockets;
use crate::times::Times;
use crate::{Author, Channel, ChatMessage, MessageCode, NotificationCode, Notifications, Whom};

/// Most groups, or players of a group, on a page.
pub const MAX_GROUPS_LISTED: u32 = 100;
/// Most players that one call may name.
pub const MAX_GROUP_USERS: usize = 1_000;
/// Most bytes of a group's metadata.
pub const MAX_GROUP_METADATA_BYTES: usize = 64 * 1_024;
/// Most characters of a name, and of a description.
const MAX_NAME_CHARS: usize = 255;
const MAX_AVATAR_CHARS: usize = 512;
const MAX_LANG_CHARS: usize = 18;
/// How many members a group may have unless it is said.
const DEFAULT_MAX_COUNT: i32 = 100;

/// A group to be created.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the protocol")]
pub struct NewGroup<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub avatar_url: &'a str,
    /// `en` if empty.
    pub lang_tag: &'a str,
    /// The text of a JSON object; `{}` if empty.
    pub metadata: &'a str,
    pub open: bool,
    /// 100 if 0.
    pub max_count: i32,
}

/// The groups: rules over what is kept.
///
/// Whatever changes the members is one step with the group's count, the messages in its chat and
/// the notifications about it. Where a caller is asked for, `None` is server code, which may do all
/// that a superadmin may.
pub struct Groups {
    store: Arc<dyn Store>,
    times: Arc<Times>,
    entropy: Arc<dyn Entropy>,
    notifications: Arc<Notifications>,
    sockets: Arc<Sockets>,
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

impl Groups {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        times: Arc<Times>,
        entropy: Arc<dyn Entropy>,
        notifications: Arc<Notifications>,
        sockets: Arc<Sockets>,
    ) -> Self {
        Self { store, times, entropy, notifications, sockets }
    }

    /// Creates a group with this superadmin. `creator` is who is on record as its creator; nil for
    /// the server.
    ///
    /// # Errors
    /// [`GroupError`] for a field that is refused, a name in use, or a superadmin who does not
    /// exist; [`GroupError::Storage`].
    pub async fn create(
        &self,
        superadmin: UserId,
        creator: UserId,
        new: NewGroup<'_>,
    ) -> Result<Group, GroupError> {
        if new.name.is_empty() {
            return Err(GroupError::NameRequired);
        }
        let max_count = match new.max_count {
            0 => DEFAULT_MAX_COUNT,
            max_count if max_count > 0 => max_count,
            _ => return Err(GroupError::MaxCount),
        };
        check_text("name", new.name, MAX_NAME_CHARS)?;
        check_text("description", new.description, MAX_NAME_CHARS)?;
        check_text("avatar url", new.avatar_url, MAX_AVATAR_CHARS)?;
        check_text("language", new.lang_tag, MAX_LANG_CHARS)?;
        let metadata = if new.metadata.is_empty() { "{}" } else { new.metadata };
        check_metadata(metadata)?;
        let some =
            |text: &'_ str| -> Option<String> { (!text.is_empty()).then(|| text.to_owned()) };
        let (description, avatar_url) = (some(new.description), some(new.avatar_url));
        let created = self.store.create(ToKeep {
            id: self.entropy.uuid_v4(),
            superadmin,
            creator,
            name: new.name,
            description: description.as_deref(),
            avatar_url: avatar_url.as_deref(),
            lang_tag: if new.lang_tag.is_empty() { "en" } else { new.lang_tag },
            metadata,
            open: new.open,
            max_count,
            now: self.times.now(),
        });
        match created.await? {
            GroupCreated::Created(group) => Ok(group),
            GroupCreated::NameTaken => Err(GroupError::NameInUse),
            GroupCreated::NoUser => Err(GroupError::NoUser),
        }
    }

    /// Changes a group; for admins.
    ///
    /// # Errors
    /// [`GroupError`] for a field that is refused, a name in use, or a caller who is none of its
    /// admins; [`GroupError::Storage`].
    pub async fn update(
        &self,
        caller: Option<UserId>,
        group: Uuid,
        update: &GroupUpdate,
    ) -> Result<(), GroupError> {
        if *update == GroupUpdate::default() {
            return Err(GroupError::NothingToChange);
        }
        if let Some(name) = &update.name {
            if name.is_empty() {
                return Err(GroupError::NameRequired);
            }
            check_text("name", name, MAX_NAME_CHARS)?;
        }
        if let Some(tag) = &update.lang_tag {
            if tag.is_empty() {
                return Err(GroupError::LangRequired);
            }
            check_text("language", tag, MAX_LANG_CHARS)?;
        }
        if let Field::Set(text) = &update.description {
            check_text("description", text, MAX_NAME_CHARS)?;
        }
        if let Field::Set(text) = &update.avatar_url {
            check_text("avatar url", text, MAX_AVATAR_CHARS)?;
        }
        if let Some(metadata) = &update.metadata {
            check_metadata(metadata)?;
        }
        if update.max_count.is_some_and(|max_count| max_count < 1) {
            return Err(GroupError::MaxCount);
        }
        match self.store.update(group, caller, update, self.times.now()).await? {
            GroupUpdated::Updated => Ok(()),
            GroupUpdated::NameTaken => Err(GroupError::NewNameInUse),
            GroupUpdated::NotAllowed => Err(GroupError::NotFound),
            GroupUpdated::TooMany => Err(GroupError::MaxCount),
        }
    }

    /// Deletes a group and closes its chat; for superadmins.
    ///
    /// # Errors
    /// [`GroupError::NotDeletable`], [`GroupError::Storage`].
    pub async fn delete(&self, caller: Option<UserId>, group: Uuid) -> Result<(), GroupError> {
        let users: Vec<UserId> = caller.into_iter().collect();
        let rule = |view: &GroupView| rules::delete(view, caller);
        match self.change(UserId::NIL, group, &users, &rule).await {
            Err(GroupError::NotFound) => Err(GroupError::NotDeletable),
            outcome => outcome,
        }
    }

    /// Joins an open group, or asks to join a closed one, whose admins are told. Nothing for
    /// whoever is a member, has asked, or is banned.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::Full`], [`GroupError::Storage`].
    pub async fn join(&self, user: UserId, group: Uuid) -> Result<(), GroupError> {
        let rule = |view: &GroupView| rules::join(view, user);
        self.change(user, group, &[user], &rule).await
    }

    /// Leaves a group and its chat, or takes a request back. Nothing for whoever is not in it. A
    /// group goes with its last member.
    ///
    /// # Errors
    /// [`GroupError::LastSuperadmin`], [`GroupError::Storage`].
    pub async fn leave(&self, user: UserId, group: Uuid) -> Result<(), GroupError> {
        let rule = |view: &GroupView| rules::leave(view, user);
        match self.change(user, group, &[user], &rule).await {
            Err(GroupError::NotFound) => Ok(()),
            outcome => outcome,
        }
    }

    /// Adds players, who are told, or lets in those who asked: all of them, or none if one does
    /// not exist or there is no room. For admins; nothing for members and the banned.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::Full`], [`GroupError::NoUser`],
    /// [`GroupError::TooManyUsers`], [`GroupError::Storage`].
    pub async fn add(
        &self,
        caller: Option<UserId>,
        group: Uuid,
        users: &[UserId],
    ) -> Result<(), GroupError> {
        self.act(caller, group, users, rules::add).await
    }

    /// Removes players from a group and its chat, refuses requests, lifts bans. Admins reach those
    /// below them, superadmins all but the last of them.
    ///
    /// # Errors
    /// [`GroupError::NotFound`], [`GroupError::TooManyUsers`], [`GroupError::Storage`].
    pub async fn kick(
        &self,
        caller: Option<UserId>,
        group: Uuid,
        users: &[UserId],
    ) -> Result<(), GroupError> {
        self.act(caller, group, users, rules::kick).await
    }

    /// Removes players from a group and its chat until they are kicked. Otherwise like
    /// [`Self::kick`].
    ///
    /// # Errors
    /// As for [`Self::kick`].
    pub async fn ban(
        &self,
        caller: Option<UserId>,
        group: Uuid,
        users: &[UserId],
    ) -> Result<(), GroupError> {
        self.act(caller, group, users, rules::ban).await
    }

    /// Raises members by one step, to the caller's own at most.
    ///
    /// # Errors
    /// As for [`Self::kick`].
    pub async fn promote(
        &self,
        caller: Option<UserId>,
        group: Uuid,
        users: &[UserId],
    ) -> Result<(), GroupError> {
        self.act(caller, group, users, rules::promote).await
    }

    /// Lowers members by one step: nobody above the caller, and not the last superadmin.
    ///
    /// # Errors
    /// As for [`Self::kick`], and [`GroupError::NobodyNamed`].
    pub async fn demote(
        &self,
        caller: Option<UserId>,
        group: Uuid,
        users: &[UserId],
    ) -> Result<(), GroupError> {
        if users.is_empty() {
            return Err(GroupError::NobodyNamed);
        }
        self.act(caller, group, users, rules::demote).await
    }

    async fn act(
        &self,
        caller: Option<UserId>,
        group: Uuid,
        users: &[UserId],
        rule: fn(&GroupView, Option<UserId>) -> Result<Plan, GroupRefused>,
    ) -> Result<(), GroupError> {
        if users.len() > MAX_GROUP_USERS {
            return Err(GroupError::TooManyUsers);
        }
        if users.iter().any(UserId::is_nil) {
            return Err(GroupError::UserId);
        }
        if users.is_empty() {
            return Ok(());
        }
        let all: Vec<UserId> = users.iter().copied().chain(caller).collect();
        let rule = |view: &GroupView| rule(view, caller);
        self.change(caller.unwrap_or(UserId::NIL), group, &all, &rule).await
    }

    /// Carries a plan out as one step, and then tells those who are there.
    async fn change(
        &self,
        sender: UserId,
        group: Uuid,
        users: &[UserId],
        rule: &(dyn Fn(&GroupView) -> Result<Plan, GroupRefused> + Send + Sync),
    ) -> Result<(), GroupError> {
        // Who was a member before what was carried out in the end.
        let members = Mutex::new(Vec::new());
        let decide = |view: &GroupView| {
            let plan = rule(view)?;
            let before = rules::before(view);
            let was = |user: &UserId| {
                before.get(user).copied().flatten().is_some_and(GroupState::is_member)
            };
            *members.lock() = plan.members.iter().map(|(u, _)| *u).filter(was).collect();
            Ok(self.draft(view, plan, sender))
        };
        let change = match self.store.change(group, users, self.times.now(), &decide).await? {
            Ok(change) => change,
            Err(refused) => return Err(error(refused)),
        };
        self.tell(group, &change, &members.into_inner());
        Ok(())
    }

    /// A plan with ids, times and words.
    fn draft(&self, view: &GroupView, plan: Plan, sender: UserId) -> GroupChange {
        let group = &view.group;
        let mut notifications = Vec::with_capacity(plan.added.len() + plan.asked.len());
        for user in plan.added {
            let content = json!({ "group_id": group.id.to_string(), "name": group.name });
            let (code, subject) =
                (NotificationCode::GROUP_ADDED, format!("You are in the group {} now", group.name));
            notifications.push(self.notifications.draft(user, code, subject, &content, sender));
        }
        let name = view.members.iter().find(|member| member.user == sender);
        let name = name.and_then(|member| member.username.as_deref()).unwrap_or_default();
        for admin in plan.asked {
            let content = json!({ "group_id": group.id.to_string(), "username": name });
            let code = NotificationCode::GROUP_JOIN_REQUEST;
            let subject = format!("{name} asks to join your group");
            notifications.push(self.notifications.draft(admin, code, subject, &content, sender));
        }
        let message = |(code, user, username): (MessageCode, UserId, String)| GroupMessage {
            id: self.entropy.uuid_v4(),
            code: code.0,
            sender: user,
            username,
            create_time: self.times.next(),
        };
        GroupChange {
            members: plan.members,
            delete: plan.delete,
            messages: plan.said.into_iter().map(message).collect(),
            notifications,
        }
    }

    fn tell(&self, group: Uuid, change: &GroupChange, were_members: &[UserId]) {
        let channel = Channel::group(group);
        for message in &change.messages {
            self.sockets.live.said(&ChatMessage {
                channel: channel.clone(),
                id: message.id,
                code: MessageCode(message.code),
                author: Author { user: message.sender, username: message.username.as_str().into() },
                content: "{}".into(),
                create_time: message.create_time,
                update_time: message.create_time,
                persistent: true,
            });
        }
        if change.delete {
            self.sockets.evict(&channel, Whom::Everybody);
        }
        let stays = |state: &Option<GroupState>| state.is_some_and(GroupState::is_member);
        let gone: Vec<UserId> = change
            .members
            .iter()
            .filter(|(user, state)| !stays(state) && were_members.contains(user))
            .map(|(user, _)| *user)
            .collect();
        if !gone.is_empty() {
            self.sockets.evict(&channel, Whom::Users(&gone));
        }
        self.notifications.deliver(&change.notifications);
    }
}

fn error(refused: GroupRefused) -> GroupError {
    match refused {
        GroupRefused::NoGroup | GroupRefused::NotAllowed => GroupError::NotFound,
        GroupRefused::Full => GroupError::Full,
        GroupRefused::LastSuperadmin => GroupError::LastSuperadmin,
        GroupRefused::NoUser => GroupError::NoUser,
    }
}

fn check_text(field: &'static str, text: &str, limit: usize) -> Result<(), GroupError> {
    if text.chars().count() > limit || text.contains('\0') {
        return Err(GroupError::TooLong { field, limit });
    }
    Ok(())
}

fn check_metadata(metadata: &str) -> Result<(), GroupError> {
    check_json_object(metadata, MAX_GROUP_METADATA_BYTES).map_err(GroupError::Metadata)
}

/// Reads a group id.
///
/// # Errors
/// [`GroupError::GroupId`] unless it is a hyphenated UUID other than the nil one.
pub fn parse_group_id(text: &str) -> Result<Uuid, GroupError> {
    // Ids of users are written the same way.
    match text.parse::<UserId>() {
        Ok(id) if !id.is_nil() => Ok(id.0),
        Ok(_) | Err(_) => Err(GroupError::GroupId),
    }
}
