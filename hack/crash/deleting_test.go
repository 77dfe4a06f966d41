package crash_test

import (
	"slices"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// TestDeletedAfterAKilledFirstRun kills the first run of a user once its login is there, and
// then deletes the user together with its database: the login goes, although no resource
// that is left names its server but the user itself.
func TestDeletedAfterAKilledFirstRun(t *testing.T) {
	e := newEnvironment(t)
	create := func(s *site) []string { return []string{"user", "create", s.user, "--database", s.database} }
	clean := newSite(t, e, false)
	createDatabase(t, clean)
	clean.journal.Watch(crash.Point{}, nil)
	clean.mustRun(t, create(clean)...)
	writes := clean.journal.Writes()
	made := slices.IndexFunc(writes, func(w crash.Write) bool { return w.What == "CREATE ROLE" })
	committed := made + slices.IndexFunc(writes[max(made, 0):], func(w crash.Write) bool { return w.What == "COMMIT" })
	if made < 0 || committed < made {
		t.Fatalf("the writes are %v", writes)
	}

	s := newSite(t, e, false)
	createDatabase(t, s)
	s.runAndKill(t, crash.Point{Number: committed + 1}, create(s)...)
	s.checkLoginNames(t, s.userName())
	f := &fleet{site: s}
	f.delete(t, v1alpha1.Databases, s.database)
	f.delete(t, v1alpha1.DatabaseUsers, s.user)
	s.mustRun(t, "reconcile")
	s.checkLoginNames(t)
	if left := s.list(t, v1alpha1.DatabaseUsers); len(left) > 0 {
		t.Errorf("the DatabaseUser is still there: %v", left[0].Object["status"])
	}
	for _, left := range s.secrets(t) {
		t.Errorf("secret %s is still there", left.Name)
	}
}
