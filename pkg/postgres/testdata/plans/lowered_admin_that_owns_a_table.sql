BEGIN;
REVOKE "orders_owner" FROM "orders_migrate"; -- readonly in database "orders"
GRANT "orders_ro" TO "orders_migrate" WITH INHERIT TRUE, SET FALSE; -- readonly in database "orders"
COMMIT;
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_migrate' AND pid <> pg_backend_pid() AND datname = 'orders'; -- a session that has set its role keeps it until it ends
\connect "orders"
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- for this transaction
REASSIGN OWNED BY "orders_migrate" TO "orders_owner"; -- tables outlive the login
DROP OWNED BY "orders_migrate"; -- it creates nothing any more that default privileges could be about
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
\connect "postgres"
ALTER ROLE "orders_migrate" IN DATABASE "orders" RESET role; -- it is no longer a member of the owner group
-- ends sessions: end sessions of "orders_migrate" in database "orders"
-- locks: reassign objects of "orders_migrate" in database "orders"
-- locks: revoke privileges of "orders_migrate" in database "orders"
