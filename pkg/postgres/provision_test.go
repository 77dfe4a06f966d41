package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestPrivileges checks what each privilege may do, with real statements, for
// objects that the admin login creates after provisioning.
func TestPrivileges(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		owner := app.mustConnect(t, f, postgres.Admin)
		for _, statement := range []string{
			"CREATE TABLE public.before_t (id serial PRIMARY KEY, v text)", "INSERT INTO public.before_t (v) VALUES ('x')",
			"CREATE TABLE app.t (id bigserial PRIMARY KEY)", "CREATE SCHEMA later", "CREATE TABLE later.t (id int)",
			"CREATE VIEW later.v AS SELECT * FROM later.t", "CREATE SEQUENCE later.s",
		} {
			if _, err := owner.Exec(ctx, statement); err != nil {
				t.Fatalf("admin: %s: %v", statement, err)
			}
		}
		checks := []struct {
			statement                  string
			readonly, readwrite, admin bool
		}{
			{"SELECT * FROM public.before_t", true, true, true},
			{"SELECT * FROM later.v", true, true, true},
			{"SELECT last_value FROM later.s", true, true, true},
			{"SELECT nextval('later.s')", false, true, true},
			{"INSERT INTO public.before_t (v) VALUES ('y')", false, true, true},
			{"INSERT INTO app.t DEFAULT VALUES", false, true, true},
			{"UPDATE later.t SET id = id", false, true, true},
			{"DELETE FROM later.t", false, true, true},
			{"CREATE TEMPORARY TABLE tmp (id int) ON COMMIT DROP", false, true, true},
			{"TRUNCATE later.t", false, false, true},
			{"ALTER TABLE later.t ADD COLUMN c int", false, false, true},
			{"CREATE TABLE app.t2 (id int)", false, false, true},
			{"CREATE SCHEMA s2", false, false, true},
			{"CREATE EXTENSION citext SCHEMA public", false, false, true},
			{"COMMENT ON TABLE later.t IS 'x'", false, false, true},
			{"CREATE ROLE intruder", false, false, false},
			{"DROP DATABASE " + app.database, false, false, false},
			{"ALTER DATABASE " + app.database + " OWNER TO " + app.loginOf(postgres.Admin), false, false, false},
			{"ALTER ROLE " + app.loginOf(postgres.ReadOnly) + " CREATEDB", false, false, false},
		}
		if server14 := f.server.Version == 14 && !f.super; !server14 {
			checks = append(checks, struct {
				statement                  string
				readonly, readwrite, admin bool
			}{"CREATE TABLE public.t2 (id int)", false, false, true})
		}
		for privilege, column := range map[postgres.Privilege]func(int) bool{
			postgres.ReadOnly:  func(i int) bool { return checks[i].readonly },
			postgres.ReadWrite: func(i int) bool { return checks[i].readwrite },
			postgres.Admin:     func(i int) bool { return checks[i].admin },
		} {
			conn := app.mustConnect(t, f, privilege)
			for i, check := range checks {
				tx, err := conn.Begin(ctx)
				if err != nil {
					t.Fatal(err)
				}
				_, err = tx.Exec(ctx, check.statement)
				_ = tx.Rollback(ctx)
				if (err == nil) != column(i) {
					t.Errorf("%s: %s: got error %v, allowed should be %v", privilege, check.statement, err, column(i))
				}
			}
		}
	})
}

// TestPublicIsShutOut checks that a role of the server without a grant cannot
// connect, and that the admin login cannot change that.
func TestPublicIsShutOut(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server := context.Background(), f.dial(t)
		app, other := newApplication(t), newApplication(t)
		app.provision(t, server)
		other.provision(t, server)
		_, err := other.connect(t, f, other.loginOf(postgres.Admin), app.database)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "42501" {
			t.Fatalf("a login of another database: got %v, want permission denied", err)
		}
		admin := app.mustConnect(t, f, postgres.Admin)
		_, _ = admin.Exec(ctx, "GRANT CONNECT ON DATABASE "+app.database+" TO PUBLIC")
		if _, err := other.connect(t, f, other.loginOf(postgres.Admin), app.database); err == nil {
			t.Fatal("an admin login let PUBLIC in")
		}
	})
}

