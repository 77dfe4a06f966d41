BEGIN;
CREATE ROLE "orders_owner" NOLOGIN; -- group of database "orders"
COMMENT ON ROLE "orders_owner" IS 'dbtether.io: group of Database shop/orders, uid <uid>'; -- says whose it is
CREATE ROLE "orders_rw" NOLOGIN; -- group of database "orders"
COMMENT ON ROLE "orders_rw" IS 'dbtether.io: group of Database shop/orders, uid <uid>'; -- says whose it is
CREATE ROLE "orders_ro" NOLOGIN; -- group of database "orders"
COMMENT ON ROLE "orders_ro" IS 'dbtether.io: group of Database shop/orders, uid <uid>'; -- says whose it is
GRANT "orders_owner" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- the admin creates the group's objects
CREATE ROLE "orders_api" LOGIN INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1 PASSWORD '<verifier>'; -- with the password that is in its Secret
COMMENT ON ROLE "orders_api" IS 'dbtether.io: DatabaseUser shop/orders-api, uid <uid>'; -- says whose it is
GRANT "orders_rw" TO "orders_api" WITH INHERIT TRUE, SET FALSE; -- readwrite in database "orders"
CREATE ROLE "orders_migrate" LOGIN INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1 PASSWORD '<verifier>'; -- with the password that is in its Secret
COMMENT ON ROLE "orders_migrate" IS 'dbtether.io: DatabaseUser shop/orders-migrate, uid <uid>'; -- says whose it is
GRANT "orders_owner" TO "orders_migrate" WITH INHERIT TRUE, SET TRUE; -- admin in database "orders"
CREATE ROLE "orders_report" LOGIN INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1 PASSWORD '<verifier>'; -- with the password that is in its Secret
COMMENT ON ROLE "orders_report" IS 'dbtether.io: DatabaseUser shop/orders-report, uid <uid>'; -- says whose it is
GRANT "orders_ro" TO "orders_report" WITH INHERIT TRUE, SET FALSE; -- readonly in database "orders"
COMMIT;
CREATE DATABASE "orders" TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER "icu" LC_COLLATE 'C' LC_CTYPE 'C' ICU_LOCALE 'de-AT' ALLOW_CONNECTIONS false; -- closed until it is isolated
BEGIN;
COMMENT ON DATABASE "orders" IS 'dbtether.io: Database shop/orders, uid <uid>'; -- says whose it is
REVOKE ALL ON DATABASE "orders" FROM PUBLIC; -- PUBLIC would let every role of the server in
GRANT CONNECT, TEMPORARY, CREATE ON DATABASE "orders" TO "orders_owner"; -- what the group may do with the database
GRANT CONNECT, TEMPORARY ON DATABASE "orders" TO "orders_rw"; -- what the group may do with the database
GRANT CONNECT ON DATABASE "orders" TO "orders_ro"; -- what the group may do with the database
ALTER DATABASE "orders" ALLOW_CONNECTIONS true; -- it is isolated now
ALTER ROLE "orders_migrate" IN DATABASE "orders" SET role = 'orders_owner'; -- what it creates belongs to the owner group
COMMIT;
\connect "orders"
BEGIN;
ALTER SCHEMA public OWNER TO "orders_owner"; -- objects belong to the database's owner group
SET LOCAL ROLE "orders_owner"; -- what follows belongs to the database's owner group
REVOKE ALL ON SCHEMA public FROM PUBLIC; -- only the groups may use it
GRANT USAGE ON SCHEMA "public" TO "orders_rw", "orders_ro"; -- the groups see what is in it
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO "orders_rw", "orders_ro"; -- schemas created later are seen
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "orders_rw", "orders_ro"; -- tables and views created later are readable
ALTER DEFAULT PRIVILEGES GRANT INSERT, UPDATE, DELETE ON TABLES TO "orders_rw"; -- tables created later are writable
ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO "orders_rw", "orders_ro"; -- sequences created later are readable
ALTER DEFAULT PRIVILEGES GRANT USAGE, UPDATE ON SEQUENCES TO "orders_rw"; -- sequences created later can be advanced
CREATE SCHEMA "app"; -- asked for in spec.schemas
CREATE EXTENSION "pg_trgm" SCHEMA public; -- asked for in spec.extensions
COMMIT;
