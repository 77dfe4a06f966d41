BEGIN;
REVOKE "orders_owner" FROM "orders_migrate"; -- readonly in database "orders"
GRANT "orders_ro" TO "orders_migrate" WITH INHERIT TRUE, SET TRUE; -- readonly in database "orders"
COMMIT;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'orders_migrate' AND pid <> pg_backend_pid() AND datname = 'orders'; -- sessions keep the rights of "orders_owner" until they end
ALTER ROLE "orders_migrate" IN DATABASE "orders" RESET role; -- it is no longer a member of the owner group
-- ends sessions: end sessions of "orders_migrate"
