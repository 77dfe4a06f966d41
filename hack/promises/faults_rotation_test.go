package promises

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// TestRotationReturnsOnceReady: a resource that was Ready was not looked at again, so
// that its password never became too old.
func TestRotationReturnsOnceReady(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		s.database(t, "orders", nil)
		for _, strategy := range []string{"Alternate", "InPlace"} {
			s.user(t, strings.ToLower(strategy), "orders", "readwrite", map[string]any{"rotation": map[string]any{"days": int64(7), "strategy": strategy, "gracePeriod": "24h"}})
		}
		s.settle(t)
		before := map[string]map[string]string{}
		for _, user := range []string{"alternate", "inplace"} {
			var resource v1alpha1.DatabaseUser
			if s.get(t, v1alpha1.KindDatabaseUser, user, &resource); resource.Status.Phase != v1alpha1.PhaseReady {
				t.Fatalf("%s is %+v", user, resource.Status)
			}
			before[user] = s.credential(t, s.name, s.of(user)+"-credentials")
		}
		s.passed = 6 * 24 * time.Hour
		s.settle(t)
		for user, credential := range before {
			if s.password(t, user) != credential["password"] {
				t.Errorf("%s was rotated after six days", user)
			}
		}
		s.passed = 8 * 24 * time.Hour
		s.reconcileQuickly(t)
		checkRotated(t, s, before["alternate"], s.credential(t, s.name, s.of("alternate")+"-credentials"), true)
		checkRotated(t, s, before["inplace"], s.credential(t, s.name, s.of("inplace")+"-credentials"), false)
		s.passed = 25 * time.Hour // after the rotation, whose time is that of the API server
		s.reconcileQuickly(t)
		if left := s.ask(t, "postgres", "SELECT rolname FROM pg_roles WHERE rolname = $1", before["alternate"]["username"]); len(left) > 0 {
			t.Error("the old login is there after its grace period")
		}
		s.login(t, "alternate")
		s.login(t, "inplace")
	})
}

func (s *site) reconcileQuickly(t *testing.T) {
	t.Helper()
	err := s.Reconcile(t.Context(), s.name, provision.Bulk{Quick: true, Done: func(r provision.Result) {
		if r.Action == provision.ActionFailed {
			t.Errorf("%+v", r)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// checkRotated expects another password that works, and of the old one that it works
// for as long as the strategy says.
func checkRotated(t *testing.T, s *site, before, after map[string]string, alternates bool) {
	t.Helper()
	if before["password"] == after["password"] || (before["username"] == after["username"]) == alternates {
		t.Fatalf("%s was not rotated: the Secret names %s", before["username"], after["username"])
	}
	for _, login := range []struct {
		credential map[string]string
		works      bool
	}{{after, true}, {before, alternates}} {
		conn, err := pgx.Connect(t.Context(), login.credential["uri"])
		if err == nil {
			closeSession(conn)
		}
		if (err == nil) != login.works {
			t.Errorf("%s logs in: %v", login.credential["username"], err)
		}
	}
}
