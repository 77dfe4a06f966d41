BEGIN;
REVOKE "orders_ro" FROM "orders_report"; -- readwrite in database "orders"
GRANT "orders_rw" TO "orders_report" WITH INHERIT TRUE, SET FALSE; -- readwrite in database "orders"
COMMIT;
