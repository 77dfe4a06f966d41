BEGIN;
ALTER ROLE "orders_api" PASSWORD '<verifier>'; -- the password that is in its Secret
COMMIT;
