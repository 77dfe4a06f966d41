package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// BenchmarkObserve reads the state of a whole server; the baseline is one round trip
// with nothing in it.
func BenchmarkObserve(b *testing.B) {
	ctx, f := context.Background(), newFixture(b, 18, false)
	server := f.dial(b)
	b.Run("baseline", func(b *testing.B) {
		conn, err := pgx.Connect(ctx, f.server.AdminURL(""))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = conn.Close(ctx) }()
		for b.Loop() {
			var one int
			if err := conn.QueryRow(ctx, "SELECT 1").Scan(&one); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			if _, err := server.Observe(ctx, postgres.Scope{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkProvision creates a database with one login; the baseline sends the same
// statements in the same transactions over plain pgx connections.
func BenchmarkProvision(b *testing.B) {
	ctx, f := context.Background(), newFixture(b, 18, false)
	server := f.dial(b)
	n := 0
	run := func(b *testing.B, apply func(*application, postgres.Plan)) {
		for b.Loop() {
			b.StopTimer()
			n++
			app := newBenchApplication(b, fmt.Sprintf("%s_%d", unique(b), n))
			plan := app.plan(b, server)
			b.StartTimer()
			apply(app, plan)
			b.StopTimer()
			app.desired = gone(app)
			waitForNoSessions(b, f, app.database)
			app.provision(b, server)
			b.StartTimer()
		}
	}
	b.Run("baseline", func(b *testing.B) {
		run(b, func(app *application, plan postgres.Plan) { sendOneByOne(b, f, app, plan) })
	})
	b.Run("ours", func(b *testing.B) {
		run(b, func(app *application, plan postgres.Plan) {
			if err := server.Apply(ctx, plan, app.values, nil); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func newBenchApplication(b *testing.B, name string) *application {
	app := &application{database: name, passwords: map[string]secret.Value{},
		values: postgres.Values{Verifiers: map[string]secret.Value{}, UIDs: map[string]string{}}}
	app.desired.Databases = []postgres.Database{{Name: name, ConnectionLimit: -1, Marker: app.marker("Database", name)}}
	app.addLogin(b, name+"_admin", postgres.Admin)
	return app
}

// sendOneByOne sends a plan as a script would be.
func sendOneByOne(b *testing.B, f fixture, app *application, plan postgres.Plan) {
	var conn *pgx.Conn
	database := "none"
	for _, line := range strings.Split(strings.TrimSpace(plan.SQL("postgres")), "\n") {
		statement, _, _ := strings.Cut(line, "; -- ")
		next, connects := strings.CutPrefix(statement, `\connect `)
		if !connects && database == "none" {
			next, connects = "postgres", true
		}
		if connects {
			if conn != nil {
				_ = conn.Close(context.Background())
			}
			database = strings.Trim(next, `"`)
			var err error
			if conn, err = pgx.Connect(context.Background(), f.server.AdminURL(database)); err != nil {
				b.Fatal(err)
			}
		}
		if strings.HasPrefix(statement, `\`) {
			continue
		}
		statement = filled(app, statement)
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
	_ = conn.Close(context.Background())
}

// filled puts an application's values into the holes of a printed statement.
func filled(app *application, statement string) string {
	for _, v := range app.values.Verifiers {
		statement = strings.ReplaceAll(statement, "<verifier>", v.Reveal())
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(statement[max(strings.Index(statement, "dbtether.io: "), 0):], "dbtether.io: "), " ")
	for key, uid := range app.values.UIDs {
		if strings.HasPrefix(key, kind+" ") || kind == "group" && strings.HasPrefix(key, "Database ") {
			statement = strings.ReplaceAll(statement, "<uid>", uid)
		}
	}
	return statement
}

// BenchmarkMakePlan plans a new database, on a server that has one, and on a server
// that has a hundred, each with three logins: what others have costs nothing.
func BenchmarkMakePlan(b *testing.B) {
	wanted := postgres.Desired{Databases: []postgres.Database{{Name: "new", ConnectionLimit: -1, Marker: postgres.Marker{Kind: "Database", Resource: "shop/new", UID: "uid-new"}}},
		Logins: []postgres.DesiredLogin{{Name: "new_api", ConnectionLimit: -1, Marker: postgres.Marker{Kind: "DatabaseUser", Resource: "shop/new-api", UID: "uid-api"},
			Access: map[string]postgres.Privilege{"new": postgres.Admin}}}}
	for _, c := range []struct {
		side      string
		databases int
	}{{"baseline", 1}, {"ours", 100}} {
		state := bare(admin18)
		for i := range c.databases {
			name := fmt.Sprintf("db%03d", i)
			state.Databases[name] = postgres.DatabaseState{Name: name, Owner: "dbadmin", AllowConnections: true, ConnectionLimit: -1}
			for _, role := range []string{"_owner", "_rw", "_ro", "_a", "_b", "_c"} {
				state.Roles[name+role] = postgres.Role{Name: name + role, Inherit: true, ConnectionLimit: -1}
				state.Members[name+role] = map[string]postgres.Membership{"dbadmin": {Inherit: true, Set: true}}
			}
		}
		b.Run(c.side, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := postgres.MakePlan(state, wanted); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerifier computes what the server would otherwise compute from a plain
// password, which then stands in its log: the baseline is that statement.
func BenchmarkVerifier(b *testing.B) {
	ctx, f := context.Background(), newFixture(b, 18, false)
	name := unique(b)
	conn, err := pgx.Connect(ctx, f.server.AdminURL(""))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "CREATE ROLE "+name); err != nil {
		b.Fatal(err)
	}
	password := secret.NewValue([]byte("pencil-pencil"))
	b.Run("baseline", func(b *testing.B) {
		for b.Loop() {
			if _, err := conn.Exec(ctx, "ALTER ROLE "+name+" PASSWORD 'pencil-pencil'"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			v, err := secret.Verifier(rand.Reader, password)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := conn.Exec(ctx, "ALTER ROLE "+name+" PASSWORD '"+v.Reveal()+"'"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
