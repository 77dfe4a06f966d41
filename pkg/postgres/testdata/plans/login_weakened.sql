BEGIN;
ALTER ROLE "orders_api" LOGIN INHERIT; -- it must be able to log in
ALTER ROLE "orders_api" CONNECTION LIMIT -1; -- connection limit 0 → -1
COMMIT;
