\connect "orders"
BEGIN;
GRANT SELECT ON TABLE "app"."t" TO "orders_ro"; -- created without it
COMMIT;
