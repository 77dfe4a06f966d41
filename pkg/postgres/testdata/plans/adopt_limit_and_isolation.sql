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
BEGIN;
COMMENT ON DATABASE "orders" IS E'dbtether.io: Database shop/orders, uid <uid>
the shop''s \\ orders
since 2009'; -- says whose it is now
REVOKE ALL ON DATABASE "orders" FROM PUBLIC; -- PUBLIC would let every role of the server in
GRANT CONNECT, TEMPORARY, CREATE ON DATABASE "orders" TO "orders_owner"; -- what the group may do with the database
GRANT CONNECT, TEMPORARY ON DATABASE "orders" TO "orders_rw"; -- what the group may do with the database
GRANT CONNECT ON DATABASE "orders" TO "orders_ro"; -- what the group may do with the database
ALTER DATABASE "orders" CONNECTION LIMIT 9; -- connection limit 50 → 9
ALTER ROLE "orders_migrate" IN DATABASE "orders" SET role = 'orders_owner'; -- what it creates belongs to the owner group
COMMIT;
