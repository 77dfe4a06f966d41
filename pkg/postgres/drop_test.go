package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// TestDropLoginWithPrivilegesElsewhere drops a login that was given, by hand, rights
// on databases and on objects in two of them.
func TestDropLoginWithPrivilegesElsewhere(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		server, app, other := f.dial(t), newApplication(t), newApplication(t)
		app.provision(t, server)
		other.provision(t, server)
		login := app.loginOf(postgres.Admin)
		execute(t, f, other.database, "CREATE TABLE app.theirs (id int)", "ALTER TABLE app.theirs OWNER TO "+login, "GRANT USAGE, CREATE ON SCHEMA app TO "+login)
		execute(t, f, app.database, "SET ROLE "+postgres.GroupsOf(app.database).Owner, "CREATE TABLE app.ours (id int)", "GRANT SELECT ON app.ours TO "+login)
		// What a role with the grant option gave: DROP OWNED does not take it.
		third := other.loginOf(postgres.ReadWrite)
		execute(t, f, other.database, "GRANT SELECT ON app.theirs TO "+third+" WITH GRANT OPTION", "SET ROLE "+third, "GRANT SELECT ON app.theirs TO "+app.loginOf(postgres.ReadWrite))
		app.desired = dropping(app.desired, login)
		app.provision(t, server)
		if n := count(t, f, "postgres", "SELECT count(*) FROM pg_roles WHERE rolname = $1", login); n != 0 {
			t.Error("the role is still there")
		}
		var owner string
		if err := superuser(t, f, other.database).QueryRow(context.Background(), "SELECT tableowner FROM pg_tables WHERE tablename = 'theirs'").Scan(&owner); err != nil || owner != postgres.GroupsOf(other.database).Owner {
			t.Errorf("the table belongs to %q (%v)", owner, err)
		}
		app.desired = dropping(app.desired, app.loginOf(postgres.ReadWrite))
		app.provision(t, server)
		// Nothing but rights on a database, which is an object of the whole server.
		reader := app.loginOf(postgres.ReadOnly)
		execute(t, f, "postgres", "SET ROLE "+f.login.Username, "GRANT CONNECT ON DATABASE "+other.database+" TO "+reader)
		app.desired = dropping(app.desired, reader)
		app.provision(t, server)
		if n := count(t, f, "postgres", "SELECT count(*) FROM pg_roles WHERE rolname = $1", reader); n != 0 {
			t.Error("the role is still there")
		}
		if n := count(t, f, "postgres", "SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole AND grantor = $1::regrole AND roleid::regrole::text LIKE 't%\\_admin'", f.login.Username); n != 0 {
			t.Errorf("the admin is left a member of %d logins", n)
		}
	})
}

// TestTableMadeAfterTheReading lets a login that only may use things create a table after the
// server was read: it is not lost when the login is dropped, or loses its access.
func TestTableMadeAfterTheReading(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app, other := context.Background(), f.dial(t), newApplication(t), newApplication(t)
		app.provision(t, server)
		other.provision(t, server)
		owner, leaving, ending := postgres.GroupsOf(app.database).Owner, app.loginOf(postgres.ReadOnly), app.loginOf(postgres.ReadWrite)
		execute(t, f, app.database, "SET ROLE "+owner, "GRANT CREATE ON SCHEMA app TO "+leaving+", "+ending)

		one, scope := app.alone(leaving)
		one.desired.Logins[0].Access = map[string]postgres.Privilege{other.database: postgres.ReadOnly}
		app.desired = dropping(app.desired, ending)
		for _, c := range []struct {
			login string
			plan  postgres.Plan
		}{{leaving, one.planIn(t, server, scope)}, {ending, app.plan(t, server)}} {
			session, err := app.connect(t, f, c.login, app.database)
			if err != nil {
				t.Fatal(err)
			}
			run(t, session, "CREATE TABLE app.of_"+c.login+" (id int)", "INSERT INTO app.of_"+c.login+" VALUES (1)")
			if err := server.Apply(ctx, c.plan, app.values, nil); err != nil {
				t.Fatalf("%v\n%s", err, c.plan.SQL("postgres"))
			}
			got := ""
			err = superuser(t, f, app.database).QueryRow(ctx, "SELECT tableowner || n FROM pg_tables, (SELECT count(*) AS n FROM app.of_"+c.login+") rows WHERE tablename = $1", "of_"+c.login).Scan(&got)
			if err != nil || got != owner+"1" {
				t.Errorf("the table of %s belongs to %q (%v)", c.login, got, err)
			}
		}
	})
}

