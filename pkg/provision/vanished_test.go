package provision_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// TestDatabaseVanishesBeforeItsStep drops somebody else's database, in which the login holds
// something, after it was planned to take that away: the run begins anew, without it.
func TestDatabaseVanishesBeforeItsStep(t *testing.T) {
	s := newSite(t)
	p := s.provisioner(t, "", nil)
	request := s.application()
	if err := p.Provision(t.Context(), request, goOn); err != nil {
		t.Fatal(err)
	}
	execute := func(database string, statements ...string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), s.postgres.SuperuserURL(database))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		for _, statement := range statements {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	legacy := s.prefix + "_legacy"
	execute("postgres", "CREATE DATABASE "+legacy+" OWNER "+s.postgres.Admin)
	execute(legacy, "GRANT USAGE ON SCHEMA public TO "+s.prefix+"_api")

	user, err := p.User(t.Context(), s.id, request.Users[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	plans := 0
	err = p.Provision(t.Context(), provision.Request{Users: []*v1alpha1.DatabaseUser{user}}, func(job *provision.Job) error {
		plans++
		if plans == 1 {
			if plan := job.Plan.SQL("postgres"); !strings.Contains(plan, `\connect "`+legacy+`"`) {
				t.Errorf("nothing is planned in %s:\n%s", legacy, plan)
			}
			execute("postgres", "DROP DATABASE "+legacy)
		}
		return nil
	})
	if err != nil || plans != 2 {
		t.Errorf("%d plans, %v", plans, err)
	}
	if user, err = p.User(t.Context(), s.id, user.Name); err != nil || user.Status.Phase != v1alpha1.PhaseReady {
		t.Errorf("phase %s, %v", user.Status.Phase, err)
	}
}
