//! Lists of groups, of a group's players and of a player's groups.

use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    Group, GroupEdge, GroupEdgeKey, GroupEdgePage, GroupFilter, GroupOrder, GroupPage,
    GroupPosition, GroupState, StorageError, User,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{GROUP_COLUMNS, group, group_columns, group_state, state_number};
use crate::Pool;
use crate::accounts::{USER_COLUMNS, rows, user_columns};
use crate::error::DbError;
use crate::query::{Column, Query, queries};
use crate::values::Time;

/// A part of a list of groups: the conditions of a filter, in an order.
macro_rules! list {
    ($beyond:literal $order:literal; $($condition:literal)*) => {
        concat!(
            "SELECT ", group_columns!(), " FROM groups g \
             WHERE g.disable_time = '1970-01-01 00:00:00Z' AND ", $beyond,
            $(" AND ", $condition,)*
            " ORDER BY ", $order, " LIMIT $1"
        )
    };
}

/// By update time, members, id, upwards.
macro_rules! oldest {
    ($($condition:literal)*) => {
        list!("(g.update_time, g.edge_count, g.id) > ($3, $2, $4)"
            "g.update_time, g.edge_count, g.id"; $($condition)*)
    };
}
/// By members, id, upwards.
macro_rules! fewest {
    ($($condition:literal)*) => {
        list!("(g.edge_count, g.id) > ($2, $3)" "g.edge_count, g.id"; $($condition)*)
    };
}
/// By members, id, downwards.
macro_rules! most {
    ($($condition:literal)*) => {
        list!("(g.edge_count, g.id) < ($2, $3)" "g.edge_count DESC, g.id DESC"; $($condition)*)
    };
}

/// A part of a list of edges.
macro_rules! edges {
    ($columns:expr, $join:literal, $where:literal) => {
        concat!(
            "SELECT ",
            $columns,
            ", e.state, e.position FROM group_edge e JOIN ",
            $join,
            " WHERE e.source_id = $1 AND ",
            $where,
            " ORDER BY e.state, e.position LIMIT $4"
        )
    };
}

queries!(ListQueries {
    get: "group_get" = concat!(
        "SELECT ", group_columns!(), " FROM groups g \
         WHERE g.id = ANY($1) AND g.disable_time = '1970-01-01 00:00:00Z'");
    by_name: "group_list_name" = list!("g.name > $2" "g.name"; "g.name ILIKE $3");
    all: "group_list" = oldest!();
    open: "group_list" = oldest!("g.state = $5");
    members: "group_list" = list!(
        "(g.edge_count, g.update_time, g.id) < ($2, $3, $4)"
        "g.edge_count DESC, g.update_time DESC, g.id DESC"; "g.edge_count <= $5");
    lang: "group_list" = fewest!("g.lang_tag = $4");
    open_members: "group_list" = most!("g.state = $4" "g.edge_count <= $5");
    lang_open: "group_list" = most!("g.lang_tag = $4" "g.state = $5");
    lang_members: "group_list" = most!("g.lang_tag = $4" "g.edge_count <= $5");
    lang_open_members: "group_list" = most!("g.lang_tag = $4" "g.state = $5" "g.edge_count <= $6");
    beginning_at: "group_from_id" = concat!(
        "(SELECT ", group_columns!(), " FROM groups g \
             WHERE g.id >= $1 AND g.disable_time = '1970-01-01 00:00:00Z' \
             ORDER BY g.id LIMIT $2) \
         UNION ALL \
         (SELECT ", group_columns!(), " FROM groups g \
             WHERE g.id < $1 AND g.disable_time = '1970-01-01 00:00:00Z' \
             ORDER BY g.id LIMIT $2) \
         LIMIT $2");
    users: "group_users" = edges!(
        user_columns!(), "users u ON u.id = e.destination_id",
        "e.state <= 3 AND (e.state, e.position) > ($2, $3)");
    users_of_state: "group_users" = edges!(
        user_columns!(), "users u ON u.id = e.destination_id",
        "e.state = $2 AND e.position > $3");
    groups: "user_groups" = edges!(
        group_columns!(), "groups g ON g.id = e.destination_id",
        "e.state <= 3 AND (e.state, e.position) > ($2, $3)");
    groups_of_state: "user_groups" = edges!(
        group_columns!(), "groups g ON g.id = e.destination_id",
        "e.state = $2 AND e.position > $3");
});

fn groups(rows: &[Row], limit: u32) -> Result<GroupPage, DbError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    let groups = rows.iter().take(limit).map(group).collect::<Result<_, _>>()?;
    Ok(GroupPage { groups, more })
}

fn edge_page<T>(
    rows: &[Row],
    limit: u32,
    columns: usize,
    of: impl Fn(&Row) -> Result<T, DbError>,
) -> Result<GroupEdgePage<T>, DbError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    let edge = |row: &Row| -> Result<GroupEdge<T>, DbError> {
        let state = group_state(row.column(columns)?)?;
        let key = GroupEdgeKey { state, position: row.column(columns + 1)? };
        Ok(GroupEdge { of: of(row)?, key })
    };
    let edges = rows.iter().take(limit).map(edge).collect::<Result<_, _>>()?;
    Ok(GroupEdgePage { edges, more })
}

