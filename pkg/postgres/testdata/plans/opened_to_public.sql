BEGIN;
REVOKE ALL ON DATABASE "orders" FROM PUBLIC; -- PUBLIC would let every role of the server in
GRANT CONNECT, TEMPORARY, CREATE ON DATABASE "orders" TO "orders_owner"; -- what the group may do with the database
COMMIT;
