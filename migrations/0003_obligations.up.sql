-- After-authenticate hooks that must still run before their player gets a session.
CREATE TABLE tavern_obligation (
    id          uuid NOT NULL,
    user_id     uuid NOT NULL,
    call        varchar(128) NOT NULL,
    request     jsonb NOT NULL,
    attempts    integer NOT NULL,
    create_time timestamptz NOT NULL,
    -- Who is carrying it out; empty after a release, when nobody is.
    claim_node  varchar(128) NOT NULL,
    claim_boot  uuid NOT NULL,
    -- Until when nobody else may.
    claim_until timestamptz NOT NULL,
    CONSTRAINT tavern_obligation_pkey
        PRIMARY KEY (id),
    CONSTRAINT tavern_obligation_user_id_key
        UNIQUE (user_id),
    CONSTRAINT tavern_obligation_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);
