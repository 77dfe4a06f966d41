BEGIN;
ALTER ROLE "orders_api" CONNECTION LIMIT 5; -- connection limit -1 → 5
COMMIT;
BEGIN;
ALTER DATABASE "orders" CONNECTION LIMIT 20; -- connection limit -1 → 20
COMMIT;
