ALTER ROLE "orders_migrate" NOLOGIN; -- no new sessions
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_migrate' AND pid <> pg_backend_pid(); -- a session outlives its role
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- for this transaction
SELECT CAST(CASE WHEN EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid WHERE r.rolname = 'orders_migrate' AND d.refclassid = regclass 'pg_authid' AND d.deptype = 'o' AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) THEN 'the role owns some by now, which would be dropped' ELSE '0' END AS int); -- what it owns would be dropped
DROP OWNED BY "orders_migrate"; -- a role with privileges cannot be dropped
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
DROP ROLE "orders_migrate"; -- its resource is deleted
-- ends sessions: alter role "orders_migrate"
-- ends sessions: end sessions of "orders_migrate"
-- locks: revoke privileges of "orders_migrate"
