DROP ROLE "orders_rw"; -- group of a database that never came to be
DROP ROLE "orders_ro"; -- group of a database that never came to be
