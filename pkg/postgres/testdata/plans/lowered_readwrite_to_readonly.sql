BEGIN;
REVOKE "orders_rw" FROM "orders_api"; -- readonly in database "orders"
GRANT "orders_ro" TO "orders_api" WITH INHERIT TRUE, SET FALSE; -- readonly in database "orders"
COMMIT;
