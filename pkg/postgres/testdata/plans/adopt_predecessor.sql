BEGIN;
COMMENT ON ROLE "orders_owner" IS 'dbtether.io: group of Database shop/orders, uid <uid>
kept'; -- it was an earlier resource's of the same name
COMMENT ON ROLE "orders_rw" IS 'dbtether.io: group of Database shop/orders, uid <uid>
kept'; -- it was an earlier resource's of the same name
COMMENT ON ROLE "orders_ro" IS 'dbtether.io: group of Database shop/orders, uid <uid>
kept'; -- it was an earlier resource's of the same name
COMMIT;
BEGIN;
COMMENT ON DATABASE "orders" IS 'dbtether.io: Database shop/orders, uid <uid>
it''s kept'; -- says whose it is now
COMMIT;
