SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_api' AND pid <> pg_backend_pid() AND datname = 'billing'; -- it has no access to the database any more
-- ends sessions: end sessions of "orders_api" in database "billing"
