-- Tokens that are no longer good although they have not expired. They outlive their account, so
-- nothing refers to it.
CREATE TABLE tavern_revocation (
    user_id     uuid NOT NULL,
    -- 0 session tokens of a log-in, 1 its refresh tokens, 2 every token of the user.
    scope       smallint NOT NULL,
    -- The log-in; the nil id for scope 2.
    token_id    uuid NOT NULL,
    revoke_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    CONSTRAINT tavern_revocation_pkey
        PRIMARY KEY (user_id, scope, token_id),
    CONSTRAINT tavern_revocation_scope_check
        CHECK (scope >= 0 AND scope <= 2)
);
CREATE INDEX tavern_revocation_expire_time_idx
    ON tavern_revocation (expire_time);
