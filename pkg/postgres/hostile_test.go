package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// hostileNames must come out exactly as they went in.
var hostileNames = []string{`"; DROP DATABASE postgres; --`, `\'; DROP ROLE dbadmin; --`, `a'b`, `a"b`, `a\b`, "ünïcödé", "select", "User",
	" lead", "🐘🐘", "a.b,c", "$1 %s {x}", strings.Repeat("ü", 28), "trail "}

// TestHostileNames gives hostile names to databases, schemas and logins, on a
// server of its own that logs every statement: each name comes out exactly as it
// went in, or is refused before anything runs. No password reaches the log. Every
// name is a login and a schema for both kinds of administrator, a database for one.
func TestHostileNames(t *testing.T) {
	server, err := testenv.StartPostgreSQL(context.Background(), testenv.PostgreSQLOptions{Version: 18,
		Settings: map[string]string{"log_statement": "all", "log_min_error_statement": "debug1", "log_min_messages": "notice"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	var passwords []string
	for first, f := range []fixture{fixtureOf(server, true), fixtureOf(server, false)} {
		for i := first; i < len(hostileNames); i += 2 {
			passwords = append(passwords, hostileName(t, f, hostileNames[i], hostileNames[(i+1)%len(hostileNames)]))
		}
		for _, name := range []string{"a\nb", "a\x00b", "a\tb", "\x1b[2J", "\x7f", "a\xffb", ""} {
			refusedName(t, f, name)
		}
		nameLengths(t, f)
	}
	checkLog(t, server, passwords)
}

// hostile returns an application whose database and readonly login bear the name,
// with another name for its admin login, and hostile ones for its schemas.
func hostile(t *testing.T, name, adminLogin string) *application {
	t.Helper()
	app := &application{database: name, passwords: map[string]secret.Value{},
		values: postgres.Values{Verifiers: map[string]secret.Value{}, UIDs: map[string]string{"Database shop/x": "uid-db", "DatabaseUser shop/x": "uid-user", "DatabaseUser shop/y": "uid-admin"}}}
	app.desired.Databases = []postgres.Database{{Name: name, ConnectionLimit: -1, Schemas: hostileNames,
		Marker: postgres.Marker{Kind: "Database", Resource: "shop/x", UID: "uid-db"}}}
	for _, l := range []struct {
		name      string
		privilege postgres.Privilege
		marker    postgres.Marker
	}{
		{name, postgres.ReadOnly, postgres.Marker{Kind: "DatabaseUser", Resource: "shop/x", UID: "uid-user"}},
		{adminLogin, postgres.Admin, postgres.Marker{Kind: "DatabaseUser", Resource: "shop/y", UID: "uid-admin"}},
	} {
		app.addLogin(t, l.name, l.privilege)
		app.desired.Logins[len(app.desired.Logins)-1].Marker = l.marker
	}
	return app
}

// names lists all roles and databases of a server.
func names(t *testing.T, f fixture) []string {
	t.Helper()
	conn := superuser(t, f, "postgres")
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(context.Background(), "SELECT 'role ' || rolname FROM pg_roles UNION ALL SELECT 'database ' || datname FROM pg_database")
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// hostileName provisions and drops, and returns the password that was used.
func hostileName(t *testing.T, f fixture, name, adminLogin string) string {
	t.Helper()
	server, app := f.dial(t), hostile(t, name, adminLogin)
	before := names(t, f)
	app.provision(t, server)
	want := slices.Concat(before, []string{"database " + name, "role " + name, "role " + adminLogin, "role " + name + "_owner", "role " + name + "_rw", "role " + name + "_ro"})
	slices.Sort(want)
	if got := names(t, f); !slices.Equal(got, want) {
		t.Errorf("%q: got %q, want %q", name, got, want)
	}
	if plan := app.plan(t, server); !plan.Empty() {
		t.Errorf("%q: steps are left:\n%s", name, plan.SQL("postgres"))
	}
	checkHostileLogins(t, f, app, name, adminLogin)
	app.desired = gone(app)
	waitForNoSessions(t, f, name)
	app.provision(t, server)
	if got := names(t, f); !slices.Equal(got, before) {
		t.Errorf("%q: after dropping: got %q, want %q", name, got, before)
	}
	server.Close()
	return app.passwords[name].Reveal()
}

// checkHostileLogins logs in with our code and with a driver of its own.
func checkHostileLogins(t *testing.T, f fixture, app *application, name, adminLogin string) {
	t.Helper()
	if err := postgres.CheckLogin(context.Background(), f.endpoint, postgres.Login{Username: adminLogin, Password: app.passwords[adminLogin]}, name, postgres.Admin); err != nil {
		t.Errorf("%q: %v", adminLogin, err)
	}
	conn, err := app.connect(t, f, name, name)
	if err != nil {
		t.Errorf("%q: %v", name, err)
		return
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var user, database string
	var schemas int
	err = conn.QueryRow(context.Background(), "SELECT current_user::text, current_database()::text, (SELECT count(*) FROM pg_namespace WHERE nspname = ANY($1))", hostileNames).Scan(&user, &database, &schemas)
	if err != nil || user != name || database != name || schemas != len(hostileNames) {
		t.Errorf("%q: logged in as %q in %q with %d schemas (%v)", name, user, database, schemas, err)
	}
}

// refusedName checks that a name is refused as each kind of thing, and that nothing
// has changed then.
func refusedName(t *testing.T, f fixture, name string) {
	t.Helper()
	server, before := f.dial(t), names(t, f)
	defer server.Close()
	state, err := server.Observe(context.Background(), postgres.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	asDatabase, asSchema, asLogin := hostile(t, name, "ok"), hostile(t, "fine", "ok"), hostile(t, "fine", "ok")
	asDatabase.desired.Logins = nil
	asSchema.desired.Databases[0].Schemas = []string{"ok", name}
	asLogin.desired.Logins[0].Name = name
	for kind, app := range map[string]*application{"database": asDatabase, "schema": asSchema, "role": asLogin} {
		plan, err := postgres.MakePlan(state, app.desired)
		var refused *postgres.RefusedError
		if !errors.As(err, &refused) || !plan.Empty() || !strings.Contains(err.Error(), kind+" ") {
			t.Errorf("%s %q: got %v", kind, name, err)
		}
		if err := server.Apply(context.Background(), plan, app.values, nil); err != nil {
			t.Errorf("the empty plan fails: %v", err)
		}
	}
	if after := names(t, f); !slices.Equal(after, before) {
		t.Errorf("%q: %q became %q", name, before, after)
	}
}

// nameLengths checks the longest names, and that longer ones are not cut.
func nameLengths(t *testing.T, f fixture) {
	t.Helper()
	longest := hostile(t, strings.Repeat("d", 57), "ok")
	longest.desired.Databases[0].Schemas = []string{strings.Repeat("s", 63), strings.Repeat("ß", 31)}
	longest.desired.Logins = longest.desired.Logins[:1]
	login := strings.Repeat("l", 63)
	longest.passwords[login], longest.values.Verifiers[login] = longest.passwords[longest.database], longest.values.Verifiers[longest.database]
	longest.desired.Logins[0].Name = login
	server := f.dial(t)
	defer server.Close()
	longest.provision(t, server)
	if err := postgres.CheckLogin(context.Background(), f.endpoint, postgres.Login{Username: login, Password: longest.passwords[login]}, longest.database, postgres.ReadOnly); err != nil {
		t.Error(err)
	}
	longest.settled(t, server)
	longest.desired = gone(longest)
	waitForNoSessions(t, f, longest.database)
	longest.provision(t, server)
	for _, c := range []struct {
		kind  string
		bytes int
		by    func(*application)
	}{
		{"database", 58, func(a *application) { a.desired.Databases[0].Name += "d" }},
		{"schema", 64, func(a *application) { a.desired.Databases[0].Schemas = []string{strings.Repeat("ß", 32)} }},
		{"role", 64, func(a *application) { a.desired.Logins[0].Name = login + "l" }},
	} {
		app := hostile(t, strings.Repeat("d", 57), "ok")
		c.by(app)
		_, err := postgres.MakePlan(bare(super18), app.desired)
		if want := fmt.Sprintf("has %d bytes, at most %d are possible", c.bytes, c.bytes-1); err == nil || !strings.Contains(err.Error(), c.kind+" ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s of %d bytes: got %v", c.kind, c.bytes, err)
		}
	}
}

// checkLog looks for passwords in the log of a server, which must hold the
// statements that set them.
func checkLog(t *testing.T, server *testenv.PostgreSQL, passwords []string) {
	t.Helper()
	text, err := os.ReadFile(server.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "PASSWORD 'SCRAM-SHA-256$"); n < len(passwords) {
		t.Fatalf("the log has %d statements with a verifier, want at least %d", n, len(passwords))
	}
	for _, p := range append(passwords, server.SuperuserPassword) {
		if strings.Contains(string(text), p) {
			t.Error("the log holds a password")
		}
	}
}
