-- Delegated tokens that are no longer good although they have not expired. They outlive their
-- account, so nothing refers to it.
CREATE TABLE tavern_token_revocation (
    user_id     uuid NOT NULL,
    -- The signature of a block of the tokens; empty for every token of the user.
    block_id    bytea NOT NULL,
    revoke_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    CONSTRAINT tavern_token_revocation_pkey
        PRIMARY KEY (user_id, block_id),
    CONSTRAINT tavern_token_revocation_block_id_check
        CHECK (length(block_id) <= 64)
);
CREATE INDEX tavern_token_revocation_expire_time_idx
    ON tavern_token_revocation (expire_time);
