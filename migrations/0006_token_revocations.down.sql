DROP TABLE tavern_token_revocation;
