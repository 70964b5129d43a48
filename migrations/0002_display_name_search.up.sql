-- needs extension: pg_trgm
-- Finding players by part of their display name. Only the console looks for them that way, so a
-- database without the extension does without the index.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX IF NOT EXISTS users_display_name_idx
    ON users USING gin (display_name gin_trgm_ops);
