package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// alone returns an application that wants one login of another, and its scope.
func (a *application) alone(login string) (*application, postgres.Scope) {
	one := *a
	one.desired.Databases = nil
	one.desired.Logins = nil
	for _, l := range a.desired.Logins {
		if l.Name == login {
			one.desired.Logins = []postgres.DesiredLogin{l}
		}
	}
	return &one, postgres.Scope{Databases: []string{a.database}, Logins: []string{login}, Settings: []string{"work_mem", "search_path"}}
}

// TestAccessOverDatabases gives a login a second database and takes it away again,
// with all that it made and was given there.
func TestAccessOverDatabases(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app, other := context.Background(), f.dial(t), newApplication(t), newApplication(t)
		app.provision(t, server)
		other.provision(t, server)
		login := app.loginOf(postgres.ReadOnly)
		one, scope := app.alone(login)
		one.desired.Logins[0].Access = map[string]postgres.Privilege{app.database: postgres.ReadOnly, other.database: postgres.Admin}
		one.provisionIn(t, server, scope)
		err := postgres.CheckLogin(ctx, f.endpoint, postgres.Login{Username: login, Password: app.passwords[login]}, other.database, postgres.Admin)
		if err != nil {
			t.Fatal(err)
		}
		session, err := app.connect(t, f, login, other.database)
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"CREATE TABLE app.grouped (id int)", "GRANT SELECT ON app.grouped TO " + login, "SET ROLE NONE", "CREATE TABLE app.own (id int)",
			"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC", "SET ROLE " + postgres.GroupsOf(other.database).Owner, "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO " + login} {
			if _, err := session.Exec(ctx, statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		execute(t, f, "postgres", "SET ROLE "+f.login.Username, "GRANT CONNECT ON DATABASE "+other.database+" TO "+login)
		third := other.loginOf(postgres.ReadWrite)
		execute(t, f, other.database, "SET ROLE "+postgres.GroupsOf(other.database).Owner, "GRANT UPDATE ON app.grouped TO "+third+" WITH GRANT OPTION", "SET ROLE "+third, "GRANT UPDATE ON app.grouped TO "+login,
			"RESET ROLE", "CREATE TABLE app.foreign_t (id int)", "ALTER TABLE app.foreign_t OWNER TO "+other.loginOf(postgres.Admin), "GRANT DELETE ON app.foreign_t TO "+login)
		one.desired.Logins[0].Access = map[string]postgres.Privilege{app.database: postgres.ReadOnly}
		one.provisionIn(t, server, scope)
		if _, err := session.Exec(ctx, "SELECT 1"); err == nil {
			t.Error("its session is alive")
		}
		if _, err := app.connect(t, f, login, other.database); err == nil {
			t.Error("it can still connect")
		}
		if n := count(t, f, other.database, "SELECT count(*) FROM pg_shdepend WHERE refobjid = $1::regrole AND deptype IN ('o', 'a')", login); n != 0 {
			t.Errorf("%d dependencies are left", n)
		}
		if n := count(t, f, other.database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'app' AND tableowner = $1", postgres.GroupsOf(other.database).Owner); n != 2 {
			t.Errorf("%d tables belong to the group", n)
		}
		if plan := other.provision(t, server); strings.Contains(plan.SQL("postgres"), login) {
			t.Errorf("the other database's plan is about it:\n%s", plan.SQL("postgres"))
		}
	})
}

