//! Lists of groups, of their players, and of a player's groups.

use tavern_domain::{CursorScope, InvalidCursor, Timestamp, UserId};
use tavern_storage::{
    Group, GroupEdge, GroupEdgeKey, GroupEdgePage, GroupFilter, GroupPosition, GroupState, User,
};
use uuid::Uuid;

use super::{GroupError, Groups, MAX_GROUP_USERS, MAX_GROUPS_LISTED, MAX_NAME_CHARS};
use crate::edges;

/// Which groups to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct GroupQuery<'a> {
    /// By name, in which `%` stands for anything, whatever the case of letters; goes alone. Empty
    /// for any.
    pub name: &'a str,
    /// Only groups of this language; empty for any.
    pub lang_tag: &'a str,
    /// Only open or only closed ones.
    pub open: Option<bool>,
    /// Only groups with at most so many members.
    pub members: Option<i32>,
    /// Most groups, 1 to [`MAX_GROUPS_LISTED`]; 1 unless given.
    pub limit: Option<i32>,
    /// Where the page begins; empty for the first.
    pub cursor: &'a str,
}

/// A part of a list of groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupList {
    /// The groups.
    pub groups: Vec<Group>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// A part of a list of edges: players of a group, or groups of a player.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupEdgeList<T> {
    /// Each with its state, by state, then age.
    pub edges: Vec<GroupEdge<T>>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

fn filter(query: &GroupQuery<'_>) -> Result<GroupFilter, GroupError> {
    let GroupQuery { name, lang_tag, open, members, .. } = *query;
    // Below zero there is no such filter, as for server code.
    let members = members.filter(|members| *members >= 0);
    if !name.is_empty() && (!lang_tag.is_empty() || open.is_some() || members.is_some()) {
        return Err(GroupError::Filter);
    }
    // A pattern with nothing in front would have to be compared with every name.
    let name = name.trim_start_matches(['%', ' ']);
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(GroupError::TooLong { field: "name", limit: MAX_NAME_CHARS });
    }
    if !name.is_empty() {
        return Ok(GroupFilter::Name(name.to_owned()));
    }
    let lang_tag = (!lang_tag.is_empty()).then(|| lang_tag.to_owned());
    Ok(GroupFilter::Fields { lang_tag, open, members })
}

/// What a cursor is bound to: the filter, spelt out.
fn about(filter: &GroupFilter) -> Vec<u8> {
    match filter {
        GroupFilter::Name(name) => [b"name ", name.as_bytes()].concat(),
        GroupFilter::Fields { lang_tag, open, members } => {
            let lang_tag = lang_tag.as_deref().unwrap_or_default();
            format!("fields {open:?} {members:?} {lang_tag}").into_bytes()
        }
    }
}

fn encode(scope: CursorScope<'_>, last: &Group) -> String {
    let mut bytes = Vec::with_capacity(28 + last.name.len());
    bytes.extend_from_slice(&last.edge_count.to_be_bytes());
    bytes.extend_from_slice(&last.update_time.micros().to_be_bytes());
    bytes.extend_from_slice(last.id.as_bytes());
    bytes.extend_from_slice(last.name.as_bytes());
    scope.encode(&bytes)
}

fn decode(scope: CursorScope<'_>, text: &str) -> Result<Option<GroupPosition>, InvalidCursor> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = scope.decode(text)?;
    let (count, rest) = bytes.split_first_chunk().ok_or(InvalidCursor)?;
    let (micros, rest) = rest.split_first_chunk().ok_or(InvalidCursor)?;
    let (id, name) = rest.split_first_chunk().ok_or(InvalidCursor)?;
    let name = std::str::from_utf8(name).map_err(|_| InvalidCursor)?;
    if name.contains('\0') {
        return Err(InvalidCursor);
    }
    Ok(Some(GroupPosition {
        name: name.to_owned(),
        edge_count: i32::from_be_bytes(*count),
        update_time: Timestamp::from_micros(i64::from_be_bytes(*micros)),
        id: Uuid::from_bytes(*id),
    }))
}

fn state(number: Option<i32>) -> Result<Option<GroupState>, GroupError> {
    number.map(|number| GroupState::from_number(number).ok_or(GroupError::State)).transpose()
}

/// A list of edges that was asked for, understood.
struct Walk<'a> {
    scope: CursorScope<'a>,
    limit: u32,
    after: Option<GroupEdgeKey>,
}

impl<'a> Walk<'a> {
    fn new(scope: CursorScope<'a>, limit: Option<i32>, cursor: &str) -> Result<Self, GroupError> {
        let most = MAX_GROUPS_LISTED;
        let limit = edges::limit(limit, most, most).ok_or(GroupError::Limit)?;
        let after = match edges::decode(scope, cursor)? {
            None => None,
            Some((number, position)) => {
                let state = GroupState::from_number(number).ok_or(InvalidCursor)?;
                Some(GroupEdgeKey { state, position })
            }
        };
        Ok(Self { scope, limit, after })
    }

    fn list<T>(&self, page: GroupEdgePage<T>) -> GroupEdgeList<T> {
        let last = page.edges.last().filter(|_| page.more).map(|edge| edge.key);
        let cursor = last.map(|key| edges::encode(self.scope, key.state.number(), key.position));
        GroupEdgeList { edges: page.edges, cursor }
    }
}

