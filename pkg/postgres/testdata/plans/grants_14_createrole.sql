BEGIN;
REVOKE CREATE, TEMPORARY ON DATABASE "orders" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
COMMIT;
\connect "orders"
BEGIN;
REVOKE USAGE ON SCHEMA "public" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE SELECT ON TABLE "app"."of_dbadmin" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
SET LOCAL ROLE "orders_owner"; -- what follows belongs to the database's owner group
REVOKE SELECT ("odd ""name"""), UPDATE ("odd ""name""") ON TABLE "app"."t" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
ALTER DEFAULT PRIVILEGES FOR ROLE "orders_owner" REVOKE INSERT, SELECT ON TABLES FROM "orders_report" CASCADE; -- it has what its groups have, and no more
ALTER DEFAULT PRIVILEGES FOR ROLE "orders_owner" IN SCHEMA "app" REVOKE EXECUTE ON FUNCTIONS FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE USAGE ON FOREIGN SERVER "srv" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE SELECT ON LARGE OBJECT 4242 FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE EXECUTE ON ROUTINE app."My ""F"(integer,app."T"[],timestamp without time zone) FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE CREATE ON SCHEMA "app" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE USAGE ON SEQUENCE "app"."s" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE ALL PRIVILEGES ON TABLE "app"."hostile" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE MAINTAIN ON TABLE "app"."t" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE USAGE ON TYPE "app"."T" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
GRANT DELETE ON TABLE "app"."t" TO "orders_report"; -- asked for in spec.additionalGrants
GRANT SELECT, TRIGGER ON TABLE "app"."x""; DROP" TO "orders_report"; -- asked for in spec.additionalGrants
COMMIT;
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER; -- for this transaction
SET LOCAL ROLE "orders_owner"; -- what it lends is the owner's
GRANT UPDATE ("c") ON TABLE "app"."by_migrate" TO "orders_migrate" WITH GRANT OPTION; -- only with the grant option can it take back what it gave
SET LOCAL ROLE "orders_migrate"; -- it granted the privilege
REVOKE UPDATE ("c") ON TABLE "app"."by_migrate" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
SET LOCAL ROLE "orders_owner"; -- what it lent is the owner's
REVOKE GRANT OPTION FOR UPDATE ("c") ON TABLE "app"."by_migrate" FROM "orders_migrate" CASCADE; -- it was for this transaction
SET LOCAL ROLE NONE; -- what follows is the admin's again
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER; -- for this transaction
SET LOCAL ROLE "orders_migrate"; -- it granted the privilege
REVOKE USAGE ON SEQUENCE "app"."by_migrate" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
SET LOCAL ROLE NONE; -- what follows is the admin's again
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
BEGIN;
GRANT "orders_api" TO CURRENT_USER; -- for this transaction
SET LOCAL ROLE "orders_api"; -- it granted the privilege
REVOKE SELECT ON TABLE "app"."by_api" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
SET LOCAL ROLE NONE; -- what follows is the admin's again
REVOKE "orders_api" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
BEGIN;
GRANT "orders_migrate" TO CURRENT_USER; -- for this transaction
SET LOCAL ROLE "orders_owner"; -- what it lends is the owner's
GRANT SELECT ON TABLE "app"."by_migrate" TO "orders_migrate" WITH GRANT OPTION; -- only with the grant option can it take back what it gave
SET LOCAL ROLE "orders_migrate"; -- it granted the privilege
REVOKE SELECT ON TABLE "app"."by_migrate" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
SET LOCAL ROLE "orders_owner"; -- what it lent is the owner's
REVOKE SELECT ON TABLE "app"."by_migrate" FROM "orders_migrate" CASCADE; -- it was for this transaction
SET LOCAL ROLE NONE; -- what follows is the admin's again
REVOKE "orders_migrate" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
BEGIN;
GRANT "orders_api" TO CURRENT_USER; -- for this transaction
REVOKE SELECT ON TABLE "app"."of_api" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE "orders_api" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
BEGIN;
GRANT "stranger" TO CURRENT_USER; -- for this transaction
REVOKE SELECT ON TABLE "app"."of_stranger" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE "stranger" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
BEGIN;
GRANT "orders_api" TO CURRENT_USER; -- for this transaction
GRANT INSERT ON TABLE "app"."of_api" TO "orders_report"; -- asked for in spec.additionalGrants
REVOKE "orders_api" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
BEGIN;
GRANT "stranger" TO CURRENT_USER; -- for this transaction
GRANT INSERT ON TABLE "app"."of_stranger" TO "orders_report"; -- asked for in spec.additionalGrants
REVOKE "stranger" FROM CURRENT_USER; -- it was for this transaction
COMMIT;
-- warning: every user of database "orders" may create objects in schema public, because it belongs to "postgres"; a superuser ends that in database "orders" with: ALTER SCHEMA public OWNER TO "orders_owner"
-- warning: role "orders_report" itself holds privileges on database "legacy", which belongs to "someone"; that role or a superuser ends that with: REVOKE CONNECT ON DATABASE "legacy" FROM "orders_report" CASCADE
-- warning: role "orders_report" itself holds SELECT on future tables; -- of database "orders", which dbtether cannot take away
-- warning: role "orders_report" itself holds SELECT on large object "4242 FROM x" of database "orders", which dbtether cannot take away
-- warning: role "orders_report" itself holds SELECT on planet "mars" of database "orders", which dbtether cannot take away
-- warning: role "orders_report" itself holds EXECUTE on routine "app.f(); DROP TABLE t" of database "orders", which dbtether cannot take away
-- warning: role "orders_report" itself holds DELETE on table "app.by_clerk" of database "orders"; a superuser ends that there, in one transaction, with: SET LOCAL ROLE "stranger"; GRANT DELETE ON TABLE "app"."by_clerk" TO "clerk" WITH GRANT OPTION; SET LOCAL ROLE "clerk"; REVOKE DELETE ON TABLE "app"."by_clerk" FROM "orders_report" CASCADE; SET LOCAL ROLE "stranger"; REVOKE DELETE ON TABLE "app"."by_clerk" FROM "clerk" CASCADE; SET LOCAL ROLE NONE
-- warning: role "orders_report" itself holds SELECT on table "pg_catalog.pg_authid" of database "orders"; "postgres" ends that there with: REVOKE SELECT ON TABLE "pg_catalog"."pg_authid" FROM "orders_report" CASCADE
-- warning: table "app.absent" of database "orders" does not exist so far: its grants wait for it
