BEGIN;
ALTER ROLE "orders_api" PASSWORD '<verifier>'; -- the password that is in its Secret
COMMIT;
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_api' AND pid <> pg_backend_pid(); -- they were opened with the old password
-- ends sessions: end sessions of "orders_api"
