\connect "orders"
BEGIN;
GRANT USAGE, CREATE ON SCHEMA "own" TO "orders_owner"; -- the owner group works in it
GRANT USAGE ON SCHEMA "own" TO "orders_rw", "orders_ro"; -- the groups see what is in it
GRANT SELECT ON ALL TABLES IN SCHEMA "own" TO "orders_ro"; -- created without it
SET LOCAL ROLE "orders_owner"; -- what follows belongs to the database's owner group
GRANT SELECT ON ALL TABLES IN SCHEMA "app" TO "orders_ro"; -- created without it
COMMIT;
