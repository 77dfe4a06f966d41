package postgres_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
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

// on18 runs a test on PostgreSQL 18 as each kind of administrator.
func on18(t *testing.T, test func(t *testing.T, f fixture)) {
	t.Helper()
	t.Run("superuser", func(t *testing.T) { test(t, newFixture(t, 18, true)) })
	t.Run("createrole", func(t *testing.T) { test(t, newFixture(t, 18, false)) })
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

// superuser opens a session of the superuser in a database, with a driver of its own.
func superuser(t testing.TB, f fixture, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), f.server.SuperuserURL(database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// execute runs statements as the superuser.
func execute(t testing.TB, f fixture, database string, statements ...string) {
	t.Helper()
	conn := superuser(t, f, database)
	defer func() { _ = conn.Close(context.Background()) }()
	for _, s := range statements {
		if _, err := conn.Exec(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func count(t *testing.T, f fixture, database, query string, args ...any) int {
	t.Helper()
	conn := superuser(t, f, database)
	defer func() { _ = conn.Close(context.Background()) }()
	var n int
	if err := conn.QueryRow(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func run(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(context.Background(), s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func value(t *testing.T, conn *pgx.Conn, query string, args ...any) string {
	t.Helper()
	var text string
	if err := conn.QueryRow(context.Background(), query, args...).Scan(&text); err != nil {
		t.Errorf("%s: %v", query, err)
	}
	return text
}

// waitForNoSessions waits until nobody is connected to a database: its own sessions end a moment
// after they were closed.
func waitForNoSessions(t testing.TB, f fixture, database string) {
	t.Helper()
	conn := superuser(t, f, "postgres")
	defer func() { _ = conn.Close(context.Background()) }()
	for range 3000 {
		var n int
		if err := conn.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usesysid IS NOT NULL", database).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		_, _ = conn.Exec(context.Background(), "SELECT pg_sleep(0.02)")
	}
	t.Fatalf("sessions in %q do not end", database)
}
