BEGIN;
COMMENT ON ROLE "orders_api" IS 'dbtether.io: DatabaseUser shop/orders-api, uid <uid>'; -- says whose it is now
ALTER ROLE "orders_api" LOGIN INHERIT; -- it must be able to log in
ALTER ROLE "orders_api" PASSWORD '<verifier>'; -- the password that is in its Secret
COMMIT;