impl Groups {
    /// A part of the list of groups that pass a filter. Changes nothing.
    ///
    /// # Errors
    /// [`GroupError`] for a limit, filter or cursor that is refused; [`GroupError::Storage`].
    pub async fn list(&self, query: GroupQuery<'_>) -> Result<GroupList, GroupError> {
        let limit = edges::limit(query.limit, 1, MAX_GROUPS_LISTED).ok_or(GroupError::Limit)?;
        let filter = filter(&query)?;
        let about = about(&filter);
        let scope = CursorScope { list: "groups 1", about: &about };
        let after = decode(scope, query.cursor)?;
        let page = self.store.list(&filter, after.as_ref(), limit).await?;
        let cursor = page.groups.last().filter(|_| page.more).map(|last| encode(scope, last));
        Ok(GroupList { groups: page.groups, cursor })
    }

    /// A part of a group's players, of one state, or of all but the banned. `limit` is
    /// [`MAX_GROUPS_LISTED`] unless given. Changes nothing.
    ///
    /// # Errors
    /// [`GroupError`] for a limit, state or cursor that is refused; [`GroupError::Storage`].
    pub async fn users(
        &self,
        group: Uuid,
        limit: Option<i32>,
        state_filter: Option<i32>,
        cursor: &str,
    ) -> Result<GroupEdgeList<User>, GroupError> {
        let state = state(state_filter)?;
        let about = edges::about(group.as_bytes(), state.map(GroupState::number));
        let scope = CursorScope { list: "group users 1", about: &about };
        let walk = Walk::new(scope, limit, cursor)?;
        Ok(walk.list(self.store.members(group, state, walk.after, walk.limit).await?))
    }

    /// A part of a player's groups, in one state or in any. Otherwise like [`Self::users`].
    ///
    /// # Errors
    /// As for [`Self::users`].
    pub async fn of_user(
        &self,
        user: UserId,
        limit: Option<i32>,
        state_filter: Option<i32>,
        cursor: &str,
    ) -> Result<GroupEdgeList<Group>, GroupError> {
        let state = state(state_filter)?;
        let about = edges::about(user.0.as_bytes(), state.map(GroupState::number));
        let scope = CursorScope { list: "user groups 1", about: &about };
        let walk = Walk::new(scope, limit, cursor)?;
        Ok(walk.list(self.store.of_user(user, state, walk.after, walk.limit).await?))
    }

    /// The groups with these ids; unknown ones are left out.
    ///
    /// # Errors
    /// [`GroupError::TooManyUsers`] for too many, [`GroupError::Storage`].
    pub async fn get(&self, ids: &[Uuid]) -> Result<Vec<Group>, GroupError> {
        if ids.len() > MAX_GROUP_USERS {
            return Err(GroupError::TooManyUsers);
        }
        Ok(self.store.get(ids).await?)
    }

    /// Up to so many groups by chance: those whose ids follow a random one.
    ///
    /// # Errors
    /// [`GroupError::Limit`] unless it is 0 to 1,000; [`GroupError::Storage`].
    pub async fn random(&self, count: i32) -> Result<Vec<Group>, GroupError> {
        let count = u32::try_from(count).ok().filter(|count| *count <= 1_000);
        match count.ok_or(GroupError::Limit)? {
            0 => Ok(Vec::new()),
            count => Ok(self.store.beginning_at(self.entropy.uuid_v4(), count).await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_alone() {
        let name = GroupQuery { name: "a%", ..GroupQuery::default() };
        assert_eq!(filter(&name).unwrap(), GroupFilter::Name("a%".into()));
        for bad in [
            GroupQuery { lang_tag: "en", ..name },
            GroupQuery { open: Some(false), ..name },
            GroupQuery { members: Some(0), ..name },
        ] {
            assert!(matches!(filter(&bad), Err(GroupError::Filter)), "{bad:?}");
        }
        let none = GroupFilter::Fields { lang_tag: None, open: None, members: None };
        for empty in ["", "%", "% %"] {
            let query = GroupQuery { name: empty, members: Some(-1), ..GroupQuery::default() };
            assert_eq!(filter(&query).unwrap(), none, "{empty:?}");
        }
    }

    #[test]
    fn cursors_are_bound_to_their_filter() {
        let group = |name: &str| Group {
            id: Uuid::from_u128(7),
            creator: UserId::NIL,
            name: name.into(),
            description: None,
            avatar_url: None,
            lang_tag: "en".into(),
            metadata: "{}".into(),
            open: true,
            edge_count: 3,
            max_count: 9,
            create_time: Timestamp::EPOCH,
            update_time: Timestamp::from_micros(5),
        };
        // The longest name of the widest characters still fits into a cursor.
        for name in ["a", &"\u{10ffff}".repeat(247)] {
            let one = about(&GroupFilter::Name("a%".into()));
            let scope = CursorScope { list: "groups 1", about: &one };
            let text = encode(scope, &group(name));
            let position = decode(scope, &text).unwrap().unwrap();
            assert_eq!((position.name.as_str(), position.edge_count), (name, 3));
            assert_eq!(position.update_time, Timestamp::from_micros(5));
            let other = about(&GroupFilter::Name("b%".into()));
            let scope = CursorScope { list: "groups 1", about: &other };
            assert_eq!(decode(scope, &text), Err(InvalidCursor));
        }
    }
}
