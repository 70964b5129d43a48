-- Run once by the PostgreSQL container, when its volume is empty: a database for Tavern and a role
-- that owns it and may do nothing else. The superuser is for administrators.
\set password `cat /run/secrets/postgres.tavern`
CREATE ROLE tavern LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE tavern OWNER tavern;
REVOKE ALL ON DATABASE tavern FROM PUBLIC;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