// TestDirectPrivileges gives a readonly login one privilege of every kind, by hand, and
// expects that none is left.
func TestDirectPrivileges(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		login, third, owner := app.loginOf(postgres.ReadOnly), app.loginOf(postgres.ReadWrite), postgres.GroupsOf(app.database).Owner
		execute(t, f, app.database, "SET ROLE "+owner, `CREATE TABLE app."odd ""t" (id int, "odd ""c" int)`, "CREATE SEQUENCE app.s", "CREATE TYPE app.kind AS ENUM ('a')",
			`CREATE FUNCTION app."odd ""f"(app.kind, timestamp without time zone, "char"[]) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
			"CREATE PROCEDURE app.p() LANGUAGE sql AS ''", "CREATE AGGREGATE app.total(int) (sfunc = int4pl, stype = int)",
			`GRANT ALL ON app."odd ""t" TO `+login+" WITH GRANT OPTION", `GRANT SELECT ("odd ""c"), UPDATE (id) ON app."odd ""t" TO `+login, "GRANT ALL ON SEQUENCE app.s TO "+login, "GRANT CREATE ON SCHEMA app TO "+login,
			"GRANT USAGE ON TYPE app.kind TO "+login, "GRANT EXECUTE ON ALL ROUTINES IN SCHEMA app TO "+login,
			"ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO "+login, "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT EXECUTE ON FUNCTIONS TO "+login,
			"ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO "+login, "ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO "+login, "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT USAGE ON SEQUENCES TO "+login,
			"SELECT lo_create(42)", "GRANT UPDATE ON LARGE OBJECT 42 TO "+login,
			"CREATE TABLE app.given (id int)", "GRANT INSERT ON app.given TO "+third+" WITH GRANT OPTION",
			"SET ROLE "+third, "GRANT INSERT ON app.given TO "+login, "RESET ROLE",
			"CREATE TABLE app.foreign_t (id int)", "ALTER TABLE app.foreign_t OWNER TO "+third, "GRANT DELETE ON app.foreign_t TO "+login,
			"SET ROLE "+f.login.Username, "GRANT CREATE, CONNECT ON DATABASE "+app.database+" TO "+login)
		execute(t, f, app.database, "SET ROLE "+login, `GRANT UPDATE ON app."odd ""t" TO `+third)
		// A member of the owner group gave these, and lost the grant option, or all of it.
		member := app.loginOf(postgres.Admin)
		execute(t, f, app.database, "SET ROLE "+owner, "CREATE TABLE app.passed (id int)", "GRANT INSERT, UPDATE (id) ON app.passed TO "+member+" WITH GRANT OPTION",
			"SET ROLE "+member, "GRANT INSERT, UPDATE (id) ON app.passed TO "+login,
			"SET ROLE "+owner, "REVOKE INSERT ON app.passed FROM "+member+" CASCADE", "REVOKE GRANT OPTION FOR UPDATE (id) ON app.passed FROM "+member+" CASCADE")
		one, scope := app.alone(login)
		one.provisionIn(t, server, scope)
		if n := count(t, f, app.database, "SELECT count(*) FROM pg_shdepend WHERE refobjid = $1::regrole", login); n != 0 {
			t.Errorf("%d dependencies are left", n)
		}
		if n := count(t, f, app.database, `SELECT (SELECT count(*) FROM pg_class, aclexplode(relacl) x WHERE oid = 'app.passed'::regclass AND x.grantee = $1::regrole)
			+ 10 * (SELECT count(*) FROM pg_attribute, aclexplode(attacl) x WHERE attrelid = 'app.passed'::regclass AND x.grantee = $1::regrole AND NOT x.is_grantable)`, member); n != 10 {
			t.Errorf("the one who gave them should have UPDATE on the column, without the grant option, and nothing else: %d", n)
		}
		conn := app.mustConnect(t, f, postgres.ReadOnly)
		if _, err := conn.Exec(ctx, `SELECT * FROM app."odd ""t"`); err != nil {
			t.Error(err)
		}
		for _, statement := range []string{`UPDATE app."odd ""t" SET id = 1`, "SELECT nextval('app.s')", "CREATE TABLE app.mine (id int)", "INSERT INTO app.given VALUES (1)", "CREATE SCHEMA mine"} {
			if _, err := conn.Exec(ctx, statement); err == nil {
				t.Errorf("%s is allowed", statement)
			}
		}
	})
}

// TestDirectPrivilegesOutOfReach checks that what the admin cannot take is named with
// the statement that does, and that this does not stop the rest.
func TestDirectPrivilegesOutOfReach(t *testing.T) {
	for _, version := range []int{14, 18} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			f := newFixture(t, version, false)
			server, app := f.dial(t), newApplication(t)
			app.provision(t, server)
			login := app.loginOf(postgres.ReadOnly)
			execute(t, f, app.database, "GRANT SELECT ON pg_authid TO "+login, "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO "+login)
			one, scope := app.alone(login)
			plan := one.provisionIn(t, server, scope)
			text := strings.Join(plan.Warnings, "\n")
			for _, want := range []string{`"postgres" ends that there with: REVOKE SELECT ON TABLE "pg_catalog"."pg_authid" FROM "` + login, "REVOKE EXECUTE ON ROUTINE pg_read_file(text) FROM "} {
				if !strings.Contains(text, want) {
					t.Errorf("no warning says %s:\n%s", want, text)
				}
			}
			checkOutOfReachWhenLosing(t, f, server, app, login)
			execute(t, f, app.database, "REVOKE SELECT ON pg_authid FROM "+login, "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM "+login)
		})
	}
}

