BEGIN;
CREATE ROLE "orders_api" LOGIN INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1 PASSWORD '<verifier>'; -- with the password that is in its Secret
COMMENT ON ROLE "orders_api" IS 'dbtether.io: DatabaseUser shop/orders-api, uid <uid>'; -- says whose it is
GRANT "orders_rw" TO "orders_api_b" WITH INHERIT TRUE, SET FALSE; -- readwrite in database "orders"
COMMIT;
