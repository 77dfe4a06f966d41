\connect "orders"
BEGIN;
GRANT USAGE, CREATE ON SCHEMA "public" TO "orders_owner"; -- the owner group works in it
GRANT USAGE ON SCHEMA "public" TO "orders_rw", "orders_ro"; -- the groups see what is in it
COMMIT;
-- warning: every user of database "orders" may create objects in schema public, because it belongs to "someone"; a superuser ends that in database "orders" with: ALTER SCHEMA public OWNER TO "orders_owner"