// checkOutOfReachWhenLosing lowers a login that holds what the admin cannot take, takes
// its database, and drops it: only the last has to be refused.
func checkOutOfReachWhenLosing(t *testing.T, f fixture, server *postgres.Server, app *application, login string) {
	t.Helper()
	other := newApplication(t)
	other.provision(t, server)
	one, scope := app.alone(login)
	access := &one.desired.Logins[0].Access
	*access = map[string]postgres.Privilege{app.database: postgres.Admin, other.database: postgres.ReadOnly}
	one.provisionIn(t, server, scope)
	session, err := app.connect(t, f, login, app.database)
	if err != nil {
		t.Fatal(err)
	}
	run(t, session, "CREATE TABLE app.grouped (id int)", "GRANT UPDATE ON app.grouped TO "+login, "SET ROLE NONE", "CREATE TABLE app.own (id int)")
	*access = map[string]postgres.Privilege{app.database: postgres.ReadOnly, other.database: postgres.ReadOnly}
	one.provisionIn(t, server, scope)
	execute(t, f, app.database, "GRANT UPDATE ON app.grouped TO "+login)
	*access = map[string]postgres.Privilege{other.database: postgres.ReadOnly}
	plan := one.provisionIn(t, server, scope)
	if !strings.Contains(strings.Join(plan.Warnings, "\n"), `REVOKE SELECT ON TABLE "pg_catalog"."pg_authid" FROM "`+login) {
		t.Errorf("warnings are %q", plan.Warnings)
	}
	if left := value(t, superuser(t, f, app.database), "SELECT coalesce(string_agg(classid::regclass || ' ' || objid::regclass, ', ' ORDER BY objid), '') FROM pg_shdepend WHERE refobjid = $1::regrole AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = 'pg_class'::regclass", login); left != "pg_class pg_authid" {
		t.Errorf("it still holds %s", left)
	}
	one.desired = dropping(one.desired, login)
	refused := one.refusal(t, server)
	if want := `role "` + login + `" holds privileges in database "` + app.database + `" that the admin cannot take away`; refused.Error() != want || !refused.Blocked() {
		t.Errorf("got  %v\nwant %s", refused, want)
	}
}

// TestTableGrants asks for privileges on tables of several owners, on one that comes
// later, and takes them away again.
func TestTableGrants(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		login, third := app.loginOf(postgres.ReadOnly), app.loginOf(postgres.ReadWrite)
		hostile := `x"; DROP TABLE app.t; --`
		execute(t, f, app.database, "SET ROLE "+postgres.GroupsOf(app.database).Owner, "CREATE TABLE app.t (id int)", `CREATE VIEW app."x""; DROP TABLE app.t; --" AS SELECT 1 AS id`,
			"RESET ROLE", "CREATE TABLE app.foreign_t (id int)", "ALTER TABLE app.foreign_t OWNER TO "+third)
		one, scope := app.alone(login)
		for _, table := range []string{"t", "foreign_t", hostile, "later"} {
			one.desired.Logins[0].Grants = append(one.desired.Logins[0].Grants, postgres.TableGrant{Database: app.database, Schema: "app", Table: table, Privileges: []string{"INSERT", "UPDATE"}})
		}
		scope.Tables = map[string][][2]string{app.database: {{"app", "t"}, {"app", "foreign_t"}, {"app", hostile}, {"app", "later"}, {"no such", "t"}}}
		plan := one.provisionIn(t, server, scope)
		if len(plan.Warnings) == 0 || !strings.Contains(strings.Join(plan.Warnings, "\n"), `table "app.later" of database "`+app.database+`" does not exist so far: its grants wait for it`) {
			t.Errorf("warnings are %q", plan.Warnings)
		}
		execute(t, f, app.database, "SET ROLE "+postgres.GroupsOf(app.database).Owner, "CREATE TABLE app.later (id int)")
		one.provisionIn(t, server, scope)
		conn := app.mustConnect(t, f, postgres.ReadOnly)
		for _, table := range []string{"t", "foreign_t", "later"} {
			if _, err := conn.Exec(ctx, "INSERT INTO app."+table+" VALUES (1)"); err != nil {
				t.Errorf("%s: %v", table, err)
			}
			if _, err := conn.Exec(ctx, "DELETE FROM app."+table); err == nil {
				t.Errorf("%s: it may delete", table)
			}
		}
		one.desired.Logins[0].Grants = one.desired.Logins[0].Grants[:1]
		one.desired.Logins[0].Grants[0].Privileges = []string{"UPDATE"}
		one.provisionIn(t, server, scope)
		if _, err := conn.Exec(ctx, "UPDATE app.t SET id = 2"); err != nil {
			t.Error(err)
		}
		for _, statement := range []string{"INSERT INTO app.t VALUES (1)", "INSERT INTO app.foreign_t VALUES (1)", "INSERT INTO app.later VALUES (1)"} {
			if _, err := conn.Exec(ctx, statement); err == nil {
				t.Errorf("%s is still allowed", statement)
			}
		}
	})
}

