package postgres_test

import (
	"context"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestFingerprints does one thing after the other to a database, and looks whether its
// fingerprint, and only its, changes. What it misses is written here too: who relies on
// it reads the database in full now and then.
func TestFingerprints(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		server, app, other := f.dial(t), newApplication(t), newApplication(t)
		app.provision(t, server)
		other.provision(t, server)
		groups, login := postgres.GroupsOf(app.database), app.loginOf(postgres.ReadOnly)
		read := func(named bool) (string, string) {
			scope := postgres.Scope{Named: named, Fingerprints: true}
			if named {
				scope.References = []string{app.database, other.database}
			}
			state := observe(t, server, scope)
			return state.Fingerprints[app.database], state.Fingerprints[other.database]
		}
		before, beforeOther := read(false)
		if len(before) != 32 || before == beforeOther {
			t.Fatalf("fingerprints %q, %q", before, beforeOther)
		}
		as := "SET ROLE " + groups.Owner + "; "
		for _, c := range []struct {
			database, statement string
			changes             bool
		}{
			{app.database, "SELECT 1", false},
			{app.database, as + "CREATE TABLE app.t (id int)", true},
			{app.database, as + "INSERT INTO app.t VALUES (1)", false},
			{app.database, as + "GRANT SELECT ON app.t TO " + login, true},
			{app.database, as + "GRANT INSERT ON app.t TO " + login, false}, // missed
			{app.database, as + "REVOKE ALL ON app.t FROM " + login, true},
			{app.database, as + "GRANT SELECT ON app.t TO PUBLIC", false}, // missed
			{app.database, as + "GRANT SELECT (id) ON app.t TO " + login, true},
			{app.database, "ALTER TABLE app.t OWNER TO " + login, true},
			{app.database, "DROP TABLE app.t", true},
			{app.database, "CREATE SCHEMA other AUTHORIZATION " + groups.Owner, true},
			{app.database, "CREATE TABLE other.t (id int)", false}, // missed: the bootstrap superuser's
			{app.database, "ALTER DEFAULT PRIVILEGES FOR ROLE " + groups.Owner + " GRANT EXECUTE ON FUNCTIONS TO " + login, true},
			{"postgres", "GRANT CONNECT ON DATABASE " + app.database + " TO PUBLIC", true},
			{"postgres", "ALTER ROLE " + login + " IN DATABASE " + app.database + " SET work_mem = '8MB'", false}, // it is read anyway
			{"postgres", "ALTER DATABASE " + app.database + " SET work_mem = '8MB'", true},
			{"postgres", "ALTER DATABASE " + app.database + " CONNECTION LIMIT 7", true},
			{"postgres", "COMMENT ON DATABASE " + app.database + " IS 'nobody''s'", true},
			{"postgres", "ALTER DATABASE " + app.database + " OWNER TO " + login, true},
		} {
			execute(t, f, c.database, c.statement)
			after, afterOther := read(false)
			if (after != before) != c.changes {
				t.Errorf("%s: changed is %v", c.statement, after != before)
			}
			if afterOther != beforeOther {
				t.Errorf("%s: the other database's changed", c.statement)
			}
			if named, namedOther := read(true); named != after || namedOther != afterOther {
				t.Errorf("%s: a restricted reading has another fingerprint", c.statement)
			}
			before = after
		}
		if state := observe(t, server, postgres.Scope{Named: true, Fingerprints: true, References: []string{app.database}}); state.Fingerprints[other.database] != "" {
			t.Error("a database that is not named has a fingerprint")
		}
		if state, err := server.Observe(context.Background(), postgres.Scope{}); err != nil || state.Fingerprints != nil {
			t.Errorf("fingerprints that nobody asked for: %v (%v)", state.Fingerprints, err)
		}
	})
}
