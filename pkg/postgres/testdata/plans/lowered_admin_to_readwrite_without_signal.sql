BEGIN;
REVOKE "orders_owner" FROM "orders_migrate"; -- readwrite in database "orders"
GRANT "orders_rw" TO "orders_migrate" WITH INHERIT TRUE, SET FALSE; -- readwrite in database "orders"
COMMIT;
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- for this transaction
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_migrate' AND pid <> pg_backend_pid() AND datname = 'orders'; -- a session that has set its role keeps it until it ends
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
ALTER ROLE "orders_migrate" IN DATABASE "orders" RESET role; -- it is no longer a member of the owner group
-- ends sessions: end sessions of "orders_migrate" in database "orders"