/// Where an order begins.
fn beginning(order: GroupOrder) -> GroupPosition {
    let (edge_count, micros, id) = match order {
        GroupOrder::Name | GroupOrder::Fewest | GroupOrder::Oldest => {
            (i32::MIN, i64::MIN, Uuid::nil())
        }
        GroupOrder::Most | GroupOrder::MostRecent => (i32::MAX, i64::MAX, Uuid::max()),
    };
    let update_time = Timestamp::from_nanos(micros);
    GroupPosition { name: String::new(), edge_count, update_time, id }
}

/// A pattern of the database in which nothing but `%` is special.
fn pattern(given: &str) -> String {
    given.replace('\\', "\\\\").replace('_', "\\_")
}

impl ListQueries {
    pub(super) async fn get(&self, pool: &Pool, ids: &[Uuid]) -> Result<Vec<Group>, StorageError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = pool.query(&self.get, &[&ids]).await?;
        Ok(rows.iter().map(group).collect::<Result<_, _>>()?)
    }

    pub(super) async fn list(
        &self,
        pool: &Pool,
        filter: &GroupFilter,
        after: Option<&GroupPosition>,
        limit: u32,
    ) -> Result<GroupPage, StorageError> {
        let order = filter.order();
        let from_start;
        let after = match after {
            Some(after) => after,
            None => {
                from_start = beginning(order);
                &from_start
            }
        };
        // One more tells whether there are more.
        let (most, time) = (i64::from(limit) + 1, Time(after.update_time));
        let (lang_tag, open, members) = match filter {
            GroupFilter::Name(name) if name.contains('\0') => return Ok(GroupPage::default()),
            GroupFilter::Name(name) => {
                let params: [&(dyn ToSql + Sync); 3] = [&most, &after.name, &pattern(name)];
                let rows = pool.query(&self.by_name, &params).await?;
                return Ok(groups(&rows, limit)?);
            }
            GroupFilter::Fields { lang_tag: Some(tag), .. } if tag.contains('\0') => {
                return Ok(GroupPage::default());
            }
            GroupFilter::Fields { lang_tag, open, members } => (lang_tag, open, members),
        };
        let state = open.map(state_number);
        let query: &Query = match (lang_tag, open, members) {
            (None, None, None) => &self.all,
            (None, Some(_), None) => &self.open,
            (None, None, Some(_)) => &self.members,
            (None, Some(_), Some(_)) => &self.open_members,
            (Some(_), None, None) => &self.lang,
            (Some(_), Some(_), None) => &self.lang_open,
            (Some(_), None, Some(_)) => &self.lang_members,
            (Some(_), Some(_), Some(_)) => &self.lang_open_members,
        };
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&most, &after.edge_count];
        if matches!(order, GroupOrder::Oldest | GroupOrder::MostRecent) {
            params.push(&time);
        }
        params.push(&after.id);
        params.extend(lang_tag.iter().map(|tag| tag as &(dyn ToSql + Sync)));
        params.extend(state.iter().map(|state| state as &(dyn ToSql + Sync)));
        params.extend(members.iter().map(|members| members as &(dyn ToSql + Sync)));
        let rows = pool.query(query, &params).await?;
        Ok(groups(&rows, limit)?)
    }

    pub(super) async fn beginning_at(
        &self,
        pool: &Pool,
        start: Uuid,
        limit: u32,
    ) -> Result<Vec<Group>, StorageError> {
        let rows = pool.query(&self.beginning_at, &[&start, &i64::from(limit)]).await?;
        Ok(rows.iter().map(group).collect::<Result<_, _>>()?)
    }

    pub(super) async fn members(
        &self,
        pool: &Pool,
        group: Uuid,
        state: Option<GroupState>,
        after: Option<GroupEdgeKey>,
        limit: u32,
    ) -> Result<GroupEdgePage<User>, StorageError> {
        let queries = [&self.users, &self.users_of_state];
        let rows = edges(pool, queries, group, state, after, limit).await?;
        Ok(edge_page(&rows, limit, USER_COLUMNS, rows::user)?)
    }

    pub(super) async fn of_user(
        &self,
        pool: &Pool,
        user: UserId,
        state: Option<GroupState>,
        after: Option<GroupEdgeKey>,
        limit: u32,
    ) -> Result<GroupEdgePage<Group>, StorageError> {
        let queries = [&self.groups, &self.groups_of_state];
        let rows = edges(pool, queries, user.0, state, after, limit).await?;
        Ok(edge_page(&rows, limit, GROUP_COLUMNS, group)?)
    }
}

async fn edges(
    pool: &Pool,
    [all, of_state]: [&Query; 2],
    source: Uuid,
    state: Option<GroupState>,
    after: Option<GroupEdgeKey>,
    limit: u32,
) -> Result<Vec<Row>, DbError> {
    let most = i64::from(limit) + 1;
    match (state, after) {
        // A key of another state has all of this one before it, or all behind it.
        (Some(state), Some(after)) if after.state > state => Ok(Vec::new()),
        (Some(state), after) => {
            let from = after.filter(|after| after.state == state);
            let position = from.map_or(i64::MIN, |after| after.position);
            pool.query(of_state, &[&source, &state.number(), &position, &most]).await
        }
        (None, after) => {
            let (state, position) =
                after.map_or((-1, 0), |after| (after.state.number(), after.position));
            pool.query(all, &[&source, &state, &position, &most]).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_percent_sign_is_special() {
        assert_eq!(pattern(r"50%_off\"), r"50%\_off\\");
    }
}
