//! Changing who is in a group.

use std::collections::HashMap;

use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    DecideGroup, GroupChange, GroupRefused, GroupState, GroupView, MAX_ADMINS, MemberView,
    StorageError,
};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{group, group_columns, group_state};
use crate::Pool;
use crate::error::DbError;
use crate::friends::{MOST_SHIFTS, Positions};
use crate::notifications::{Columns, insert_notifications};
use crate::query::{Column, queries};
use crate::retry::Conflict;
use crate::transaction::Transaction;
use crate::values::{Ids, JsonText, Time};

queries!(MemberQueries {
    /// The count is part of a key, so that nothing less than this lock will do.
    lock: "group_lock" = concat!(
        "SELECT ", group_columns!(), " FROM groups g \
         WHERE g.id = $1 AND g.disable_time = '1970-01-01 00:00:00Z' FOR UPDATE");
    /// Keeps the players from being deleted meanwhile.
    users: "group_users_lock" =
        "SELECT id, username FROM users \
         WHERE id = ANY($1) AND id <> '00000000-0000-0000-0000-000000000000' \
         ORDER BY id FOR KEY SHARE";
    edges: "group_edges" =
        "(SELECT destination_id, state, true FROM group_edge \
             WHERE source_id = $1 AND state <= 1 ORDER BY state, position LIMIT $3) \
         UNION ALL \
         (SELECT m.id, e.state, false FROM unnest($2::uuid[]) AS m (id) CROSS JOIN LATERAL (\
             SELECT state FROM group_edge WHERE source_id = $1 AND destination_id = m.id LIMIT 1) e)";
    /// Edges that are to be, those that are to go, the count, messages and notifications. A banned
    /// player has no edge of their own.
    write: "group_write" = concat!(
        "WITH edges AS (\
             INSERT INTO group_edge AS o \
                 (source_id, destination_id, state, position, update_time) \
             SELECT $1::uuid, e.user_id, e.state, $5::int8 + e.n, $6::timestamptz \
             FROM unnest($2::uuid[], $3::int2[]) WITH ORDINALITY AS e (user_id, state, n) \
             UNION ALL \
             SELECT e.user_id, $1, e.state, $5 + e.n, $6 \
             FROM unnest($2, $3) WITH ORDINALITY AS e (user_id, state, n) WHERE e.state <> 4 \
             ON CONFLICT (source_id, destination_id) DO UPDATE SET \
                 state = excluded.state, update_time = excluded.update_time, \
                 position = CASE WHEN $4 THEN excluded.position ELSE o.position END), \
         gone AS (\
             DELETE FROM group_edge o USING (\
                 SELECT $1 AS source_id, unnest($7::uuid[]) AS destination_id \
                 UNION ALL SELECT unnest($7), $1 \
                 UNION ALL SELECT unnest($8::uuid[]), $1) AS e \
             WHERE o.source_id = e.source_id AND o.destination_id = e.destination_id), \
         counted AS (\
             UPDATE groups SET edge_count = greatest(edge_count + $9::int4, 1), update_time = $6 \
             WHERE id = $1 AND $9 <> 0), \
         said AS (\
             INSERT INTO message (stream_mode, stream_subject, stream_descriptor, stream_label, \
                 id, code, sender_id, username, content, create_time, update_time) \
             SELECT 3, $1, '00000000-0000-0000-0000-000000000000', '', \
                 m.id, m.code, m.sender_id, m.username, '{}', m.create_time, m.create_time \
             FROM unnest($10::uuid[], $11::int2[], $12::uuid[], $13::text[], $14::timestamptz[]) \
                 AS m (id, code, sender_id, username, create_time)) ",
        insert_notifications!("$15", "$16", "$17", "$18", "$19", "$20", "$21"));
    delete: "group_delete" =
        "WITH members AS (\
             DELETE FROM group_edge WHERE source_id = $1 RETURNING destination_id), \
         theirs AS (\
             DELETE FROM group_edge o USING members m \
             WHERE o.source_id = m.destination_id AND o.destination_id = $1) \
         DELETE FROM groups WHERE id = $1";
});

/// Why a change was not carried out.
enum Stopped {
    Refused(GroupRefused),
    Storage(StorageError),
    Db(DbError),
}

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl Conflict for Stopped {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Storage(_) => false,
            Self::Db(error) => error.is_conflict(),
        }
    }
}

