-- The extension stays: others may use it.
DROP INDEX users_display_name_idx;
