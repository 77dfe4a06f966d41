package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

func facts(t *testing.T, f fixture, extensions ...string) postgres.ServerFacts {
	t.Helper()
	facts, err := f.dial(t).Facts(context.Background(), extensions)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// TestFacts reads the facts of a server as each kind of administrator.
func TestFacts(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		got := facts(t, f, "pg_trgm", "no_such_extension", "another_one", "another_one")
		if got.MaxConnections < 10 || got.ReservedConnections < 3 || got.UsedConnections < 1 || got.FreeConnections() != got.MaxConnections-got.ReservedConnections-got.UsedConnections {
			t.Errorf("connections: %+v", got)
		}
		if got.TLSVersion != "TLSv1.3" || got.PasswordEncryption != "scram-sha-256" || got.IgnoresRoleSettings {
			t.Errorf("session: %+v", got)
		}
		if got.StatementTimeout != 0 || got.TransactionTimeout != 0 {
			t.Errorf("time-outs: %+v", got)
		}
		if !slices.Contains(got.TrustedExtensions, "pg_trgm") || slices.Contains(got.TrustedExtensions, "file_fdw") || !slices.Equal(got.UnavailableExtensions, []string{"another_one", "no_such_extension"}) {
			t.Errorf("extensions: %+v", got)
		}
		if slices.Contains(got.Memberships, "pg_signal_backend") == f.super {
			t.Errorf("memberships %v", got.Memberships)
		}
		if !slices.Equal(got.OpenDatabases, []string{"postgres", "template1"}) {
			t.Errorf("open databases %v", got.OpenDatabases)
		}
		f.endpoint.SSLMode = "disable"
		if got := facts(t, f); got.TLSVersion != "" {
			t.Errorf("without TLS: %+v", got)
		}
	})
}

// TestFactsOfAProvider sets what a provider and a cautious owner would: the settings are
// those outside our own session.
func TestFactsOfAProvider(t *testing.T) {
	server, err := testenv.StartPostgreSQL(context.Background(), testenv.PostgreSQLOptions{Version: 18,
		Settings: map[string]string{"statement_timeout": "2min", "max_connections": "20", "reserved_connections": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	f := fixtureOf(server, false)
	if got := facts(t, f); got.Provider != postgres.SelfHosted || got.StatementTimeout != 2*time.Minute || got.MaxConnections != 20 || got.ReservedConnections != 5 || got.UsableConnections() != 15 {
		t.Errorf("got %+v", got)
	}
	admin := f.login.Username
	execute(t, f, "postgres", "CREATE ROLE rds_superuser", "CREATE ROLE rds_iam", "GRANT rds_iam TO rds_superuser", "GRANT rds_superuser TO "+admin,
		"ALTER DATABASE postgres SET statement_timeout = '7s'", "ALTER ROLE "+admin+" IN DATABASE postgres SET transaction_timeout = '9s'")
	got := facts(t, f)
	if got.Provider != postgres.AmazonRDS || !slices.Contains(got.Memberships, "rds_iam") || !slices.Contains(got.Memberships, "rds_superuser") {
		t.Errorf("provider: %+v", got)
	}
	if got.StatementTimeout != 7*time.Second || got.TransactionTimeout != 9*time.Second {
		t.Errorf("time-outs: %+v", got)
	}
}
