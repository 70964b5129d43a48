//! Groups and who is in them.
//!
//! Whatever changes the members of a group locks the group's row first, then the players that it is
//! about in the order of their ids, and only then looks at the edges. The rows of `group_edge` need
//! no locks of their own.

mod lists;
mod members;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    DecideGroup, Field, Group, GroupChange, GroupCreated, GroupEdgeKey, GroupEdgePage, GroupFilter,
    GroupPage, GroupPosition, GroupRefused, GroupState, GroupUpdate, GroupUpdated, Groups,
    NewGroup, StorageError, User,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use self::lists::ListQueries;
use self::members::MemberQueries;
use crate::Pool;
use crate::error::DbError;
use crate::friends::{MOST_SHIFTS, Positions};
use crate::query::{Column, queries};
use crate::values::{JsonText, Time};

/// The columns of a group; what [`group`] reads.
macro_rules! group_columns {
    () => {
        "g.id, g.creator_id, g.name, g.description, g.avatar_url, g.lang_tag, g.metadata, \
         g.state, g.edge_count, g.max_count, g.create_time, g.update_time"
    };
}
/// How many columns that are.
const GROUP_COLUMNS: usize = 12;
pub(crate) use group_columns;

queries!(GroupQueries {
    create: "group_create" =
        "WITH g AS (\
             INSERT INTO groups (id, creator_id, name, description, avatar_url, lang_tag, \
                 metadata, state, edge_count, max_count, create_time, update_time) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $10 \
             FROM users WHERE id = $11 AND id <> '00000000-0000-0000-0000-000000000000' \
             RETURNING *), \
         edges AS (\
             INSERT INTO group_edge (source_id, destination_id, state, position, update_time) \
             SELECT g.id, $11::uuid, 0, $12::int8, $10::timestamptz FROM g \
             UNION ALL SELECT $11, g.id, 0, $12, $10 FROM g) \
         SELECT g.metadata FROM g";
    update: "group_update" =
        "UPDATE groups SET \
             update_time = $3, \
             name = coalesce($4, name), \
             lang_tag = coalesce($5, lang_tag), \
             metadata = coalesce($6, metadata), \
             state = coalesce($7, state), \
             max_count = coalesce($8, max_count), \
             creator_id = coalesce($9, creator_id), \
             description = CASE WHEN $10 THEN $11 ELSE description END, \
             avatar_url = CASE WHEN $12 THEN $13 ELSE avatar_url END \
         WHERE id = $1 AND disable_time = '1970-01-01 00:00:00Z' \
             AND ($2::uuid IS NULL OR EXISTS (SELECT FROM group_edge e \
                 WHERE e.source_id = $1 AND e.destination_id = $2 AND e.state <= 1))";
    state: "group_state" =
        "SELECT state FROM group_edge WHERE source_id = $1 AND destination_id = $2";
});

/// [`Groups`] in PostgreSQL.
pub(crate) struct PostgresGroups {
    pool: Pool,
    queries: GroupQueries,
    lists: ListQueries,
    members: MemberQueries,
}

impl PostgresGroups {
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            queries: GroupQueries::new(pool.metrics()),
            lists: ListQueries::new(pool.metrics()),
            members: MemberQueries::new(pool.metrics()),
            pool,
        }
    }
}

/// In the tables an open group is in state 0, a closed one in state 1.
const CLOSED: i16 = 1;

fn state_number(open: bool) -> i16 {
    if open { 0 } else { CLOSED }
}

fn group_state(number: i16) -> Result<GroupState, DbError> {
    let unknown = || DbError::Nonsense(format!("a member of the state {number}").into());
    GroupState::from_number(number.into()).ok_or_else(unknown)
}

pub(crate) fn group(row: &Row) -> Result<Group, DbError> {
    Ok(Group {
        id: row.column(0)?,
        creator: UserId(row.column(1)?),
        name: row.column(2)?,
        description: row.column(3)?,
        avatar_url: row.column(4)?,
        lang_tag: row.column(5)?,
        metadata: row.column::<JsonText<'_>>(6)?.into(),
        open: row.column::<i16>(7)? != CLOSED,
        edge_count: row.column(8)?,
        max_count: row.column(9)?,
        create_time: row.column::<Time>(10)?.0,
        update_time: row.column::<Time>(11)?.0,
    })
}

/// Whether a field changes, and to what.
fn change(field: &Field) -> (bool, Option<&str>) {
    match field {
        Field::Keep => (false, None),
        Field::Clear => (true, None),
        Field::Set(text) => (true, Some(text)),
    }
}

