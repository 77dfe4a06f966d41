\connect "orders"
BEGIN;
CREATE EXTENSION "plpython3u" SCHEMA public; -- asked for in spec.extensions
COMMIT;
