\connect "orders"
BEGIN;
SET LOCAL ROLE "orders_owner"; -- what follows belongs to the database's owner group
GRANT DELETE ON TABLE "app"."t" TO "orders_report"; -- asked for in spec.additionalGrants
GRANT SELECT, TRIGGER ON TABLE "app"."x""; DROP" TO "orders_report"; -- asked for in spec.additionalGrants
COMMIT;
BEGIN;
GRANT "orders_api" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- for this transaction
GRANT INSERT ON TABLE "app"."of_api" TO "orders_report"; -- asked for in spec.additionalGrants
REVOKE "orders_api" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
-- warning: table "app.absent" of database "orders" does not exist so far: its grants wait for it
-- warning: table "app.of_stranger" of database "orders" belongs to "stranger": that role or a superuser grants what is asked for, there, with: GRANT INSERT ON TABLE "app"."of_stranger" TO "orders_report"
