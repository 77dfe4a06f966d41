BEGIN;
ALTER ROLE "orders_api" VALID UNTIL 'infinity'; -- its password ends to work: 2027-01-02 02:04:05.0006+00 → infinity
COMMIT;
