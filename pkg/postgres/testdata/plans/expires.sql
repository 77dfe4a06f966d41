BEGIN;
ALTER ROLE "orders_api" VALID UNTIL '2027-01-02 02:04:05.0006+00'; -- its password ends to work: infinity → 2027-01-02 02:04:05.0006+00
COMMIT;
