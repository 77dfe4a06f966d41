package revision_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// TestRotateByASlowClock lets the clock of the API server be a little ahead of that of who
// rotates: the next run finds nothing to write.
func TestRotateByASlowClock(t *testing.T) {
	f := newFixture(t)
	rules := secret.Rotation{}.With(30, keyA)
	f.set("app", "A=1")
	f.patch("app", fmt.Sprintf(`{"metadata":{"annotations":{"dbtether.io/rotation":%q,"dbtether.io/rotated-at":"2026-01-01T00:00:00Z"}}}`, rules))
	due := revision.Regeneration{Now: time.Now().Add(-3 * time.Second), Keys: keyA, IfDue: true}
	for i, wrote := range []bool{true, false} {
		if w, err := f.rotate(f.store, "app", due); err != nil || w.Wrote != wrote || w.Revision.Number != 2 {
			t.Errorf("run %d: %+v, %v", i+1, w, err)
		}
	}
}

// TestRotateWhenTheClockJumps lets the clock of who rotates be ahead by months and then be
// put right, while that of the API server stands. The Secret gets new values once, and its
// next time is counted from when it really did.
func TestRotateWhenTheClockJumps(t *testing.T) {
	f := newFixture(t)
	rules := secret.Rotation{}.With(30, keyA)
	f.set("app", "A=1")
	now := time.Now()
	if _, err := f.rotate(f.store, "app", revision.Regeneration{Now: now, Keys: keyA, Rotation: &rules}); err != nil {
		t.Fatal(err)
	}
	// run does what a runner does at a time of its own, and returns the revision after it.
	run := func(at time.Time) int64 {
		t.Helper()
		due := f.head("app").Due(at)
		if due.Err != nil {
			t.Fatal(due.Err)
		}
		if len(due.Rotate) > 0 {
			if _, err := f.rotate(f.store, "app", revision.Regeneration{Now: at, Keys: due.Rotate, IfDue: true}); err != nil {
				t.Fatal(err)
			}
		}
		return f.stand("app").Revision()
	}
	const jump = 400 * 24 * time.Hour
	for i, step := range []struct {
		at   time.Time
		want int64
	}{{now, 2}, {now.Add(jump), 3}, {now.Add(jump + time.Hour), 3}, {now, 3}, {now.Add(time.Hour), 3}, {now.Add(31 * 24 * time.Hour), 4}} {
		if got := run(step.at); got != step.want {
			t.Errorf("step %d: revision %d, want %d", i, got, step.want)
		}
		written := f.stand("app").Annotations()[v1alpha1.AnnotationRotatedAt]
		if at, err := time.Parse(time.RFC3339, written); err != nil || at.After(step.at.Add(time.Minute)) {
			t.Errorf("step %d: rotated at %s, %v, which is still to come at %s", i, written, err, step.at)
		}
	}
}
