//! Groups and who is in them.

use std::cmp::Ordering;

use async_trait::async_trait;
use tavern_domain::{Stream, Timestamp, UserId};
use uuid::Uuid;

use super::limits::{broken, fits, jsonb};
use super::notifications;
use super::{Memory, Tables};
use crate::{
    DecideGroup, Field, Group, GroupChange, GroupCreated, GroupEdge, GroupEdgeKey, GroupEdgePage,
    GroupFilter, GroupOrder, GroupPage, GroupPosition, GroupRefused, GroupState, GroupUpdate,
    GroupUpdated, GroupView, Groups, MAX_ADMINS, MemberView, Message, MessageKey, NewGroup,
    StorageError, User,
};

/// What a player is to a group.
#[derive(Clone, Copy)]
pub(super) struct MemberEdge {
    pub(super) state: GroupState,
    pub(super) position: i64,
}

impl MemberEdge {
    fn key(self) -> GroupEdgeKey {
        GroupEdgeKey { state: self.state, position: self.position }
    }
}

fn text(field: Option<&str>, width: usize) -> Result<Option<String>, StorageError> {
    field.map(|text| fits(text, width).map(|()| text.to_owned())).transpose()
}

/// Like `ILIKE` with no wildcard but `%`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let mut parts = pattern.split('%');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.len() >= part.len() && rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

fn position(group: &Group) -> GroupPosition {
    GroupPosition {
        name: group.name.clone(),
        edge_count: group.edge_count,
        update_time: group.update_time,
        id: group.id,
    }
}

fn compare(order: GroupOrder, a: &GroupPosition, b: &GroupPosition) -> Ordering {
    match order {
        GroupOrder::Name => a.name.cmp(&b.name),
        GroupOrder::Fewest => (a.edge_count, a.id).cmp(&(b.edge_count, b.id)),
        GroupOrder::Most => (b.edge_count, b.id).cmp(&(a.edge_count, a.id)),
        GroupOrder::MostRecent => {
            (b.edge_count, b.update_time, b.id).cmp(&(a.edge_count, a.update_time, a.id))
        }
        GroupOrder::Oldest => {
            (a.update_time, a.edge_count, a.id).cmp(&(b.update_time, b.edge_count, b.id))
        }
    }
}

fn passes(filter: &GroupFilter, group: &Group) -> bool {
    match filter {
        GroupFilter::Name(pattern) => matches(pattern, &group.name),
        GroupFilter::Fields { lang_tag, open, members } => {
            lang_tag.as_ref().is_none_or(|tag| *tag == group.lang_tag)
                && open.is_none_or(|open| open == group.open)
                && members.is_none_or(|most| group.edge_count <= most)
        }
    }
}

fn page<T>(
    mut edges: Vec<GroupEdge<T>>,
    state: Option<GroupState>,
    after: Option<GroupEdgeKey>,
    limit: u32,
) -> GroupEdgePage<T> {
    edges.retain(|edge| {
        let wanted = match state {
            Some(state) => edge.key.state == state,
            None => edge.key.state != GroupState::Banned,
        };
        wanted && after.is_none_or(|after| edge.key > after)
    });
    edges.sort_by_key(|edge| edge.key);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = edges.len() > limit;
    edges.truncate(limit);
    GroupEdgePage { edges, more }
}

impl Tables {
    fn view(&self, group: &Group, users: &[UserId]) -> GroupView {
        let mut members: Vec<MemberView> = Vec::new();
        for user in users {
            if members.iter().all(|member| member.user != *user) {
                members.push(MemberView {
                    user: *user,
                    username: self.users.get(user).map(|row| row.user.username.clone()),
                    state: self.members.get(&(group.id, *user)).map(|edge| edge.state),
                });
            }
        }
        let mut admins: Vec<_> = self
            .members
            .iter()
            .filter(|((of, _), edge)| *of == group.id && edge.state.is_admin())
            .map(|((_, user), edge)| (edge.state, edge.position, *user))
            .collect();
        admins.sort_unstable_by_key(|(state, position, _)| (*state, *position));
        admins.truncate(MAX_ADMINS as usize);
        let admins = admins.into_iter().map(|(state, _, user)| (user, state)).collect();
        GroupView { group: group.clone(), members, admins }
    }

    fn member_position(&self, group: Uuid, user: UserId, now: Timestamp) -> i64 {
        let taken = self.members.iter().filter(|((g, u), _)| *g == group || *u == user);
        taken.map(|(_, edge)| edge.position + 1).max().unwrap_or(0).max(now.nanos())
    }

    fn remove_group(&mut self, group: Uuid) {
        self.groups.remove(&group);
        self.members.retain(|(of, _), _| *of != group);
    }

