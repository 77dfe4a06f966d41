ALTER ROLE "orders_migrate" NOLOGIN; -- no new sessions
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_migrate' AND pid <> pg_backend_pid(); -- a session outlives its role
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- for this transaction
REASSIGN OWNED BY "orders_migrate" TO CURRENT_USER; -- tables outlive the login
DROP OWNED BY "orders_migrate"; -- a role with privileges cannot be dropped
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
\connect "billing"
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- for this transaction
REASSIGN OWNED BY "orders_migrate" TO "billing_owner"; -- tables outlive the login
DROP OWNED BY "orders_migrate"; -- a role with privileges cannot be dropped
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
\connect "legacy"
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- for this transaction
REASSIGN OWNED BY "orders_migrate" TO CURRENT_USER; -- tables outlive the login
DROP OWNED BY "orders_migrate"; -- a role with privileges cannot be dropped
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
\connect "postgres"
DROP ROLE "orders_migrate"; -- its resource is deleted
-- ends sessions: alter role "orders_migrate"
-- ends sessions: end sessions of "orders_migrate"
-- locks: reassign objects of "orders_migrate"
-- locks: revoke privileges of "orders_migrate"
-- locks: reassign objects of "orders_migrate" in database "billing"
-- locks: revoke privileges of "orders_migrate" in database "billing"
-- locks: reassign objects of "orders_migrate" in database "legacy"
-- locks: revoke privileges of "orders_migrate" in database "legacy"
