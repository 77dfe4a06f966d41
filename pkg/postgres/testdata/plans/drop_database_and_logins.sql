ALTER ROLE "orders_api" NOLOGIN; -- no new sessions
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_api' AND pid <> pg_backend_pid(); -- a session outlives its role
DROP ROLE "orders_api"; -- its resource is deleted
ALTER ROLE "orders_migrate" NOLOGIN; -- no new sessions
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_migrate' AND pid <> pg_backend_pid(); -- a session outlives its role
DROP ROLE "orders_migrate"; -- its resource is deleted
ALTER ROLE "orders_report" NOLOGIN; -- no new sessions
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'orders_report' AND pid <> pg_backend_pid(); -- a session outlives its role
DROP ROLE "orders_report"; -- its resource is deleted
DROP DATABASE "orders"; -- its resource is deleted with policy Delete
DROP ROLE "orders_owner"; -- group of the dropped database
DROP ROLE "orders_rw"; -- group of the dropped database
DROP ROLE "orders_ro"; -- group of the dropped database
-- ends sessions: alter role "orders_api"
-- ends sessions: end sessions of "orders_api"
-- ends sessions: alter role "orders_migrate"
-- ends sessions: end sessions of "orders_migrate"
-- ends sessions: alter role "orders_report"
-- ends sessions: end sessions of "orders_report"
-- destroys data: drop database "orders"
