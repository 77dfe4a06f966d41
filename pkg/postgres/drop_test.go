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
