package crash_test

import (
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
)

// restoring gives a login the password of an earlier revision, on both servers.
var restoring = command{name: "secret rollback of a credential", gap: true, prepare: rotatedInPlace, args: restore,
	writes: []string{"POST secrets", "ALTER ROLE", "PATCH secrets", "PATCH databaseusers/status"}, check: checkRestored}

// restore names the revision: the one before is another one as soon as it is live.
func restore(s *site) []string {
	return []string{"secret", "rollback", s.secretName(), "--to-revision=1"}
}

func rotatedInPlace(t *testing.T, s *site) {
	createRotatable("24h", "InPlace")(t, s)
	s.mustRun(t, userRotate(s)...)
}

// checkRestored expects that the login has its first password again, and no other.
func checkRestored(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 3)
	s.checkLoginNames(t, s.userName())
	s.checkLogin(t, s.databaseName()+"_owner")
	s.checkLoginTo(t, s.revision(t, 1), s.databaseName(), s.userName(), s.databaseName()+"_owner")
	s.checkRefused(t, s.revision(t, 2))
}

// TestRestoreLeftToReconcile kills the rollback of a credential at each of its writes. The
// next reconcile finishes it, or finds that nothing of it was begun.
func TestRestoreLeftToReconcile(t *testing.T) {
	e := newEnvironment(t)
	clean := runClean(t, e, restoring)
	if t.Failed() {
		return
	}
	each(pointsOf(clean.writes), func(p crash.Point) {
		t.Run(pointName(p, clean.writes), func(t *testing.T) {
			s := newSite(t, e, false)
			restoring.prepare(t, s)
			before := s.histories(t)
			s.watchLogins(t, restoring)
			s.runAndKill(t, p, restoring.args(s)...)
			s.checkLiveLogins(t, restoring, "after the kill")
			killed := s.histories(t)
			s.mustRun(t, reconcile(s)...)
			after := s.histories(t)
			checkKept(t, before, after)
			checkKept(t, killed, after)
			s.checkHistory(t, s.secretName())
			if len(killed[s.secretName()].revisions) > 2 {
				checkRestored(t, s)
				if got := s.state(t); got != clean.state {
					t.Errorf("the state differs from that after a rollback that was not killed:\n%s", diff(clean.state, got))
				}
			} else {
				checkNotRestored(t, s)
			}
			s.checkSettled(t)
		})
	})
}

// checkNotRestored expects that the login has its second password still.
func checkNotRestored(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 2)
	s.checkLogin(t, s.databaseName()+"_owner")
	s.checkRefused(t, s.revision(t, 1))
}
