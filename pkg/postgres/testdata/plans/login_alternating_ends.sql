BEGIN;
CREATE ROLE "orders_api" LOGIN INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1 PASSWORD '<verifier>'; -- with the password that is in its Secret
COMMENT ON ROLE "orders_api" IS 'dbtether.io: DatabaseUser shop/orders-api, uid <uid>'; -- says whose it is
COMMIT;
ALTER ROLE "orders_api_b" NOLOGIN; -- no new sessions
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_api_b' AND pid <> pg_backend_pid(); -- a session outlives its role
DROP ROLE "orders_api_b"; -- its resource is deleted
-- ends sessions: alter role "orders_api_b"
-- ends sessions: end sessions of "orders_api_b"
