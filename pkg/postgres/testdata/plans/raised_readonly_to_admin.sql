BEGIN;
REVOKE "orders_ro" FROM "orders_report"; -- admin in database "orders"
GRANT "orders_owner" TO "orders_report" WITH INHERIT TRUE, SET TRUE; -- admin in database "orders"
COMMIT;
BEGIN;
ALTER ROLE "orders_report" IN DATABASE "orders" SET role = 'orders_owner'; -- what it creates belongs to the owner group
COMMIT;
