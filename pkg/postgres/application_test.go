package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// application is a database with one login of each privilege.
type application struct {
	database  string
	desired   postgres.Desired
	values    postgres.Values
	passwords map[string]secret.Value
}

// newApplication returns one that nothing stands of so far.
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

func observe(t testing.TB, s *postgres.Server, scope postgres.Scope) postgres.State {
	t.Helper()
	state, err := s.Observe(context.Background(), scope)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// db returns the application's only database, to be changed.
func (a *application) db() *postgres.Database { return &a.desired.Databases[0] }

// plan observes and plans.
func (a *application) plan(t testing.TB, s *postgres.Server) postgres.Plan {
	t.Helper()
	return a.planIn(t, s, a.scope())
}

// planIn is plan with a scope of its own.
func (a *application) planIn(t testing.TB, s *postgres.Server, scope postgres.Scope) postgres.Plan {
	t.Helper()
	plan, err := postgres.MakePlan(observe(t, s, scope), a.desired)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// refusal plans and returns the refusal that must come.
func (a *application) refusal(t *testing.T, s *postgres.Server) *postgres.RefusedError {
	t.Helper()
	plan, err := postgres.MakePlan(observe(t, s, a.scope()), a.desired)
	var refused *postgres.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a refusal\n%s", err, plan.SQL("postgres"))
	}
	return refused
}

// settled checks that nothing is left to do, and returns what was warned of.
func (a *application) settled(t *testing.T, s *postgres.Server) []string {
	t.Helper()
	plan := a.plan(t, s)
	if !plan.Empty() {
		t.Fatalf("steps are left:\n%s", plan.SQL("postgres"))
	}
	return plan.Warnings
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

// provisionIn is provision with a scope of its own. It checks that nothing is left to
// do, and returns the plan that was carried out.
func (a *application) provisionIn(t testing.TB, s *postgres.Server, scope postgres.Scope) postgres.Plan {
	t.Helper()
	plan := a.planIn(t, s, scope)
	if err := s.Apply(context.Background(), plan, a.values, nil); err != nil {
		t.Fatalf("%v\n%s", err, plan.SQL("postgres"))
	}
	if rest := a.planIn(t, s, scope); !rest.Empty() {
		t.Fatalf("left are:\n%s\nafter:\n%s", rest.SQL("postgres"), plan.SQL("postgres"))
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

// gone returns the desired state in which nothing of the application is left.
func gone(app *application) postgres.Desired {
	d := postgres.Desired{DropDatabases: []postgres.Drop{{Name: app.database, Marker: app.desired.Databases[0].Marker}}}
	for _, l := range app.desired.Logins {
		d.DropLogins = append(d.DropLogins, postgres.Drop{Name: l.Name, Marker: l.Marker})
	}
	return d
}
