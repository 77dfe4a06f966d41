DROP ROLE "orders_rw"; -- group of the dropped database
DROP ROLE "orders_ro"; -- group of the dropped database
