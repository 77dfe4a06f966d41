package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// mustFail applies a plan that fails with a SQLSTATE, and returns the error.
func mustFail(t *testing.T, s *postgres.Server, plan postgres.Plan, values postgres.Values, code string) *postgres.StepError {
	t.Helper()
	err := s.Apply(context.Background(), plan, values, nil)
	var failed *postgres.StepError
	var cause *pgconn.PgError
	if !errors.As(err, &failed) || !errors.As(err, &cause) || cause.Code != code {
		t.Fatalf("got %v, want SQLSTATE %s", err, code)
	}
	return failed
}

// TestEveryPrefixCanBeCompleted stops a plan after each of its transactions: a new
// plan completes it, and then nothing is left to do.
func TestEveryPrefixCanBeCompleted(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		for stop := 0; ; stop++ {
			app, server := newApplication(t), f.dial(t)
			plan := app.plan(t, server)
			var ends []int // where a run can have stopped
			for i, s := range plan.Steps {
				if s.Transaction == 0 || i+1 == len(plan.Steps) || plan.Steps[i+1].Transaction != s.Transaction {
					ends = append(ends, i+1)
				}
			}
			if stop == len(ends) {
				if stop < 4 {
					t.Errorf("the plan has only %d parts", stop)
				}
				return
			}
			prefix := postgres.Plan{Steps: plan.Steps[:ends[stop]]}
			if err := server.Apply(context.Background(), prefix, app.values, nil); err != nil {
				t.Fatal(err)
			}
			server.Close()
			server = f.dial(t)
			app.provision(t, server)
			if rest := app.plan(t, server); !rest.Empty() {
				t.Errorf("stopped after %d steps; left are:\n%s", ends[stop], rest.SQL("postgres"))
			}
			if _, err := app.connect(t, f, app.loginOf(postgres.Admin), app.database); err != nil {
				t.Errorf("stopped after %d steps: %v", ends[stop], err)
			}
		}
	})
}

// TestLoweringCanBeCompleted stops the plan that takes a login's admin rights before
// it has ended the login's sessions.
func TestLoweringCanBeCompleted(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		ctx, server, app := context.Background(), f.dial(t), newApplication(t)
		app.provision(t, server)
		session := app.mustConnect(t, f, postgres.Admin)
		login := app.loginOf(postgres.Admin)
		app.desired = change(app.desired, login, func(l *postgres.DesiredLogin) {
			l.Access = map[string]postgres.Privilege{app.database: postgres.ReadOnly}
		})
		plan := app.plan(t, server)
		end := slices.IndexFunc(plan.Steps, func(s postgres.Step) bool { return s.Risk == postgres.EndsSessions })
		if end < 0 {
			t.Fatalf("no session ends:\n%s", plan.SQL("postgres"))
		}
		if err := server.Apply(ctx, postgres.Plan{Steps: plan.Steps[:end]}, app.values, nil); err != nil {
			t.Fatal(err)
		}
		app.provision(t, server)
		if _, err := session.Exec(ctx, "CREATE TABLE app.t (id int)"); err == nil {
			t.Error("the session kept its rights")
		}
		app.settled(t, server)
	})
}

// TestApplyRollsBack lets a statement fail in each kind of transaction: nothing of
// the transaction stays, what was committed before does, and a new plan completes it.
func TestApplyRollsBack(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		server, app := f.dial(t), newApplication(t)
		plan := app.plan(t, server)
		last := app.desired.Logins[2].Name
		execute(t, f, "postgres", "CREATE ROLE "+last)
		failed := mustFail(t, server, plan, app.values, "42710")
		want := `create login "` + last + `": role "` + last + `" already exists (SQLSTATE 42710)`
		if failed.Error() != want || failed.Hint() != "somebody created it at this moment: run the command again to see whose it is" {
			t.Errorf("got %s\n%s\nwant %s", failed, failed.Hint(), want)
		}
		if n := count(t, f, "postgres", "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1 || '%'", app.database); n != 1 {
			t.Errorf("%d roles are there, want the foreign one", n)
		}
		execute(t, f, "postgres", "DROP ROLE "+last)
		app.provision(t, server) // over the same session: no transaction is left open

		execute(t, f, app.database, "DROP SCHEMA app", "ALTER DEFAULT PRIVILEGES FOR ROLE "+postgres.GroupsOf(app.database).Owner+" REVOKE SELECT ON TABLES FROM "+postgres.GroupsOf(app.database).ReadOnly)
		plan = app.plan(t, server)
		execute(t, f, app.database, "CREATE SCHEMA app")
		failed = mustFail(t, server, plan, app.values, "42P06")
		if want := `create schema "app" in database "` + app.database + `": schema "app" already exists (SQLSTATE 42P06)`; failed.Error() != want {
			t.Errorf("got %s\nwant %s", failed, want)
		}
		if rest := app.plan(t, server).SQL("postgres"); !strings.Contains(rest, "GRANT SELECT ON TABLES") {
			t.Errorf("the statement before the failing one stayed; left are:\n%s", rest)
		}
		execute(t, f, app.database, "DROP SCHEMA app")
		app.provision(t, server)
		app.settled(t, server)
	})
}

