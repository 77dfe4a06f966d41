BEGIN;
ALTER DATABASE "orders" ALLOW_CONNECTIONS true; -- it is isolated now
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