// TestTableMadeAfterTheReadingElsewhere is the same in a database that dbtether does not
// manage, where nobody can be given the table: the deletion stops, and the next run says why.
func TestTableMadeAfterTheReadingElsewhere(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		server, app, other := f.dial(t), newApplication(t), unique(t)
		app.provision(t, server)
		login := app.loginOf(postgres.ReadWrite)
		execute(t, f, "postgres", "CREATE DATABASE "+other+" OWNER "+f.login.Username)
		execute(t, f, other, "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC", "SET ROLE "+f.login.Username, "CREATE SCHEMA app", "GRANT USAGE, CREATE ON SCHEMA app TO "+login)
		app.desired = dropping(app.desired, login)
		plan := app.plan(t, server)
		session, err := app.connect(t, f, login, other)
		if err != nil {
			t.Fatal(err)
		}
		run(t, session, "CREATE TABLE app.own AS SELECT 1 AS id")
		failed := mustFail(t, server, plan, app.values, "22P02")
		want := fmt.Sprintf("check objects of %q in database %q: the role owns some by now, which would be dropped", login, other)
		if failed.Error() != want || failed.Hint() != "run the command again: it takes up where it stopped" {
			t.Errorf("got  %s\n%s\nwant %s", failed, failed.Hint(), want)
		}
		if n := count(t, f, other, "SELECT count(*) FROM app.own"); n != 1 {
			t.Errorf("the table has %d rows", n)
		}
		refused := app.refusal(t, server)
		if want := fmt.Sprintf("role %q owns objects in database %q, which dbtether does not manage", login, other); refused.Error() != want || !refused.Blocked() {
			t.Errorf("got  %v\nwant %s", refused, want)
		}
		app.desired.DropLogins[0].Force = true
		app.provision(t, server)
		if n := count(t, f, other, "SELECT count(*) FROM app.own"); n != 1 {
			t.Errorf("the table has %d rows", n)
		}
		execute(t, f, "postgres", "DROP DATABASE "+other+" WITH (FORCE)")
	})
}

// TestDropLoginThatOwnsInTheMaintenanceDatabase drops a login by force that owns a table in the
// administrator's own database, and was given rights on a database.
func TestDropLoginThatOwnsInTheMaintenanceDatabase(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		server, app := f.dial(t), newApplication(t)
		app.provision(t, server)
		login := app.loginOf(postgres.ReadWrite)
		schema := "of_" + login
		execute(t, f, "postgres", "CREATE SCHEMA "+schema, "CREATE TABLE "+schema+".own AS SELECT 1 AS id", "ALTER TABLE "+schema+".own OWNER TO "+login,
			"SET ROLE "+f.login.Username, "GRANT CONNECT ON DATABASE "+app.database+" TO "+login)
		app.desired = dropping(app.desired, login)
		app.desired.DropLogins[0].Force = true
		app.provision(t, server)
		if n := count(t, f, "postgres", "SELECT count(*) FROM "+schema+".own"); n != 1 {
			t.Errorf("the table has %d rows", n)
		}
		execute(t, f, "postgres", "DROP SCHEMA "+schema+" CASCADE")
	})
}

// TestWithoutSignalBackend lets an admin end sessions who may not signal them: it
// becomes a member of the role for that moment, and of nothing after.
func TestWithoutSignalBackend(t *testing.T) {
	for _, version := range []int{14, 18} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			ctx, f := context.Background(), newFixture(t, version, false)
			f.login = plainAdmin(t, f)
			server, app := f.dial(t), newApplication(t)
			state, err := server.Observe(ctx, postgres.Scope{})
			if err != nil || state.Server.SignalBackend {
				t.Fatalf("SignalBackend is %v (%v)", state.Server.SignalBackend, err)
			}
			app.provision(t, server)
			login := app.loginOf(postgres.Admin)
			session := app.mustConnect(t, f, postgres.Admin)
			app.desired = change(app.desired, login, func(l *postgres.DesiredLogin) {
				l.Access = map[string]postgres.Privilege{app.database: postgres.ReadWrite}
			})
			app.provision(t, server)
			if _, err := session.Exec(ctx, "SELECT 1"); err == nil {
				t.Error("the lowered login's session is alive")
			}
			session = app.mustConnect(t, f, postgres.Admin)
			app.desired = dropping(app.desired, login)
			app.provision(t, server)
			if _, err := session.Exec(ctx, "SELECT 1"); err == nil {
				t.Error("the dropped login's session is alive")
			}
			app.settled(t, server)
		})
	}
}

// plainAdmin creates an admin with CREATEDB and CREATEROLE and nothing else.
func plainAdmin(t *testing.T, f fixture) postgres.Login {
	t.Helper()
	password, err := secret.GeneratePassword(rand.Reader, 20)
	if err != nil {
		t.Fatal(err)
	}
	name := unique(t) + "_plain"
	execute(t, f, "postgres", "CREATE ROLE "+name+" LOGIN CREATEDB CREATEROLE PASSWORD '"+password.Reveal()+"'")
	return postgres.Login{Username: name, Password: password}
}

// TestAutovacuumBlocksNoDeletion checks that a worker of the server's own is not
// taken for a session, and that DROP DATABASE copes with it.
func TestAutovacuumBlocksNoDeletion(t *testing.T) {
	ctx := context.Background()
	own, err := testenv.StartPostgreSQL(ctx, testenv.PostgreSQLOptions{Version: 18, Settings: map[string]string{
		"autovacuum_naptime": "1s", "autovacuum_vacuum_cost_delay": "100ms", "autovacuum_vacuum_cost_limit": "1", "autovacuum_vacuum_threshold": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Stop() }()
	f := fixtureOf(own, false)
	server, app := f.dial(t), newApplication(t)
	app.provision(t, server)
	execute(t, f, app.database, "CREATE TABLE app.t AS SELECT i, repeat('x', 500) AS pad FROM generate_series(1, 20000) i", "DELETE FROM app.t WHERE i % 2 = 0")
	deadline := time.Now().Add(20 * time.Second)
	for count(t, f, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'autovacuum worker'", app.database) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no autovacuum worker comes")
		}
		time.Sleep(50 * time.Millisecond)
	}
	app.desired = gone(app)
	app.provision(t, server)
	if n := count(t, f, "postgres", "SELECT count(*) FROM pg_database WHERE datname = $1", app.database); n != 0 {
		t.Error("the database is still there")
	}
}