impl MemberQueries {
    pub(super) async fn change(
        &self,
        pool: &Pool,
        group: Uuid,
        users: &[UserId],
        now: Timestamp,
        decide: &DecideGroup<'_>,
    ) -> Result<Result<GroupChange, GroupRefused>, StorageError> {
        let mut positions = Positions::at(now);
        for _ in 0..MOST_SHIFTS {
            let at = (now, positions);
            let work = |transaction| self.change_in(transaction, group, users, at, decide);
            match pool.transaction(work).await {
                Err(Stopped::Db(error)) if error.duplicate() == Some("group_edge_pkey") => {
                    positions.shift(pool.entropy());
                }
                Err(Stopped::Db(error)) => return Err(error.into()),
                Err(Stopped::Storage(error)) => return Err(error),
                Err(Stopped::Refused(why)) => return Ok(Err(why)),
                Ok(change) => return Ok(Ok(change)),
            }
        }
        Err(StorageError::Contention("no free positions in a list of members".into()))
    }

    async fn change_in(
        &self,
        mut transaction: Transaction,
        group: Uuid,
        users: &[UserId],
        (now, positions): (Timestamp, Positions),
        decide: &DecideGroup<'_>,
    ) -> Result<GroupChange, Stopped> {
        let view = self.look(&mut transaction, group, users).await?;
        let view = view.ok_or(Stopped::Refused(GroupRefused::NoGroup))?;
        let change = decide(&view).map_err(Stopped::Refused)?;
        if change.delete {
            transaction.last(&self.delete, &[&group]).await?;
        } else if !change.is_empty() {
            self.write(transaction, &view, &change, now, positions).await?;
        }
        Ok(change)
    }

    /// Locks the group and the players, and looks at what they are to each other.
    async fn look(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        users: &[UserId],
    ) -> Result<Option<GroupView>, DbError> {
        // Each statement begins when those before it have their locks, and sees all that was done
        // by those who had them before.
        let ids = Ids(users);
        let admins = i64::from(MAX_ADMINS);
        let [locked, players, edges] = transaction
            .together([
                (&self.lock, &[&id]),
                (&self.users, &[&ids]),
                (&self.edges, &[&id, &ids, &admins]),
            ])
            .await?;
        let Some(row) = locked.first() else { return Ok(None) };
        let group = group(row)?;
        let mut names = HashMap::with_capacity(players.len());
        for row in &players {
            names.insert(UserId(row.column(0)?), row.column::<String>(1)?);
        }
        let (mut admins, mut states) = (Vec::new(), HashMap::new());
        for row in &edges {
            let (user, state) = (UserId(row.column(0)?), group_state(row.column(1)?)?);
            if row.column(2)? {
                admins.push((user, state));
            } else {
                states.insert(user, state);
            }
        }
        let mut members: Vec<MemberView> = Vec::with_capacity(users.len());
        let mut seen = std::collections::HashSet::with_capacity(users.len());
        for user in users.iter().filter(|user| seen.insert(**user)) {
            let (username, state) = (names.get(user).cloned(), states.get(user).copied());
            members.push(MemberView { user: *user, username, state });
        }
        Ok(Some(GroupView { group, members, admins }))
    }

    async fn write(
        &self,
        transaction: Transaction,
        view: &GroupView,
        change: &GroupChange,
        now: Timestamp,
        positions: Positions,
    ) -> Result<(), Stopped> {
        let (mut users, mut states) = (Vec::new(), Vec::new());
        let (mut gone, mut banned) = (Vec::new(), Vec::new());
        let mut delta = 0;
        for (user, state) in &change.members {
            let was = view.members.iter().find(|member| member.user == *user);
            let was = was.and_then(|member| member.state).is_some_and(GroupState::is_member);
            delta += i32::from(state.is_some_and(GroupState::is_member)) - i32::from(was);
            match state {
                None => gone.push(user.0),
                Some(state) => {
                    users.push(user.0);
                    states.push(state.number());
                    if *state == GroupState::Banned {
                        banned.push(user.0);
                    }
                }
            }
        }
        let messages = &change.messages;
        let message_ids: Vec<Uuid> = messages.iter().map(|m| m.id).collect();
        let codes: Vec<i16> = messages.iter().map(|m| m.code).collect();
        let senders: Vec<Uuid> = messages.iter().map(|m| m.sender.0).collect();
        let names: Vec<&str> = messages.iter().map(|m| &*m.username).collect();
        let times: Vec<Time> = messages.iter().map(|m| Time(m.create_time)).collect();
        let new = Columns::of(&change.notifications).map_err(Stopped::Storage)?;
        let contents: &Vec<JsonText<'_>> = &new.contents;
        let params: [&(dyn ToSql + Sync); 21] = [
            &view.group.id,
            &users,
            &states,
            &positions.moves,
            &positions.first,
            &Time(now),
            &gone,
            &banned,
            &delta,
            &message_ids,
            &codes,
            &senders,
            &names,
            &times,
            &new.ids,
            &new.users,
            &new.subjects,
            contents,
            &new.codes,
            &new.senders,
            &new.times,
        ];
        transaction.last(&self.write, &params).await?;
        Ok(())
    }
}
