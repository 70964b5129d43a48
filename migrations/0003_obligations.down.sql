DROP TABLE tavern_obligation;
