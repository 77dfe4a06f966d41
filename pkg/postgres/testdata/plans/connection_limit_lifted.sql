BEGIN;
ALTER DATABASE "orders" CONNECTION LIMIT -1; -- connection limit 20 → -1
COMMIT;
