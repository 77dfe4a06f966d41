BEGIN;
GRANT "orders_owner" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; -- the admin creates the group's objects
COMMIT;
