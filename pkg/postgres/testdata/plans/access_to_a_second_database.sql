BEGIN;
GRANT "billing_ro" TO "orders_api" WITH INHERIT TRUE, SET FALSE; -- readonly in database "billing"
COMMIT;