#[async_trait]
impl Groups for PostgresGroups {
    async fn create(&self, new: NewGroup<'_>) -> Result<GroupCreated, StorageError> {
        let mut positions = Positions::at(new.now);
        for _ in 0..MOST_SHIFTS {
            let params: [&(dyn ToSql + Sync); 12] = [
                &new.id,
                &new.creator.0,
                &new.name,
                &new.description,
                &new.avatar_url,
                &new.lang_tag,
                &JsonText(new.metadata),
                &state_number(new.open),
                &new.max_count,
                &Time(new.now),
                &new.superadmin.0,
                &positions.first,
            ];
            let row = match self.pool.query_opt(&self.queries.create, &params).await {
                Err(error) => match error.duplicate() {
                    Some("groups_name_key") => return Ok(GroupCreated::NameTaken),
                    Some("group_edge_pkey") => {
                        positions.shift(self.pool.entropy());
                        continue;
                    }
                    Some(_) | None => return Err(error.into()),
                },
                Ok(row) => row,
            };
            let Some(row) = row else { return Ok(GroupCreated::NoUser) };
            return Ok(GroupCreated::Created(Group {
                id: new.id,
                creator: new.creator,
                name: new.name.into(),
                description: new.description.map(str::to_owned),
                avatar_url: new.avatar_url.map(str::to_owned),
                lang_tag: new.lang_tag.into(),
                metadata: row.column::<JsonText<'_>>(0)?.into(),
                open: new.open,
                edge_count: 1,
                max_count: new.max_count,
                create_time: new.now.whole_micros(),
                update_time: new.now.whole_micros(),
            }));
        }
        Err(StorageError::Contention("no free position in a list of groups".into()))
    }

    async fn update(
        &self,
        group: Uuid,
        caller: Option<UserId>,
        update: &GroupUpdate,
        now: Timestamp,
    ) -> Result<GroupUpdated, StorageError> {
        let (description, avatar_url) = (change(&update.description), change(&update.avatar_url));
        let params: [&(dyn ToSql + Sync); 13] = [
            &group,
            &caller.map(|caller| caller.0),
            &Time(now),
            &update.name,
            &update.lang_tag,
            &update.metadata.as_deref().map(JsonText),
            &update.open.map(state_number),
            &update.max_count,
            &update.creator.map(|creator| creator.0),
            &description.0,
            &description.1,
            &avatar_url.0,
            &avatar_url.1,
        ];
        match self.pool.execute(&self.queries.update, &params).await {
            Ok(0) => Ok(GroupUpdated::NotAllowed),
            Ok(_) => Ok(GroupUpdated::Updated),
            Err(error) if error.duplicate() == Some("groups_name_key") => {
                Ok(GroupUpdated::NameTaken)
            }
            Err(error) if error.check() == Some("groups_check") => Ok(GroupUpdated::TooMany),
            Err(error) => Err(error.into()),
        }
    }

    async fn change(
        &self,
        group: Uuid,
        users: &[UserId],
        now: Timestamp,
        decide: &DecideGroup<'_>,
    ) -> Result<Result<GroupChange, GroupRefused>, StorageError> {
        self.members.change(&self.pool, group, users, now, decide).await
    }

    async fn state(&self, group: Uuid, user: UserId) -> Result<Option<GroupState>, StorageError> {
        let row = self.pool.query_opt(&self.queries.state, &[&group, &user.0]).await?;
        Ok(row.map(|row| row.column(0).and_then(group_state)).transpose()?)
    }

    async fn get(&self, ids: &[Uuid]) -> Result<Vec<Group>, StorageError> {
        self.lists.get(&self.pool, ids).await
    }

    async fn list(
        &self,
        filter: &GroupFilter,
        after: Option<&GroupPosition>,
        limit: u32,
    ) -> Result<GroupPage, StorageError> {
        self.lists.list(&self.pool, filter, after, limit).await
    }

    async fn beginning_at(&self, start: Uuid, limit: u32) -> Result<Vec<Group>, StorageError> {
        self.lists.beginning_at(&self.pool, start, limit).await
    }

    async fn members(
        &self,
        group: Uuid,
        state: Option<GroupState>,
        after: Option<GroupEdgeKey>,
        limit: u32,
    ) -> Result<GroupEdgePage<User>, StorageError> {
        self.lists.members(&self.pool, group, state, after, limit).await
    }

    async fn of_user(
        &self,
        user: UserId,
        state: Option<GroupState>,
        after: Option<GroupEdgeKey>,
        limit: u32,
    ) -> Result<GroupEdgePage<Group>, StorageError> {
        self.lists.of_user(&self.pool, user, state, after, limit).await
    }
}
