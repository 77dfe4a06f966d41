package runner_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
)

// TestOwnerChanges checks that who no longer owns a Database is its administrator no more at
// once, and not when its turn comes.
func TestOwnerChanges(t *testing.T) {
	s := newSite(t)
	name := "owner-" + s.id
	s.namespace(t, name)
	s.cluster(t, name, name, nil)
	for _, db := range []string{"orders", "other"} {
		if err := s.create(t, v1alpha1.KindDatabase, name, db, map[string]any{"clusterRef": map[string]any{"name": name}, "databaseName": db + "_" + s.id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range []string{"first", "second"} {
		if err := s.create(t, v1alpha1.KindDatabaseUser, name, user, map[string]any{"databaseRef": map[string]any{"name": "other"}, "username": user + "_" + s.id}); err != nil {
			t.Fatal(err)
		}
	}
	w := s.start(t, s.admin, func(o *runner.Options) { o.Namespace = name })
	for _, user := range []string{"first", "second"} {
		s.waitPhase(t, v1alpha1.KindDatabaseUser, name, user, v1alpha1.PhaseReady)
	}
	for _, c := range []struct{ owner, want string }{{`"first"`, "first_" + s.id}, {`"second"`, "second_" + s.id}, {`null`, ""}} {
		w.awaitIdle() // a run that is still to come would find out as well
		s.patch(t, v1alpha1.KindDatabase, name, "orders", `{"spec":{"owner":`+c.owner+`}}`)
		eventually(t, "the owner is "+c.owner, func() error {
			have := s.query(t, `SELECT member::regrole::text FROM pg_auth_members WHERE roleid = $1::regrole AND member::regrole::text ~ '^(first|second)_' ORDER BY 1`, "orders_"+s.id+"_owner")
			if have != c.want {
				return fmt.Errorf("members of the owner group: %q", have)
			}
			return nil
		})
	}
	w.stop()
}

// awaitIdle waits until nothing has been worked on for a while.
func (w *atWork) awaitIdle() {
	w.t.Helper()
	done, since := 0, time.Now()
	eventually(w.t, "the runner is idle", func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := len(w.results); n != done {
			done, since = n, time.Now()
		}
		if time.Since(since) < 2*time.Second {
			return errors.New("it works")
		}
		return nil
	})
}
