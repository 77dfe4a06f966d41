\connect "orders"
BEGIN;
SET LOCAL ROLE "orders_owner"; -- what follows belongs to the database's owner group
ALTER EXTENSION "hstore" UPDATE TO '1.8'; -- version 1.7 → 1.8
COMMIT;
-- locks: alter extension "hstore"