    fn carry_out_group(&mut self, group: Uuid, change: &GroupChange, now: Timestamp) {
        if change.delete {
            self.remove_group(group);
            return;
        }
        let mut delta = 0;
        for (user, state) in &change.members {
            let before = self.members.get(&(group, *user)).copied();
            let was = before.is_some_and(|edge| edge.state.is_member());
            delta += i32::from(state.is_some_and(GroupState::is_member)) - i32::from(was);
            match state {
                None => {
                    self.members.remove(&(group, *user));
                }
                Some(state) => {
                    let position = before.map_or_else(
                        || self.member_position(group, *user, now),
                        |edge| edge.position,
                    );
                    self.members.insert((group, *user), MemberEdge { state: *state, position });
                }
            }
        }
        if let Some(kept) = self.groups.get_mut(&group).filter(|_| delta != 0) {
            kept.edge_count += delta;
            kept.update_time = now.whole_micros();
        }
        for message in &change.messages {
            let stream = Stream::group(group);
            let create_time = message.create_time.whole_micros();
            let key = MessageKey { create_time, id: message.id };
            let kept = Message {
                id: message.id,
                code: message.code,
                sender: message.sender,
                username: message.username.clone(),
                content: "{}".into(),
                create_time,
                update_time: create_time,
            };
            self.messages.insert(message.id, (stream.clone(), key));
            self.histories.entry(stream).or_default().insert(key, kept);
        }
    }

    /// A deleted player leaves; a group that is left without a superadmin goes as well.
    pub(super) fn leave_all_groups(&mut self, user: UserId, now: Timestamp) {
        let mine: Vec<_> = self
            .members
            .iter()
            .filter(|((_, member), _)| *member == user)
            .map(|((group, _), edge)| (*group, edge.state))
            .collect();
        for (group, state) in mine {
            let mut others =
                self.members.iter().filter(|((of, who), _)| *of == group && *who != user);
            let led = others.any(|(_, edge)| edge.state == GroupState::Superadmin);
            if state == GroupState::Superadmin && !led {
                self.remove_group(group);
                continue;
            }
            self.members.remove(&(group, user));
            if let Some(kept) = self.groups.get_mut(&group).filter(|_| state.is_member()) {
                kept.edge_count -= 1;
                kept.update_time = now.whole_micros();
            }
        }
    }

    fn name_taken(&self, name: &str, except: Option<Uuid>) -> bool {
        self.groups.values().any(|group| group.name == name && Some(group.id) != except)
    }
}

#[async_trait]
impl Groups for Memory {
    async fn create(&self, new: NewGroup<'_>) -> Result<GroupCreated, StorageError> {
        fits(new.name, 255)?;
        fits(new.lang_tag, 18)?;
        let group = Group {
            id: new.id,
            creator: new.creator,
            name: new.name.into(),
            description: text(new.description, 255)?,
            avatar_url: text(new.avatar_url, 512)?,
            lang_tag: new.lang_tag.into(),
            metadata: jsonb(new.metadata)?,
            open: new.open,
            edge_count: 1,
            max_count: new.max_count,
            create_time: new.now.whole_micros(),
            update_time: new.now.whole_micros(),
        };
        if new.max_count < 1 {
            return Err(StorageError::DoesNotFit("a group for nobody".into()));
        }
        let mut tables = self.lock();
        if !tables.users.contains_key(&new.superadmin) || new.superadmin.is_nil() {
            return Ok(GroupCreated::NoUser);
        }
        if tables.name_taken(new.name, None) {
            return Ok(GroupCreated::NameTaken);
        }
        if tables.groups.contains_key(&new.id) {
            return Err(broken("a group with this id exists"));
        }
        let position = tables.member_position(new.id, new.superadmin, new.now);
        let edge = MemberEdge { state: GroupState::Superadmin, position };
        tables.members.insert((new.id, new.superadmin), edge);
        tables.groups.insert(new.id, group.clone());
        Ok(GroupCreated::Created(group))
    }

    async fn update(
        &self,
        group: Uuid,
        caller: Option<UserId>,
        update: &GroupUpdate,
        now: Timestamp,
    ) -> Result<GroupUpdated, StorageError> {
        let name = text(update.name.as_deref(), 255)?;
        let lang_tag = text(update.lang_tag.as_deref(), 18)?;
        let metadata = update.metadata.as_deref().map(jsonb).transpose()?;
        for (field, width) in [(&update.description, 255), (&update.avatar_url, 512)] {
            if let Field::Set(text) = field {
                fits(text, width)?;
            }
        }
        let mut tables = self.lock();
        let tables = &mut *tables;
        let allowed = caller.is_none_or(|caller| {
            tables.members.get(&(group, caller)).is_some_and(|edge| edge.state.is_admin())
        });
        if !allowed || !tables.groups.contains_key(&group) {
            return Ok(GroupUpdated::NotAllowed);
        }
        if name.as_deref().is_some_and(|name| tables.name_taken(name, Some(group))) {
            return Ok(GroupUpdated::NameTaken);
        }
        let Some(kept) = tables.groups.get_mut(&group) else { return Ok(GroupUpdated::NotAllowed) };
        if update.max_count.is_some_and(|most| most < kept.edge_count) {
            return Ok(GroupUpdated::TooMany);
        }
        let set = |kept: &mut Option<String>, field: &Field| match field {
            Field::Keep => {}
            Field::Clear => *kept = None,
            Field::Set(text) => *kept = Some(text.clone()),
        };
        set(&mut kept.description, &update.description);
        set(&mut kept.avatar_url, &update.avatar_url);
        kept.name = name.unwrap_or_else(|| kept.name.clone());
        kept.lang_tag = lang_tag.unwrap_or_else(|| kept.lang_tag.clone());
        kept.metadata = metadata.unwrap_or_else(|| kept.metadata.clone());
        kept.open = update.open.unwrap_or(kept.open);
        kept.max_count = update.max_count.unwrap_or(kept.max_count);
        kept.creator = update.creator.unwrap_or(kept.creator);
        kept.update_time = now.whole_micros();
        Ok(GroupUpdated::Updated)
    }

