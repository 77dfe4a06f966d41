BEGIN;
REVOKE "orders_ro" FROM "orders_report"; -- admin in database "orders"
GRANT "orders_owner" TO "orders_report"; -- admin in database "orders"
COMMIT;
BEGIN;
ALTER ROLE "orders_report" IN DATABASE "orders" SET role = 'orders_owner'; -- what it creates belongs to the owner group
COMMIT;
-- warning: every user of database "orders" may create objects in schema public, because it belongs to "postgres"; a superuser ends that in database "orders" with: ALTER SCHEMA public OWNER TO "orders_owner"