// TestLoginLife takes a login through settings, expiry, closing, reopening and a
// rotation in place.
func TestLoginLife(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		login := app.loginOf(postgres.ReadWrite)
		one, scope := app.alone(login)
		want := &one.desired.Logins[0]
		alive := func(expected bool, exec func() error) {
			t.Helper()
			if err := exec(); (err == nil) != expected {
				t.Errorf("alive should be %v, got %v", expected, err)
			}
		}
		want.Settings = map[string]string{"work_mem": "8MB", "search_path": `app, "x; y", "$user"`}
		want.ValidUntil = time.Now().Add(time.Hour)
		one.provisionIn(t, server, scope)
		session := app.mustConnect(t, f, postgres.ReadWrite)
		var memory, path string
		if err := session.QueryRow(ctx, "SELECT current_setting('work_mem'), current_setting('search_path')").Scan(&memory, &path); err != nil || memory != "8MB" || path != `app, "x; y", "$user"` {
			t.Errorf("got %s, %s (%v)", memory, path, err)
		}
		want.Settings, want.ResetSettings = nil, []string{"work_mem", "search_path"}
		want.ValidUntil = time.Now().Add(-time.Hour)
		one.provisionIn(t, server, scope)
		if _, err := app.connect(t, f, login, app.database); err == nil {
			t.Error("an expired password works")
		}
		want.ValidUntil = time.Time{}
		one.provisionIn(t, server, scope)
		alive(true, func() error { _, err := session.Exec(ctx, "SELECT 1"); return err })

		want.Closed = true // a run that is stopped between NOLOGIN and the sessions' end
		plan := one.planIn(t, server, scope)
		if err := server.Apply(ctx, postgres.Plan{Steps: plan.Steps[:1]}, app.values, nil); err != nil {
			t.Fatal(err)
		}
		alive(true, func() error { _, err := session.Exec(ctx, "SELECT 1"); return err })
		one.provisionIn(t, server, scope)
		alive(false, func() error { _, err := session.Exec(ctx, "SELECT 1"); return err })
		alive(false, func() error { _, err := app.connect(t, f, login, app.database); return err })
		want.Closed = false
		one.provisionIn(t, server, scope)

		session = app.mustConnect(t, f, postgres.ReadWrite)
		want.SetPassword, want.EndSessions = true, true
		if err := server.Apply(ctx, one.planIn(t, server, scope), app.values, nil); err != nil {
			t.Fatal(err)
		}
		alive(false, func() error { _, err := session.Exec(ctx, "SELECT 1"); return err })
		want.SetPassword, want.EndSessions = false, false
		one.provisionIn(t, server, scope)
		app.mustConnect(t, f, postgres.ReadWrite)
	})
}

// TestLosingAccessCanBeCompleted stops the plan that takes a database from a login
// after each of its parts: the next run ends what is left, sessions included.
func TestLosingAccessCanBeCompleted(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		ctx, server, app, other := context.Background(), f.dial(t), newApplication(t), newApplication(t)
		app.provision(t, server)
		other.provision(t, server)
		login := app.loginOf(postgres.ReadOnly)
		one, scope := app.alone(login)
		for _, privilege := range []postgres.Privilege{postgres.ReadOnly, postgres.Admin} {
			for stop := 1; ; stop++ {
				one.desired.Logins[0].Access = map[string]postgres.Privilege{app.database: postgres.ReadOnly, other.database: privilege}
				one.provisionIn(t, server, scope)
				session, err := app.connect(t, f, login, other.database)
				if err != nil {
					t.Fatal(err)
				}
				if privilege == postgres.Admin {
					if _, err := session.Exec(ctx, "SET ROLE NONE; CREATE TABLE app."+fmt.Sprintf("t%d", stop)+" (id int); RESET ROLE"); err != nil {
						t.Fatal(err)
					}
				}
				one.desired.Logins[0].Access = map[string]postgres.Privilege{app.database: postgres.ReadOnly}
				plan := one.planIn(t, server, scope)
				for stop < len(plan.Steps) && plan.Steps[stop].Transaction != 0 && plan.Steps[stop].Transaction == plan.Steps[stop-1].Transaction {
					stop++
				}
				if err := server.Apply(ctx, postgres.Plan{Steps: plan.Steps[:min(stop, len(plan.Steps))]}, app.values, nil); err != nil {
					t.Fatal(err)
				}
				one.provisionIn(t, server, scope)
				if _, err := session.Exec(ctx, "SELECT 1"); err == nil {
					t.Errorf("%s, stopped after %d steps: its session is alive", privilege, stop)
				}
				if stop >= len(plan.Steps) {
					break
				}
			}
		}
		if n := count(t, f, other.database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'app' AND tableowner <> $1", postgres.GroupsOf(other.database).Owner); n != 0 {
			t.Errorf("%d tables are not the group's", n)
		}
	})
}