    async fn change(
        &self,
        group: Uuid,
        users: &[UserId],
        now: Timestamp,
        decide: &DecideGroup<'_>,
    ) -> Result<Result<GroupChange, GroupRefused>, StorageError> {
        let mut tables = self.lock();
        let Some(kept) = tables.groups.get(&group).cloned() else {
            return Ok(Err(GroupRefused::NoGroup));
        };
        let change = match decide(&tables.view(&kept, users)) {
            Ok(change) => change,
            Err(refused) => return Ok(Err(refused)),
        };
        let notifications = notifications::checked(&change.notifications)?;
        if tables.has_notification(&notifications) {
            return Err(broken("a notification with this id exists"));
        }
        for message in &change.messages {
            fits(&message.username, 128)?;
            if tables.messages.contains_key(&message.id) {
                return Err(broken("a message with this id exists"));
            }
            if !tables.users.contains_key(&message.sender) {
                return Err(broken("the sender has no account"));
            }
        }
        tables.carry_out_group(group, &change, now);
        tables.keep_notifications(notifications);
        Ok(Ok(change))
    }

    async fn state(&self, group: Uuid, user: UserId) -> Result<Option<GroupState>, StorageError> {
        Ok(self.lock().members.get(&(group, user)).map(|edge| edge.state))
    }

    async fn get(&self, ids: &[Uuid]) -> Result<Vec<Group>, StorageError> {
        let tables = self.lock();
        Ok(tables.groups.values().filter(|group| ids.contains(&group.id)).cloned().collect())
    }

    async fn list(
        &self,
        filter: &GroupFilter,
        after: Option<&GroupPosition>,
        limit: u32,
    ) -> Result<GroupPage, StorageError> {
        let order = filter.order();
        let tables = self.lock();
        let mut groups: Vec<Group> = tables
            .groups
            .values()
            .filter(|group| passes(filter, group))
            .filter(|group| {
                after.is_none_or(|after| {
                    compare(order, &position(group), after) == Ordering::Greater
                })
            })
            .cloned()
            .collect();
        groups.sort_by(|a, b| compare(order, &position(a), &position(b)));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = groups.len() > limit;
        groups.truncate(limit);
        Ok(GroupPage { groups, more })
    }

    async fn beginning_at(&self, start: Uuid, limit: u32) -> Result<Vec<Group>, StorageError> {
        let tables = self.lock();
        let around = tables.groups.range(start..).chain(tables.groups.range(..start));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(around.take(limit).map(|(_, group)| group.clone()).collect())
    }

    async fn members(
        &self,
        group: Uuid,
        state: Option<GroupState>,
        after: Option<GroupEdgeKey>,
        limit: u32,
    ) -> Result<GroupEdgePage<User>, StorageError> {
        let tables = self.lock();
        let edges = tables
            .members
            .iter()
            .filter(|((of, _), _)| *of == group)
            .filter_map(|((_, user), edge)| {
                let of = tables.users.get(user)?.user.clone();
                Some(GroupEdge { of, key: edge.key() })
            })
            .collect();
        Ok(page(edges, state, after, limit))
    }

    async fn of_user(
        &self,
        user: UserId,
        state: Option<GroupState>,
        after: Option<GroupEdgeKey>,
        limit: u32,
    ) -> Result<GroupEdgePage<Group>, StorageError> {
        let tables = self.lock();
        let edges = tables
            .members
            .iter()
            // A banned player has no edge of their own.
            .filter(|((_, member), edge)| *member == user && edge.state != GroupState::Banned)
            .filter_map(|((group, _), edge)| {
                Some(GroupEdge { of: tables.groups.get(group)?.clone(), key: edge.key() })
            })
            .collect();
        Ok(page(edges, state, after, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_database() {
        for (pattern, name, expected) in [
            ("abc", "ABC", true),
            ("abc", "abcd", false),
            ("ab%", "abcd", true),
            ("ab%", "ab", true),
            ("%cd", "abcd", true),
            ("a%d", "abcd", true),
            ("a%c%", "abcd", true),
            ("a%x%d", "abcd", false),
            ("ab%bc", "abc", false),
            ("a_c", "abc", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