// TestApplyChecksValuesFirst checks that nothing runs when the last value is wrong.
func TestApplyChecksValuesFirst(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		server, app := f.dial(t), newApplication(t)
		plan, last := app.plan(t, server), app.desired.Logins[2].Name
		for _, bad := range []string{"", "a plain password", "x' SUPERUSER --"} {
			app.values.Verifiers[last] = secret.NewValue([]byte(bad))
			err := server.Apply(context.Background(), plan, app.values, func(s postgres.Step) { t.Errorf("%s %s was started", s.Verb, s.Object) })
			var failed *postgres.StepError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), "no SCRAM verifier for role") || bad != "" && strings.Contains(err.Error(), bad) {
				t.Errorf("%q: got %v", bad, err)
			}
		}
		if n := count(t, f, "postgres", "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1 || '%'", app.database); n != 0 {
			t.Errorf("%d roles were created", n)
		}
		if plan := app.plan(t, server); plan.Empty() {
			t.Error("the session sees roles of an open transaction")
		}
	})
}

// TestRevokeThatOnlyWarns checks that a REVOKE without effect is a failure: on a
// database that has stopped being the admin's since it was planned, and on a membership that another role
// granted.
func TestRevokeThatOnlyWarns(t *testing.T) {
	f := newFixture(t, 18, false)
	server, app := f.dial(t), newApplication(t)
	app.provision(t, server)
	execute(t, f, "postgres", "GRANT CONNECT ON DATABASE "+app.database+" TO PUBLIC")
	plan := app.plan(t, server)
	execute(t, f, "postgres", "ALTER DATABASE "+app.database+" OWNER TO postgres")
	failed := mustFail(t, server, plan, app.values, "01006")
	if !strings.Contains(failed.Hint(), "the admin role lacks a right") {
		t.Errorf("hint %q", failed.Hint())
	}
	execute(t, f, "postgres", "ALTER DATABASE "+app.database+" OWNER TO "+f.login.Username)
	app.provision(t, server)

	group, login := postgres.GroupsOf(app.database).Owner, app.loginOf(postgres.ReadOnly)
	execute(t, f, "postgres", "GRANT "+group+" TO "+login)
	failed = mustFail(t, server, app.plan(t, server), app.values, "01000")
	if !strings.Contains(failed.Error(), "has not been granted membership") || !strings.Contains(failed.Hint(), "another role granted it") {
		t.Errorf("got %s\n%s", failed, failed.Hint())
	}
	execute(t, f, "postgres", "REVOKE "+group+" FROM "+login)
	app.provision(t, server)
}

// TestCancelledApply checks that a run that is cancelled leaves nothing half done.
func TestCancelledApply(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		server, app := f.dial(t), newApplication(t)
		plan := app.plan(t, server)
		ctx, cancel := context.WithCancel(context.Background())
		steps := 0
		err := server.Apply(ctx, plan, app.values, func(postgres.Step) {
			if steps++; steps == 5 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		server.Close()
		server = f.dial(t)
		if n := count(t, f, "postgres", "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1 || '%'", app.database); n != 0 {
			t.Errorf("%d roles are there", n)
		}
		app.provision(t, server)
	})
}

// TestPlanHoldsNoSecret checks every way to look at a plan.
func TestPlanHoldsNoSecret(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		server, app := f.dial(t), newApplication(t)
		for i := range app.desired.Logins {
			app.desired.Logins[i].SetPassword = true
		}
		for range 2 { // for new logins, and for those that exist
			plan := app.provision(t, server)
			if n := strings.Count(plan.SQL("postgres"), "PASSWORD '<verifier>'"); n != 3 {
				t.Errorf("%d passwords are set", n)
			}
			checkNoSecret(t, app, plan)
		}
	})
}

// checkNoSecret looks for verifiers and passwords in everything that a plan prints.
func checkNoSecret(t *testing.T, app *application, plan postgres.Plan) {
	t.Helper()
	prints := []string{plan.SQL("postgres"), plan.Hash(), fmt.Sprintf("%v", plan), fmt.Sprintf("%+v", plan), fmt.Sprintf("%#v", plan), fmt.Sprintf("%+v", app.values)}
	for login, password := range app.passwords {
		for _, text := range prints {
			if strings.Contains(text, password.Reveal()) || strings.Contains(text, app.values.Verifiers[login].Reveal()) || strings.Contains(text, "SCRAM-SHA-256$") {
				t.Fatalf("a secret of %s is in %s", login, text)
			}
		}
	}
}
