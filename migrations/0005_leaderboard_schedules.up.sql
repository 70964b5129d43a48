-- Up to when the resets and ends of a leaderboard or tournament are carried out, and when the next
-- is due. One server of a cluster claims a row at a time.
CREATE TABLE tavern_leaderboard_schedule (
    leaderboard_id varchar(128) NOT NULL,
    -- Everything at this time and before it is done.
    done_time      timestamptz NOT NULL,
    -- Empty when nothing is ever due again.
    due_time       timestamptz,
    -- Until when it is claimed, or put off after a failure.
    free_time      timestamptz NOT NULL,
    attempts       integer NOT NULL,
    CONSTRAINT tavern_leaderboard_schedule_pkey
        PRIMARY KEY (leaderboard_id),
    CONSTRAINT tavern_leaderboard_schedule_leaderboard_id_fkey
        FOREIGN KEY (leaderboard_id) REFERENCES leaderboard(id) ON DELETE CASCADE
);

CREATE INDEX tavern_leaderboard_schedule_due_idx
    ON tavern_leaderboard_schedule (due_time);
