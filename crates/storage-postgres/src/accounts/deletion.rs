//! Deleting a player with all that hangs on them.

use crate::query::queries;

queries!(DeletionQueries {
    /// Most of it goes by foreign keys. Not so the counts at friends and groups, and what refers to
    /// the player without a foreign key: memberships and scores. A group that is left without a
    /// superadmin goes as well, as it does at Nakama's.
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
             WHERE e.source_id = gone.id AND e.state IN (0, 1, 2) AND u.id = e.destination_id), \
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
         members AS (\
             DELETE FROM group_edge e USING mine, gone \
             WHERE (e.source_id = gone.id AND e.destination_id = mine.id) \
                OR (e.source_id = mine.id AND (e.destination_id = gone.id OR mine.last)) \
                OR (mine.last AND e.destination_id = mine.id)), \
         smaller AS (\
             UPDATE groups g SET edge_count = g.edge_count - 1 \
             FROM mine WHERE g.id = mine.id AND mine.counted AND NOT mine.last), \
         empty AS (\
             DELETE FROM groups g USING mine WHERE g.id = mine.id AND mine.last) \
         SELECT id FROM gone";
});
