package postgres_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestObserveBesideDrop drops somebody else's database after the snapshot of an observation
// was taken and before its databases are read: it is left out. The administrator's
// transactions keep one snapshot, and wait for a lock on a catalog that DROP DATABASE needs not.
func TestObserveBesideDrop(t *testing.T) {
	for _, version := range versions {
		f := newFixture(t, version, false)
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			ctx, other, admin := context.Background(), unique(t), unique(t)
			execute(t, f, "postgres", "CREATE DATABASE "+other, "CREATE ROLE "+admin+" LOGIN PASSWORD '"+f.server.AdminPassword+"'",
				"ALTER ROLE "+admin+" SET default_transaction_isolation = 'repeatable read'")
			f.login.Username = admin
			server := f.dial(t)
			before := observe(t, server, postgres.Scope{})
			if before.Databases[other].Name == "" {
				t.Fatalf("%s was not read", other)
			}

			locker, dropper := superuser(t, f, "postgres"), superuser(t, f, "postgres")
			run(t, locker, "BEGIN", "LOCK TABLE pg_catalog.pg_auth_members IN ACCESS EXCLUSIVE MODE")
			var state postgres.State
			var err error
			read := make(chan struct{})
			go func() {
				defer close(read)
				state, err = server.Observe(ctx, postgres.Scope{})
			}()
			for value(t, dropper, "SELECT count(*)::text FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'", admin) == "0" {
				select {
				case <-read:
					t.Fatalf("the observation did not wait: %v", err)
				case <-time.After(10 * time.Millisecond):
				}
			}
			run(t, dropper, "DROP DATABASE "+other)
			run(t, locker, "ROLLBACK")
			<-read
			if err != nil {
				t.Fatal(err)
			}
			if _, there := state.Databases[other]; there || len(state.Databases) == 0 {
				t.Errorf("got %v", state.Databases)
			}
		})
	}
}
