//! Deleting a player with all that hangs on them.

use crate::query::queries;

queries!(DeletionQueries {
    /// Groups first, then players, each in the order of their ids: the order in which everybody
    /// locks them. What comes to these groups meanwhile waits, and finds the player gone.
    lock_groups: "account_delete_lock" =
        "SELECT g.id FROM groups g \
         WHERE g.id IN (SELECT e.destination_id FROM group_edge e WHERE e.source_id = $1) \
         ORDER BY g.id FOR UPDATE";
    lock_users: "account_delete_lock" =
        "SELECT u.id FROM users u WHERE u.id IN (\
             SELECT $1::uuid UNION \
             SELECT e.source_id FROM user_edge e WHERE e.destination_id = $1) \
         ORDER BY u.id FOR UPDATE OF u";
    /// Most of it goes by foreign keys. Not so the counts at friends and groups, and what refers to
    /// the player without a foreign key: memberships and scores. A group that is left without a
    /// superadmin goes as well, as it does at Nakama's. Where the player is banned there is only
    /// the group's edge; it stays, and hurts nobody.
    delete: "account_delete" =
        "WITH gone AS (\
             DELETE FROM users WHERE id = $1 AND id <> '00000000-0000-0000-0000-000000000000' \
             RETURNING id), \
         stone AS (\
             INSERT INTO user_tombstone (user_id, create_time) \
             SELECT id, $3 FROM gone WHERE $2 ON CONFLICT (user_id) DO NOTHING), \
         friends AS (\
             UPDATE users u SET edge_count = greatest(u.edge_count - 1, 0) \
             FROM user_edge e, gone \
             WHERE e.destination_id = gone.id AND u.id = e.source_id), \
         scores AS (\
             DELETE FROM leaderboard_record r USING gone WHERE r.owner_id = gone.id), \
         mine AS (\
             SELECT g.id, e.state <= 2 AS counted, \
                 (e.state <= 2 AND g.edge_count <= 1) OR (e.state = 0 AND NOT EXISTS (\
                     SELECT FROM group_edge o \
                     WHERE o.source_id = g.id AND o.state = 0 AND o.destination_id <> gone.id)) \
                 AS last \
             FROM group_edge e JOIN gone ON e.source_id = gone.id \
             JOIN groups g ON g.id = e.destination_id), \
         left_by AS (\
             SELECT m.id AS group_id, $1::uuid AS user_id FROM mine m \
             UNION SELECT m.id, o.destination_id FROM mine m \
                 JOIN group_edge o ON m.last AND o.source_id = m.id), \
         members AS (\
             DELETE FROM group_edge e USING (\
                 SELECT group_id AS source_id, user_id AS destination_id FROM left_by \
                 UNION ALL SELECT user_id, group_id FROM left_by) AS l \
             WHERE e.source_id = l.source_id AND e.destination_id = l.destination_id), \
         smaller AS (\
             UPDATE groups g SET edge_count = g.edge_count - 1, update_time = $3 \
             FROM mine WHERE g.id = mine.id AND mine.counted AND NOT mine.last), \
         empty AS (\
             DELETE FROM groups g USING mine WHERE g.id = mine.id AND mine.last) \
         SELECT id FROM gone";
});
