BEGIN;
ALTER ROLE "orders_api" LOGIN INHERIT; -- it must be able to log in
COMMIT;
