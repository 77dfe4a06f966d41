\connect "orders"
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER; -- for this transaction
GRANT USAGE, CREATE ON SCHEMA "own" TO "orders_owner"; -- the owner group works in it
GRANT USAGE ON SCHEMA "own" TO "orders_rw", "orders_ro"; -- the groups see what is in it
GRANT SELECT ON ALL TABLES IN SCHEMA "own" TO "orders_ro"; -- created without it
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
SET LOCAL ROLE "orders_owner"; -- what follows belongs to the database's owner group
GRANT SELECT ON ALL TABLES IN SCHEMA "app" TO "orders_ro"; -- created without it
COMMIT;
-- warning: every user of database "orders" may create objects in schema public, because it belongs to "postgres"; a superuser ends that in database "orders" with: ALTER SCHEMA public OWNER TO "orders_owner"
