package postgres_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// countingConn counts what is written to a server.
type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// TestTransactionIsTwoWrites counts what Apply sends over the maintenance session: the
// statements of a transaction in one write, and its COMMIT. There is no TLS, which
// would cut the writes into records.
func TestTransactionIsTwoWrites(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		var writes atomic.Int64
		f.endpoint.SSLMode = "disable"
		f.endpoint.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return countingConn{conn, &writes}, err
		}
		server, app := f.dial(t), newApplication(t)
		plan := app.plan(t, server)
		roles := postgres.Plan{Steps: plan.Steps[:slices.IndexFunc(plan.Steps, func(s postgres.Step) bool { return s.Transaction != 1 })]}
		if len(roles.Steps) < 10 {
			t.Fatalf("the first transaction has %d steps only", len(roles.Steps))
		}
		before := writes.Load()
		var started []string
		if err := server.Apply(context.Background(), roles, app.values, func(s postgres.Step) { started = append(started, s.Statement.String()) }); err != nil {
			t.Fatal(err)
		}
		if n := writes.Load() - before; n != 2 {
			t.Errorf("%d steps took %d writes", len(roles.Steps), n)
		}
		var want []string
		for _, s := range roles.Steps {
			want = append(want, s.Statement.String())
		}
		if !slices.Equal(started, want) {
			t.Errorf("started:\n%s\nwant:\n%s", strings.Join(started, "\n"), strings.Join(want, "\n"))
		}
		app.provision(t, server)
	})
}

// TestFailingStepIsNamed lets each step of the first transaction that creates a role
// fail in turn: the error names that very step, and no later one was started.
func TestFailingStepIsNamed(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		server, app := f.dial(t), newApplication(t)
		plan := app.plan(t, server)
		for i, step := range plan.Steps {
			role, creates := strings.CutPrefix(step.Statement.String(), "CREATE ROLE ")
			if !creates {
				continue
			}
			role, _, _ = strings.Cut(role, " ")
			execute(t, f, "postgres", "CREATE ROLE "+role)
			var last postgres.Step
			started := 0
			err := server.Apply(context.Background(), plan, app.values, func(s postgres.Step) { started, last = started+1, s })
			var failed *postgres.StepError
			ok := errors.As(err, &failed)
			if !ok || failed.Step.Statement.String() != step.Statement.String() || started != i+1 || last.Statement.String() != step.Statement.String() {
				t.Errorf("step %d %s: got %v, %d steps started", i, step.Statement, err, started)
			}
			execute(t, f, "postgres", "DROP ROLE "+role)
		}
		app.provision(t, server)
	})
}

// TestWarningRollsBack lets a GRANT in the middle of a transaction have no effect: it is
// the step that failed, and what ran before it in the transaction does not stay.
func TestWarningRollsBack(t *testing.T) {
	for _, version := range versions {
		f := newFixture(t, version, false)
		server, app := f.dial(t), newApplication(t)
		app.provision(t, server)
		execute(t, f, "postgres", "GRANT CONNECT ON DATABASE "+app.database+" TO PUBLIC")
		revoke := app.plan(t, server)
		execute(t, f, "postgres", "ALTER DATABASE "+app.database+" OWNER TO postgres")
		i := slices.IndexFunc(revoke.Steps, func(s postgres.Step) bool { return strings.HasPrefix(s.Statement.String(), "REVOKE ") })
		if i < 0 {
			t.Fatalf("%d: nothing is revoked:\n%s", version, revoke.SQL("postgres"))
		}
		fresh := newApplication(t)
		plan := fresh.plan(t, server)
		middle := slices.Clone(plan.Steps[:3])
		middle = append(middle, revoke.Steps[i], plan.Steps[3])
		for j := range middle {
			middle[j].Transaction = 1
		}
		failed := mustFail(t, server, postgres.Plan{Steps: middle}, fresh.values, "01006")
		if failed.Step.Statement.String() != revoke.Steps[i].Statement.String() {
			t.Errorf("%d: failed is %s", version, failed.Step.Statement)
		}
		if n := count(t, f, "postgres", "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1 || '%'", fresh.database); n != 0 {
			t.Errorf("%d: %d roles stayed", version, n)
		}
		fresh.provision(t, server)
	}
}
