BEGIN;
ALTER ROLE "orders_api" SET "statement_timeout" TO '1''; DROP'; -- setting "statement_timeout" of every session
ALTER ROLE "orders_api" SET "work_mem" TO '8MB'; -- setting "work_mem" of every session
ALTER ROLE "orders_api" RESET "lock_timeout"; -- setting "lock_timeout" is no longer asked for
COMMIT;
