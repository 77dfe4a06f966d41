\connect "orders"
BEGIN;
SET LOCAL ROLE "orders_owner"; -- what follows belongs to the database's owner group
GRANT SELECT ON ALL TABLES IN SCHEMA "app" TO "orders_ro"; -- created without it
COMMIT;
-- warning: users of database "orders" cannot use all that "orders_migrate" owns in it, because "dbadmin" may not act as that role; a superuser changes that in database "orders" with: GRANT USAGE, CREATE ON SCHEMA "own" TO "orders_owner"; GRANT USAGE ON SCHEMA "own" TO "orders_rw", "orders_ro"; GRANT SELECT ON ALL TABLES IN SCHEMA "own" TO "orders_ro"
