package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestObserveBesideDrop drops somebody else's database after the snapshot of an observation
// was taken and before its databases are read: it is left out. The administrator's
// transactions keep one snapshot.
func TestObserveBesideDrop(t *testing.T) {
	for _, version := range versions {
		f := newFixture(t, version, false)
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			other, admin := unique(t), unique(t)
			execute(t, f, "postgres", "CREATE DATABASE "+other, "CREATE ROLE "+admin+" LOGIN PASSWORD '"+f.server.AdminPassword+"'",
				"ALTER ROLE "+admin+" SET default_transaction_isolation = 'repeatable read'")
			f.login.Username = admin
			server := f.dial(t)
			before := observe(t, server, postgres.Scope{})
			if before.Databases[other].Name == "" {
				t.Fatalf("%s was not read", other)
			}

			state := observeBeside(t, f, server, admin, postgres.Scope{}, "pg_auth_members", "DROP DATABASE "+other)
			if _, there := state.Databases[other]; there || len(state.Databases) == 0 {
				t.Errorf("got %v", state.Databases)
			}
		})
	}
}

// observeBeside observes the server, and runs a statement after the observation's first queries:
// it waits for a lock on a catalog, which the statement needs not, until that is done.
func observeBeside(t *testing.T, f fixture, server *postgres.Server, admin string, scope postgres.Scope, catalog, statement string) postgres.State {
	t.Helper()
	locker, other := superuser(t, f, "postgres"), superuser(t, f, "postgres")
	run(t, locker, "BEGIN", "LOCK TABLE pg_catalog."+catalog+" IN ACCESS EXCLUSIVE MODE")
	var state postgres.State
	var err error
	read := make(chan struct{})
	go func() {
		defer close(read)
		state, err = server.Observe(context.Background(), scope)
	}()
	for value(t, other, "SELECT count(*)::text FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'", admin) == "0" {
		select {
		case <-read:
			t.Fatalf("the observation did not wait: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	run(t, other, statement)
	run(t, locker, "ROLLBACK")
	<-read
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// TestObserveADatabaseThatVanishes drops or renames a database after it was read that it exists,
// and before it is entered: one of the scope, and one that a login holds something in.
func TestObserveADatabaseThatVanishes(t *testing.T) {
	for _, version := range versions {
		f := newFixture(t, version, false)
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			f.login = plainAdmin(t, f)
			execute(t, f, "postgres", "ALTER ROLE "+f.login.Username+" SET default_transaction_isolation = 'repeatable read'")
			server := f.dial(t)
			for _, statement := range []string{"DROP DATABASE %s", "ALTER DATABASE %s RENAME TO %[1]s_old"} {
				for _, inScope := range []bool{true, false} {
					app := newApplication(t)
					app.provision(t, server)
					login := app.loginOf(postgres.ReadOnly)
					execute(t, f, app.database, "SET ROLE "+postgres.GroupsOf(app.database).Owner, "CREATE TABLE app.t ()", "GRANT SELECT ON app.t TO "+login)
					waitForNoSessions(t, f, app.database)
					scope := postgres.Scope{ICU: true, Logins: []string{login}}
					if inScope {
						scope.Databases = []string{app.database}
					}
					state := observeBeside(t, f, server, f.login.Username, scope, "pg_collation", fmt.Sprintf(statement, app.database))
					_, there := state.Databases[app.database]
					_, read := state.Contents[app.database]
					_, readElsewhere := state.Elsewhere[app.database]
					_, renamed := state.Databases[app.database+"_old"]
					if there || read || readElsewhere || renamed != strings.Contains(statement, "RENAME") {
						t.Errorf("%s, in the scope %v: there %v, read %v and %v, renamed %v", statement, inScope, there, read, readElsewhere, renamed)
					}
				}
			}
		})
	}
}

// TestApplyInADatabaseThatVanished plans a step in a database that is then dropped.
func TestApplyInADatabaseThatVanished(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		server, app := f.dial(t), newApplication(t)
		app.provision(t, server)
		execute(t, f, app.database, "DROP SCHEMA app")
		plan := app.plan(t, server)
		waitForNoSessions(t, f, app.database)
		execute(t, f, "postgres", "DROP DATABASE "+app.database)
		err := server.Apply(context.Background(), plan, app.values, nil)
		var hinted interface{ Hint() string }
		var unreachable *postgres.ConnectError
		want := "database \"" + app.database + "\" was dropped or renamed at this moment"
		if err == nil || err.Error() != want || errors.As(err, &unreachable) || !errors.As(err, &hinted) || hinted.Hint() != "run the command again: it takes up where it stopped" {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}

// TestObserveSaysWhatFailed takes the admin a right that it needs to read what a login holds
// in a database outside of the scope.
func TestObserveSaysWhatFailed(t *testing.T) {
	f := newFixture(t, 18, false)
	server, app := f.dial(t), newApplication(t)
	app.provision(t, server)
	login := app.loginOf(postgres.ReadOnly)
	execute(t, f, app.database, "SET ROLE "+postgres.GroupsOf(app.database).Owner, "CREATE TABLE app.t ()", "GRANT SELECT ON app.t TO "+login,
		"RESET ROLE", "REVOKE SELECT ON pg_catalog.pg_default_acl FROM PUBLIC")
	_, err := server.Observe(context.Background(), postgres.Scope{Logins: []string{login}})
	if want := "observe database \"" + app.database + "\": permission denied for table pg_default_acl (SQLSTATE 42501)"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
