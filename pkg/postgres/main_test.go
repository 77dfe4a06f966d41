package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// fixture is one server seen as one kind of administrator.
type fixture struct {
	server   *testenv.PostgreSQL
	endpoint postgres.Endpoint
	login    postgres.Login
	super    bool
}

// versions are the major versions that every behaviour is tested on.
var versions = []int{14, 15, 16, 17, 18}

// everywhere runs a test on every version, as superuser and as an administrator
// with CREATEDB and CREATEROLE only.
func everywhere(t *testing.T, test func(t *testing.T, f fixture)) {
	t.Helper()
	for _, version := range versions {
		for _, super := range []bool{true, false} {
			kind := "createrole"
			if super {
				kind = "superuser"
			}
			t.Run(fmt.Sprintf("%d/%s", version, kind), func(t *testing.T) { test(t, newFixture(t, version, super)) })
		}
	}
}

func newFixture(t testing.TB, version int, super bool) fixture {
	t.Helper()
	return fixtureOf(testenv.SharedPostgreSQL(t, version), super)
}

// fixtureOf returns a server as one kind of administrator.
func fixtureOf(server *testenv.PostgreSQL, super bool) fixture {
	f := fixture{server: server, super: super,
		endpoint: postgres.Endpoint{Host: server.Host, Port: int32(server.Port), SSLMode: "verify-full", CA: server.CAPEM, Name: "main"},
		login:    postgres.Login{Username: server.Admin, Password: secret.NewValue([]byte(server.AdminPassword))}}
	if super {
		f.login = postgres.Login{Username: server.Superuser, Password: secret.NewValue([]byte(server.SuperuserPassword))}
	}
	return f
}

func (f fixture) dial(t testing.TB) *postgres.Server {
	t.Helper()
	s, err := postgres.Dial(context.Background(), f.endpoint, f.login, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

var unsafeInName = regexp.MustCompile(`[^a-z0-9]+`)

// unique returns a name that no other test uses, and that says which test it was.
func unique(t testing.TB) string {
	name := strings.Trim(unsafeInName.ReplaceAllString(strings.ToLower(t.Name()), "_"), "_")
	if len(name) > 40 {
		name = name[len(name)-40:]
	}
	return fmt.Sprintf("t%x_%s", time.Now().UnixNano()%0xffffff, name)
}

// application is a database with one login of each privilege.
type application struct {
	database  string
	desired   postgres.Desired
	values    postgres.Values
	passwords map[string]secret.Value
}

func newApplication(t testing.TB) *application {
	t.Helper()
	name := unique(t)
	app := &application{database: name, passwords: map[string]secret.Value{},
		values: postgres.Values{Verifiers: map[string]secret.Value{}, UIDs: map[string]string{}}}
	marker := app.marker("Database", name)
	app.desired.Databases = []postgres.Database{{Name: name, ConnectionLimit: -1, Schemas: []string{"app"}, Extensions: []postgres.Extension{{Name: "pg_trgm"}}, Marker: marker}}
	for _, privilege := range []postgres.Privilege{postgres.ReadOnly, postgres.ReadWrite, postgres.Admin} {
		app.addLogin(t, name+"_"+string(privilege)[:5], privilege)
	}
	return app
}

// marker returns the marker of a resource that exists, and makes its UID known.
func (a *application) marker(kind, name string) postgres.Marker {
	resource := strings.ReplaceAll(name, "_", "-")
	m := postgres.Marker{Kind: kind, Resource: "shop/" + resource, UID: "uid-" + resource}
	a.values.UIDs[kind+" "+m.Resource] = m.UID
	return m
}

func (a *application) addLogin(t testing.TB, login string, privilege postgres.Privilege) {
	t.Helper()
	marker := a.marker("DatabaseUser", login)
	a.desired.Logins = append(a.desired.Logins, postgres.DesiredLogin{Name: login, ConnectionLimit: -1, Marker: marker,
		Access: map[string]postgres.Privilege{a.database: privilege}})
	password, err := secret.GeneratePassword(rand.Reader, 24)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := secret.Verifier(rand.Reader, password)
	if err != nil {
		t.Fatal(err)
	}
	a.passwords[login], a.values.Verifiers[login] = password, verifier
}

func (a *application) loginOf(privilege postgres.Privilege) string {
	return a.database + "_" + string(privilege)[:5]
}

func (a *application) scope() postgres.Scope {
	scope := postgres.Scope{Databases: []string{a.database}, ICU: true}
	for _, d := range a.desired.Databases {
		for _, e := range d.Extensions {
			scope.Extensions = append(scope.Extensions, e.Name)
		}
		if d.Template != "" {
			scope.Databases = append(scope.Databases, d.Template)
		}
		scope.Settings = slices.AppendSeq(scope.Settings, maps.Keys(d.Parameters))
	}
	for _, l := range a.desired.Logins {
		scope.Logins = append(scope.Logins, l.Name)
		scope.Settings = slices.AppendSeq(scope.Settings, maps.Keys(l.Settings))
		for _, g := range l.Grants {
			if scope.Tables == nil {
				scope.Tables = map[string][][2]string{}
			}
			scope.Tables[g.Database] = append(scope.Tables[g.Database], [2]string{g.Schema, g.Table})
		}
	}
	for _, l := range a.desired.DropLogins {
		scope.Logins = append(scope.Logins, l.Name)
	}
	return scope
}

// plan observes and plans.
func (a *application) plan(t testing.TB, s *postgres.Server) postgres.Plan {
	t.Helper()
	state, err := s.Observe(context.Background(), a.scope())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := postgres.MakePlan(state, a.desired)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// provision brings the application about and returns the plan that did.
func (a *application) provision(t testing.TB, s *postgres.Server) postgres.Plan {
	t.Helper()
	plan := a.plan(t, s)
	if err := s.Apply(context.Background(), plan, a.values, nil); err != nil {
		t.Fatalf("%v\n%s", err, plan.SQL("postgres"))
	}
	return plan
}

// connect logs in as one of the application's logins, with a driver of its own.
func (a *application) connect(t testing.TB, f fixture, login, database string) (*pgx.Conn, error) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), f.server.URL(login, a.passwords[login].Reveal(), database))
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

func (a *application) mustConnect(t testing.TB, f fixture, privilege postgres.Privilege) *pgx.Conn {
	t.Helper()
	conn, err := a.connect(t, f, a.loginOf(privilege), a.database)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func superuser(t testing.TB, f fixture, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), f.server.SuperuserURL(database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
