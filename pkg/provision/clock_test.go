package provision

import (
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// defaultGrace is the grace period of a user who says nothing.
var defaultGrace = (&v1alpha1.DatabaseUser{}).GracePeriod()

// TestRotationWhenTheClockJumps lets our clock be wrong by months, while that of the API
// server, which says when a revision was made, is right. A user is rotated once for it, not
// once a run, and its old login keeps its grace period; when the clock is right again the
// schedule is that of the API server's clock.
func TestRotationWhenTheClockJumps(t *testing.T) {
	for name, strategy := range map[string]func(*passwordState){"alternate": every30Days, "in place": inPlace} {
		t.Run(name, func(t *testing.T) {
			u := &userJob{user: rotating(strategy).user, secrets: []*userSecret{{}}}
			server, jump := made.Add(time.Hour), 400*day
			s := rotating(strategy)
			// run decides as a run does at a time of ours, and writes the status.
			run := func(now time.Time) rotation {
				t.Helper()
				s.now, s.user = now, u.user
				s.live = s.wentLive()
				r, err := s.decide()
				if err != nil {
					t.Fatal(err)
				}
				if u.rotation = r; r.rotate {
					u.secrets[0].revision = revision.Revision{Entry: revision.Entry{Time: server}}
					s.since, s.otherExists = server, name == "alternate"
					s.newest.Data["username"] = []byte(r.login)
				} else {
					u.rotation.live = s.live
				}
				u.user.Status.Rotation = u.rotationStatus(now)
				return r
			}
			if run(server).rotate {
				t.Fatal("it is rotated before its time")
			}
			if !run(server.Add(jump)).rotate {
				t.Fatal("it is not rotated although our clock says that it is due")
			}
			for i := range 5 {
				server = server.Add(time.Hour)
				if r := run(server.Add(jump)); r.rotate || r.dropOther {
					t.Fatalf("run %d after the rotation: rotates %v, ends the old login %v", i+1, r.rotate, r.dropOther)
				}
			}
			if r := run(server); r.rotate || r.dropOther {
				t.Errorf("when the clock is right again: rotates %v, ends the old login %v", r.rotate, r.dropOther)
			}
			status := u.user.Status.Rotation
			if got, want := status.NextTime.Time, s.since.Add(30*day); !got.Equal(want) {
				t.Errorf("the next rotation is at %s, want %s", got, want)
			}
			if status.LastTime.After(server) || status.OldUntil != nil && status.OldUntil.After(server.Add(2*defaultGrace)) {
				t.Errorf("times that are to come too late: %+v", status)
			}
		})
	}
}
