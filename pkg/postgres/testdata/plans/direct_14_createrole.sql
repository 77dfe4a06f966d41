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
REVOKE MAINTAIN, SELECT, UPDATE ON TABLE "app"."t" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
REVOKE USAGE ON TYPE "app"."T" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
COMMIT;
BEGIN;
GRANT "orders_api" TO CURRENT_USER; -- for this transaction
SET LOCAL ROLE "orders_api"; -- it granted the privilege
REVOKE SELECT ON TABLE "app"."by_api" FROM "orders_report" CASCADE; -- it has what its groups have, and no more
SET LOCAL ROLE NONE; -- what follows is the admin's again
REVOKE "orders_api" FROM CURRENT_USER; -- it was for this transaction
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
-- warning: every user of database "orders" may create objects in schema public, because it belongs to "postgres"; a superuser ends that in database "orders" with: ALTER SCHEMA public OWNER TO "orders_owner"
-- warning: role "orders_report" itself holds privileges on database "legacy", which belongs to "someone"; that role or a superuser ends that with: REVOKE CONNECT ON DATABASE "legacy" FROM "orders_report" CASCADE
-- warning: role "orders_report" itself holds SELECT on future tables; -- of database "orders", which dbtether cannot take away
-- warning: role "orders_report" itself holds SELECT on large object "4242 FROM x" of database "orders", which dbtether cannot take away
-- warning: role "orders_report" itself holds SELECT on planet "mars" of database "orders", which dbtether cannot take away
-- warning: role "orders_report" itself holds EXECUTE on routine "app.f(); DROP TABLE t" of database "orders", which dbtether cannot take away
-- warning: role "orders_report" itself holds SELECT on table "app.by_migrate" of database "orders"; "orders_owner" ends that there with: REVOKE GRANT OPTION FOR SELECT ON TABLE "app"."by_migrate" FROM "orders_migrate" CASCADE
-- warning: role "orders_report" itself holds SELECT on table "pg_catalog.pg_authid" of database "orders"; "postgres" ends that there with: REVOKE SELECT ON TABLE "pg_catalog"."pg_authid" FROM "orders_report" CASCADE