// TestNothingToDo checks that a second plan is empty, and that an undone piece
// comes back as exactly the statement that mends it.
func TestNothingToDo(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		if plan := app.plan(t, server); !plan.Empty() {
			t.Fatalf("a second plan has steps:\n%s", plan.SQL("postgres"))
		}
		super := superuser(t, f, app.database)
		groups := postgres.GroupsOf(app.database)
		for _, c := range []struct{ undo, mend string }{
			{"GRANT CONNECT ON DATABASE " + app.database + " TO PUBLIC", `REVOKE ALL ON DATABASE "` + app.database + `" FROM PUBLIC`},
			{"REVOKE TEMPORARY ON DATABASE " + app.database + " FROM " + groups.ReadWrite, `GRANT CONNECT, TEMPORARY ON DATABASE "` + app.database + `" TO "` + groups.ReadWrite + `"`},
			{"SET ROLE " + f.login.Username + "; REVOKE " + groups.ReadOnly + " FROM " + app.loginOf(postgres.ReadOnly) + "; RESET ROLE", `GRANT "` + groups.ReadOnly + `" TO "` + app.loginOf(postgres.ReadOnly) + `"`},
			{"ALTER ROLE " + app.loginOf(postgres.ReadOnly) + " CONNECTION LIMIT 3", `ALTER ROLE "` + app.loginOf(postgres.ReadOnly) + `" CONNECTION LIMIT -1`},
			{"ALTER ROLE " + app.loginOf(postgres.Admin) + " IN DATABASE " + app.database + " RESET role", `ALTER ROLE "` + app.loginOf(postgres.Admin) + `" IN DATABASE "` + app.database + `" SET role = '` + groups.Owner + `'`},
			{"DROP SCHEMA app", `CREATE SCHEMA "app"`},
			{"DROP EXTENSION pg_trgm", `CREATE EXTENSION "pg_trgm" SCHEMA public`},
			{"ALTER DEFAULT PRIVILEGES FOR ROLE " + groups.Owner + " REVOKE SELECT ON TABLES FROM " + groups.ReadOnly, `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "` + groups.ReadWrite + `", "` + groups.ReadOnly + `"`},
			{"SET ROLE " + groups.Owner + "; CREATE TABLE app.lost (id int); REVOKE ALL ON app.lost FROM " + groups.ReadOnly + "; RESET ROLE", `GRANT SELECT ON ALL TABLES IN SCHEMA "app" TO "` + groups.ReadOnly + `"`},
		} {
			if _, err := super.Exec(ctx, c.undo); err != nil {
				t.Fatalf("%s: %v", c.undo, err)
			}
			plan := app.plan(t, server)
			if !strings.Contains(plan.SQL("postgres"), c.mend) {
				t.Errorf("after %q the plan lacks %q:\n%s", c.undo, c.mend, plan.SQL("postgres"))
			}
			if err := server.Apply(ctx, plan, app.values, nil); err != nil {
				t.Fatalf("after %q: %v", c.undo, err)
			}
		}
		app.settled(t, server)
	})
}

// TestLowerPrivilege checks that an admin login that becomes readonly loses its
// rights at once, in sessions that were open too.
func TestLowerPrivilege(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		old := app.mustConnect(t, f, postgres.Admin)
		login := app.loginOf(postgres.Admin)
		app.desired = change(app.desired, login, func(l *postgres.DesiredLogin) { l.Access[app.database] = postgres.ReadOnly })
		app.provision(t, server)
		if _, err := old.Exec(ctx, "CREATE TABLE app.t (id int)"); err == nil {
			t.Error("the session that was open kept its rights")
		}
		err := postgres.CheckLogin(ctx, f.endpoint, postgres.Login{Username: login, Password: app.passwords[login]}, app.database, postgres.ReadOnly)
		if err != nil {
			t.Error(err)
		}
		app.settled(t, server)
	})
}

// TestDropLogin checks that a login that owns tables and has sessions can be
// dropped, and that the tables stay.
func TestDropLogin(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		login := app.loginOf(postgres.Admin)
		session := app.mustConnect(t, f, postgres.Admin)
		if _, err := superuser(t, f, app.database).Exec(ctx, "CREATE TABLE app.owned (id int); ALTER TABLE app.owned OWNER TO "+login); err != nil {
			t.Fatal(err)
		}
		app.desired = dropping(app.desired, login)
		app.provision(t, server)
		if _, err := session.Exec(ctx, "SELECT 1"); err == nil {
			t.Error("its session is still alive")
		}
		var owner string
		if err := superuser(t, f, app.database).QueryRow(ctx, "SELECT tableowner FROM pg_tables WHERE tablename = 'owned'").Scan(&owner); err != nil {
			t.Fatalf("the table is gone: %v", err)
		}
		if owner != postgres.GroupsOf(app.database).Owner {
			t.Errorf("the table belongs to %q", owner)
		}
		// The table was not created as the owner group; now that it belongs to it, the
		// next run gives it what the group's tables have.
		app.provision(t, server)
		if _, err := app.mustConnect(t, f, postgres.ReadOnly).Exec(ctx, "SELECT * FROM app.owned"); err != nil {
			t.Error(err)
		}
		app.settled(t, server)
	})
}

// TestDropDatabase checks that sessions block it, and that nothing is left after it.
func TestDropDatabase(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		session := app.mustConnect(t, f, postgres.ReadOnly)
		app.desired = gone(app)
		if refused := app.refusal(t, server); !refused.Blocked() {
			t.Fatalf("with a session: got %v, want a blocked deletion", refused)
		}
		_ = session.Close(ctx)
		waitForNoSessions(t, f, app.database)
		app.provision(t, server)
		var left int
		err := superuser(t, f, "postgres").QueryRow(ctx, "SELECT (SELECT count(*) FROM pg_roles WHERE rolname LIKE $1 || '%') + (SELECT count(*) FROM pg_database WHERE datname = $1)", app.database).Scan(&left)
		if err != nil || left != 0 {
			t.Fatalf("%d roles and databases are left (%v)", left, err)
		}
	})
}
