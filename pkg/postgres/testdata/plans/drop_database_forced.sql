DROP DATABASE "orders" WITH (FORCE); -- its resource is deleted with policy Delete
DROP ROLE "orders_owner"; -- group of the dropped database
DROP ROLE "orders_rw"; -- group of the dropped database
DROP ROLE "orders_ro"; -- group of the dropped database
-- destroys data: drop database "orders"
