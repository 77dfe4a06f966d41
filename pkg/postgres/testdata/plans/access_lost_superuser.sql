BEGIN;
REVOKE "billing_owner" FROM "orders_api"; -- no access to database "billing"
COMMIT;
\connect "archive"
BEGIN;
SELECT CAST(CASE WHEN EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid WHERE r.rolname = 'orders_api' AND d.refclassid = regclass 'pg_authid' AND d.deptype = 'o' AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) THEN 'the role owns some by now, which would be dropped' ELSE '0' END AS int); -- what it owns would be dropped
DROP OWNED BY "orders_api"; -- it has no access to the database any more
COMMIT;
\connect "postgres"
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_api' AND pid <> pg_backend_pid() AND datname = 'billing'; -- it has no access to the database any more
\connect "billing"
BEGIN;
REASSIGN OWNED BY "orders_api" TO "billing_owner"; -- tables outlive the login
DROP OWNED BY "orders_api"; -- it has no access to the database any more
COMMIT;
\connect "postgres"
ALTER ROLE "orders_api" IN DATABASE "billing" RESET role; -- it is no longer a member of the owner group
\connect "legacy"
BEGIN;
SELECT CAST(CASE WHEN EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid WHERE r.rolname = 'orders_api' AND d.refclassid = regclass 'pg_authid' AND d.deptype = 'o' AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) THEN 'the role owns some by now, which would be dropped' ELSE '0' END AS int); -- what it owns would be dropped
DROP OWNED BY "orders_api"; -- it has no access to the database any more
COMMIT;
-- locks: revoke privileges of "orders_api" in database "archive"
-- ends sessions: end sessions of "orders_api" in database "billing"
-- locks: reassign objects of "orders_api" in database "billing"
-- locks: revoke privileges of "orders_api" in database "billing"
-- locks: revoke privileges of "orders_api" in database "legacy"
