\connect "orders"
BEGIN;
ALTER EXTENSION "hstore" UPDATE TO '1.8'; -- version 1.7 → 1.8
COMMIT;
-- locks: alter extension "hstore"
