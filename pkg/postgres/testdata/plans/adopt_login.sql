BEGIN;
COMMENT ON ROLE "orders_api" IS 'dbtether.io: DatabaseUser shop/orders-api, uid <uid>
the old
service''s login'; -- says whose it is now
ALTER ROLE "orders_api" PASSWORD '<verifier>'; -- the password that is in its Secret
COMMIT;
