-- Only runs on tables that hold nothing but what the step itself put there; without CASCADE, so
-- that it stops at whatever somebody else has built on them.
DROP TABLE setting;
DROP TABLE console_audit_log;
DROP TABLE console_acl_template;
DROP TABLE console_user;
DROP TABLE subscription;
DROP TABLE purchase;
DROP TABLE wallet_ledger;
DROP TABLE leaderboard_record;
DROP TABLE leaderboard;
DROP TABLE storage;
DROP TABLE notification;
DROP TABLE message;
DROP TABLE group_edge;
DROP TABLE groups;
DROP TABLE users_notes;
DROP TABLE user_tombstone;
DROP TABLE user_edge;
DROP TABLE user_device;
DROP TABLE users;
DROP TABLE migration_info;
