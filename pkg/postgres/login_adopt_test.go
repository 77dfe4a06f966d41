package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestAdoptLogin adopts a role that a superuser made: it keeps its comment and what it
// could do, is refused while it reaches rights beyond its databases, and once it is
// ours too.
func TestAdoptLogin(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		name := unique(t) + "_old"
		execute(t, f, "postgres", "CREATE ROLE "+name+" LOGIN NOINHERIT", "COMMENT ON ROLE "+name+" IS 'the old \\ service''s'",
			"CREATE ROLE "+name+"_a", "GRANT pg_read_all_stats TO "+name+"_a", "GRANT "+name+"_a TO "+name, "CREATE ROLE "+name+"_harmless", "GRANT "+name+"_harmless TO "+name)
		execute(t, f, app.database, "SET ROLE "+postgres.GroupsOf(app.database).Owner, "CREATE TABLE app.t (id int)", "GRANT DELETE ON app.t TO "+name)
		app.addLogin(t, name, postgres.ReadOnly)
		one, scope := app.alone(name)
		refused := func(want string) {
			t.Helper()
			state, err := server.Observe(ctx, scope)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := postgres.MakePlan(state, one.desired); err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("got %v, want %s", err, want)
			}
		}
		refused("exists and was not created by dbtether")
		one.desired.Logins[0].Adopt, one.desired.Logins[0].SetPassword = true, true
		if !f.super && f.server.Version >= 16 {
			refused("may not change role")
			execute(t, f, "postgres", "GRANT "+name+" TO "+f.login.Username+" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
		}
		chain := `role "` + name + `" is a member of "` + name + `_a", which is a member of "pg_read_all_stats"`
		refused(chain)
		execute(t, f, "postgres", "REVOKE pg_read_all_stats FROM "+name+"_a")
		plan := one.planIn(t, server, scope)
		if err := server.Apply(ctx, plan, app.values, nil); err != nil {
			t.Fatalf("%v\n%s", err, plan.SQL("postgres"))
		}
		one.desired.Logins[0].SetPassword = false
		one.provisionIn(t, server, scope)
		conn, err := app.connect(t, f, name, app.database)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, "DELETE FROM app.t"); err != nil {
			t.Errorf("it lost what it had: %v", err)
		}
		marker := one.desired.Logins[0].Marker
		if n := count(t, f, "postgres", "SELECT count(*) FROM pg_roles WHERE rolname = $1 AND shobj_description(oid, 'pg_authid') = $2", name, marker.String()+marker.UID+"\nthe old \\ service's"); n != 1 {
			t.Error("the comment is another")
		}
		execute(t, f, "postgres", "GRANT pg_read_all_stats TO "+name+"_a")
		refused(chain)
		execute(t, f, "postgres", "REVOKE pg_read_all_stats FROM "+name+"_a", "ALTER ROLE "+name+" RENAME TO "+name+"2")
		refused(`role "` + name + `" was renamed to "` + name + `2" by somebody else`)
	})
}

// TestForcedDrops drops a login that owns things where dbtether manages nothing, and a
// database that is in use.
func TestForcedDrops(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		login, legacy := app.loginOf(postgres.ReadWrite), unique(t)+"_legacy"
		execute(t, f, "postgres", "SET ROLE "+f.login.Username, "CREATE DATABASE "+legacy, "RESET ROLE", "CREATE DATABASE "+legacy+"2 OWNER "+login)
		execute(t, f, legacy, "CREATE TABLE public.t (id int)", "ALTER TABLE public.t OWNER TO "+login)
		app.desired = dropping(app.desired, login)
		state, err := server.Observe(ctx, app.scope())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := postgres.MakePlan(state, app.desired); err == nil || !strings.Contains(err.Error(), "which dbtether does not manage") {
			t.Errorf("got %v", err)
		}
		app.desired.DropLogins[0].Force = true
		app.provisionIn(t, server, app.scope())
		if n := count(t, f, legacy, "SELECT count(*) FROM pg_tables WHERE tablename = 't' AND tableowner = $1", f.login.Username); n != 1 {
			t.Error("the table is not the admin's")
		}
		if n := count(t, f, legacy, "SELECT count(*) FROM pg_database WHERE datname = $1 AND datdba = $2::regrole", legacy+"2", f.login.Username); n != 1 {
			t.Error("the database is not the admin's")
		}
		session := app.mustConnect(t, f, postgres.ReadOnly)
		app.desired = gone(app)
		app.desired.DropLogins = nil
		app.desired.DropDatabases[0].Force = true
		app.provisionIn(t, server, postgres.Scope{})
		if _, err := session.Exec(ctx, "SELECT 1"); err == nil {
			t.Error("a session outlived its database")
		}
	})
}
