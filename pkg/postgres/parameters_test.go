package postgres_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// crippling are parameters that any owner of a Database may ask for, each of which would
// stop our own sessions in it, or make them misread names.
var crippling = map[string]string{
	"default_transaction_read_only": "on", "default_transaction_isolation": "serializable", "default_transaction_deferrable": "on",
	"statement_timeout": "1ms", "client_encoding": "SJIS", "DateStyle": "German", "quote_all_identifiers": "on", "lock_timeout": "1ms",
}

// TestParametersDoNotStopUs checks that a database whose parameters end every statement
// is still looked after: what its users may do can be lowered, and the parameters changed.
func TestParametersDoNotStopUs(t *testing.T) {
	for _, version := range []int{14, 18} {
		for _, super := range []bool{true, false} {
			parametersDoNotStop(t, newFixture(t, version, super))
		}
	}
}

func parametersDoNotStop(t *testing.T, f fixture) {
	t.Helper()
	server, app := f.dial(t), newApplication(t)
	app.provision(t, server)
	owner := postgres.GroupsOf(app.database).Owner
	root := superuser(t, f, app.database)
	run(t, root, `CREATE TABLE app."bücher" (n int)`, `ALTER TABLE app."bücher" OWNER TO "`+owner+`"`,
		`CREATE FUNCTION app.f(int, "text") RETURNS int LANGUAGE sql AS 'SELECT 1'`, `ALTER FUNCTION app.f OWNER TO "`+owner+`"`,
		`GRANT EXECUTE ON FUNCTION app.f TO "`+app.loginOf(postgres.ReadWrite)+`"`)
	app.db().Parameters = maps.Clone(crippling)
	if f.server.Version >= 17 {
		app.db().Parameters["transaction_timeout"] = "1ms"
	}
	app.provision(t, server)
	app.db().Schemas = append(app.db().Schemas, "später")
	for i := range app.desired.Logins {
		app.desired.Logins[i].Access[app.database] = postgres.ReadOnly
	}
	app.provision(t, server)
	app.settled(t, server)
	app.db().ResetParameters = slices.Collect(maps.Keys(app.db().Parameters))
	app.db().Parameters = nil
	app.provision(t, server)
	conn := app.mustConnect(t, f, postgres.ReadWrite)
	if got := value(t, conn, `SELECT has_table_privilege('app."bücher"', 'SELECT')::text || has_schema_privilege('später', 'USAGE')::text`); got != "truetrue" {
		t.Errorf("got %s", got)
	}
	_, _ = root.Close(context.Background()), conn.Close(context.Background())
	app.desired = gone(app)
	waitForNoSessions(t, f, app.database)
	app.provision(t, server)
}
