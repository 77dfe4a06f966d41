BEGIN;
REVOKE "billing_owner" FROM "orders_api"; -- no access to database "billing"
COMMIT;
\connect "archive"
BEGIN;
DROP OWNED BY "orders_api"; -- it has no access to the database any more
COMMIT;
\connect "postgres"
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_api' AND pid <> pg_backend_pid() AND datname = 'billing'; -- it has no access to the database any more
\connect "billing"
BEGIN;
DROP OWNED BY "orders_api"; -- it has no access to the database any more
COMMIT;
\connect "postgres"
ALTER ROLE "orders_api" IN DATABASE "billing" RESET role; -- it is no longer a member of the owner group
\connect "legacy"
BEGIN;
DROP OWNED BY "orders_api"; -- it has no access to the database any more
COMMIT;
-- locks: revoke privileges of "orders_api" in database "archive"
-- ends sessions: end sessions of "orders_api" in database "billing"
-- locks: revoke privileges of "orders_api" in database "billing"
-- locks: revoke privileges of "orders_api" in database "legacy"
