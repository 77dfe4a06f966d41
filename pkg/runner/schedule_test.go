package runner

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// TestDue checks when time alone asks for a run.
func TestDue(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) *metav1.Time {
		moment := metav1.NewTime(now.Add(d))
		return &moment
	}
	for _, c := range []struct {
		name     string
		rotation *v1alpha1.RotationStatus
		expires  *metav1.Time
		phase    string
		want     time.Duration // after now; 0: never
	}{
		{name: "nothing"},
		{name: "next rotation", rotation: &v1alpha1.RotationStatus{NextTime: at(time.Hour)}, want: time.Hour + time.Second},
		{name: "rotation that is overdue", rotation: &v1alpha1.RotationStatus{NextTime: at(-time.Hour)}, want: overdueInterval},
		{name: "end of the old login", rotation: &v1alpha1.RotationStatus{NextTime: at(2 * time.Hour), OldUsername: "x", OldUntil: at(time.Hour)}, want: time.Hour + time.Second},
		{name: "old login that a pod holds", rotation: &v1alpha1.RotationStatus{OldUsername: "x", OldUntil: at(-time.Hour)}, want: overdueInterval},
		{name: "no old login", rotation: &v1alpha1.RotationStatus{OldUntil: at(time.Hour)}},
		{name: "expiry", expires: at(time.Minute), want: time.Minute + time.Second},
		{name: "expiry before the rotation", rotation: &v1alpha1.RotationStatus{NextTime: at(time.Hour)}, expires: at(time.Minute), want: time.Minute + time.Second},
		{name: "expired", expires: at(-time.Minute), phase: v1alpha1.PhaseExpired},
	} {
		user := &v1alpha1.DatabaseUser{Spec: v1alpha1.DatabaseUserSpec{ExpiresAt: c.expires}, Status: v1alpha1.DatabaseUserStatus{Rotation: c.rotation, Phase: c.phase}}
		got := due(user, now)
		if c.want == 0 && !got.IsZero() || c.want != 0 && !got.Equal(now.Add(c.want)) {
			t.Errorf("%s: due at %v, want %v after %v", c.name, got, c.want, now)
		}
	}
}

// TestBackoff checks that what fails waits twice as long each time, up to a bound, by not
// quite the same time as what failed with it.
func TestBackoff(t *testing.T) {
	b, one, other := newBackoff(), key{name: "one"}, key{name: "other"}
	distinct := map[time.Duration]bool{}
	for i := range 20 {
		most := min(backoffFirst<<i, backoffLongest)
		for _, k := range []key{one, other} {
			if got := b.When(k); got > most || got < most*3/4 {
				t.Errorf("after %d failures %s waits %s, want up to a quarter less than %s", i+1, k.name, got, most)
			} else {
				distinct[got] = true
			}
		}
	}
	if len(distinct) < 30 {
		t.Errorf("of 40 times only %d differ", len(distinct))
	}
	b.Forget(one)
	if got := b.When(one); got > backoffFirst {
		t.Errorf("what was changed waits %s", got)
	}
	if got := b.When(other); got < backoffLongest*3/4 {
		t.Errorf("another was forgotten with it: it waits %s", got)
	}
}
