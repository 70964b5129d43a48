DROP TABLE tavern_revocation;
