BEGIN;
CREATE ROLE "orders_owner" NOLOGIN; -- group of database "orders"
COMMENT ON ROLE "orders_owner" IS 'dbtether.io: group of Database shop/orders, uid <uid>'; -- says whose it is
CREATE ROLE "orders_rw" NOLOGIN; -- group of database "orders"
COMMENT ON ROLE "orders_rw" IS 'dbtether.io: group of Database shop/orders, uid <uid>'; -- says whose it is
CREATE ROLE "orders_ro" NOLOGIN; -- group of database "orders"
COMMENT ON ROLE "orders_ro" IS 'dbtether.io: group of Database shop/orders, uid <uid>'; -- says whose it is
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
BEGIN;
COMMENT ON DATABASE "orders" IS E'dbtether.io: Database shop/orders, uid <uid>
the shop''s \\ orders
since 2009'; -- says whose it is now
GRANT CONNECT, TEMPORARY, CREATE ON DATABASE "orders" TO "orders_owner"; -- what the group may do with the database
GRANT CONNECT, TEMPORARY ON DATABASE "orders" TO "orders_rw"; -- what the group may do with the database
GRANT CONNECT ON DATABASE "orders" TO "orders_ro"; -- what the group may do with the database
ALTER ROLE "orders_migrate" IN DATABASE "orders" SET role = 'orders_owner'; -- what it creates belongs to the owner group
COMMIT;
\connect "orders"
BEGIN;
GRANT SELECT ON TABLE "old"."log" TO "orders_ro"; -- created without it
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" GRANT USAGE ON SCHEMAS TO "orders_rw", "orders_ro"; -- schemas created later are seen
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" GRANT SELECT ON TABLES TO "orders_rw", "orders_ro"; -- tables and views created later are readable
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" GRANT INSERT, UPDATE, DELETE ON TABLES TO "orders_rw"; -- tables created later are writable
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" GRANT SELECT ON SEQUENCES TO "orders_rw", "orders_ro"; -- sequences created later are readable
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" GRANT USAGE, UPDATE ON SEQUENCES TO "orders_rw"; -- sequences created later can be advanced
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" GRANT USAGE, CREATE ON SCHEMAS TO "orders_owner"; -- the owner group works in schemas created later
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON TABLES TO "orders_owner"; -- the owner group uses tables created later
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" GRANT SELECT, USAGE, UPDATE ON SEQUENCES TO "orders_owner"; -- the owner group uses sequences created later
GRANT USAGE, CREATE ON SCHEMA "old" TO "orders_owner"; -- the owner group works in it
GRANT USAGE ON SCHEMA "old" TO "orders_rw", "orders_ro"; -- the groups see what is in it
GRANT USAGE, CREATE ON SCHEMA "public" TO "orders_owner"; -- the owner group works in it
GRANT USAGE ON SCHEMA "public" TO "orders_rw", "orders_ro"; -- the groups see what is in it
GRANT SELECT ON TABLE "old"."t" TO "orders_ro"; -- created without it
GRANT INSERT, DELETE ON TABLE "old"."t" TO "orders_rw"; -- created without it
GRANT USAGE ON ALL SEQUENCES IN SCHEMA "old" TO "orders_owner"; -- created without it
ALTER DEFAULT PRIVILEGES FOR ROLE "shop" GRANT USAGE ON SCHEMAS TO "orders_rw", "orders_ro"; -- schemas created later are seen
ALTER DEFAULT PRIVILEGES FOR ROLE "shop" GRANT SELECT ON TABLES TO "orders_rw", "orders_ro"; -- tables and views created later are readable
ALTER DEFAULT PRIVILEGES FOR ROLE "shop" GRANT INSERT, UPDATE, DELETE ON TABLES TO "orders_rw"; -- tables created later are writable
ALTER DEFAULT PRIVILEGES FOR ROLE "shop" GRANT SELECT ON SEQUENCES TO "orders_rw", "orders_ro"; -- sequences created later are readable
ALTER DEFAULT PRIVILEGES FOR ROLE "shop" GRANT USAGE, UPDATE ON SEQUENCES TO "orders_rw"; -- sequences created later can be advanced
ALTER DEFAULT PRIVILEGES FOR ROLE "shop" GRANT USAGE, CREATE ON SCHEMAS TO "orders_owner"; -- the owner group works in schemas created later
ALTER DEFAULT PRIVILEGES FOR ROLE "shop" GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON TABLES TO "orders_owner"; -- the owner group uses tables created later
ALTER DEFAULT PRIVILEGES FOR ROLE "shop" GRANT SELECT, USAGE, UPDATE ON SEQUENCES TO "orders_owner"; -- the owner group uses sequences created later
SET LOCAL ROLE "orders_owner"; -- what follows belongs to the database's owner group
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO "orders_rw", "orders_ro"; -- schemas created later are seen
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "orders_rw", "orders_ro"; -- tables and views created later are readable
ALTER DEFAULT PRIVILEGES GRANT INSERT, UPDATE, DELETE ON TABLES TO "orders_rw"; -- tables created later are writable
ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO "orders_rw", "orders_ro"; -- sequences created later are readable
ALTER DEFAULT PRIVILEGES GRANT USAGE, UPDATE ON SEQUENCES TO "orders_rw"; -- sequences created later can be advanced
CREATE SCHEMA "app"; -- asked for in spec.schemas
COMMIT;
