\connect "orders"
BEGIN;
SET LOCAL ROLE "orders_owner"; -- what follows belongs to the database's owner group
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "orders_rw", "orders_ro"; -- tables and views created later are readable
GRANT USAGE ON SCHEMA "later" TO "orders_rw", "orders_ro"; -- the groups see what is in it
GRANT SELECT ON ALL TABLES IN SCHEMA "app" TO "orders_ro"; -- created without it
GRANT USAGE ON ALL SEQUENCES IN SCHEMA "app" TO "orders_rw"; -- created without it
GRANT DELETE ON TABLE "later"."t", "later"."odd ""name""" TO "orders_rw"; -- created without it
GRANT SELECT ON SEQUENCE "later"."s" TO "orders_ro"; -- created without it
COMMIT;
