BEGIN;
GRANT "orders_owner" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- the admin creates the group's objects
GRANT "orders_rw" TO "orders_api" WITH INHERIT TRUE, SET TRUE; -- readwrite in database "orders"
COMMIT;
