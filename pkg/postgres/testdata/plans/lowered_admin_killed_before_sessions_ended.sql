SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_migrate' AND pid <> pg_backend_pid() AND datname = 'orders'; -- a session that has set its role keeps it until it ends
ALTER ROLE "orders_migrate" IN DATABASE "orders" RESET role; -- it is no longer a member of the owner group
-- ends sessions: end sessions of "orders_migrate" in database "orders"
