BEGIN;
COMMENT ON ROLE "orders_api" IS 'dbtether.io: DatabaseUser shop/orders-api, uid <uid>'; -- says whose it is now
ALTER ROLE "orders_api" PASSWORD '<verifier>'; -- the password that is in its Secret
COMMIT;
-- warning: every user of database "orders" may create objects in schema public, because it belongs to "postgres"; a superuser ends that in database "orders" with: ALTER SCHEMA public OWNER TO "orders_owner"
