BEGIN;
ALTER DATABASE "orders" SET "TimeZone" TO 'Europe/Vienna'; -- setting "TimeZone" of every session
ALTER DATABASE "orders" SET "work_mem" TO ''; -- setting "work_mem" of every session
ALTER DATABASE "orders" RESET "jit"; -- setting "jit" is no longer asked for
ALTER DATABASE "orders" RESET "search_path"; -- setting "search_path" is no longer asked for
COMMIT;
