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

// TestClaims checks that two runs are never about one resource, and that who finds it
// taken is told when it is free.
func TestClaims(t *testing.T) {
	c := newClaims()
	db, user, other, third := key{name: "db"}, key{name: "user"}, key{name: "other"}, key{name: "third"}
	if !c.take(user, []key{user, db}) || c.take(db, []key{db, other}) || c.take(third, []key{third, db}) {
		t.Error("a resource is claimed twice, or none can be")
	}
	if !c.take(other, []key{other}) {
		t.Error("who found one resource taken has kept another one")
	}
	if waited := c.release([]key{user, db}); len(waited) != 2 || waited[0] != db || waited[1] != third {
		t.Errorf("those who waited are %v", waited)
	}
	if waited := c.release([]key{other}); len(waited) != 0 || !c.take(db, []key{db, other}) {
		t.Errorf("what was given back is taken: %v", waited)
	}
}

// TestClaimsOf checks what a run is about.
func TestClaimsOf(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "shop", Name: "x"}
	d := func(namespace, name string) key { return key{v1alpha1.KindDatabase, namespace, name} }
	u := func(namespace, name string) key { return key{v1alpha1.KindDatabaseUser, namespace, name} }
	user := &v1alpha1.DatabaseUser{ObjectMeta: meta}
	user.Spec.DatabaseRefs = []v1alpha1.DatabaseAccess{{Name: "a"}, {Name: "b", Namespace: "team"}}
	user.Status.Databases = []v1alpha1.DatabaseAccessStatus{{Name: "a", Namespace: "shop"}, {Name: "c", Namespace: "shop"}}
	db := &v1alpha1.Database{ObjectMeta: meta}
	owned := db.DeepCopy()
	owned.Spec.Owner = "api"
	for _, c := range []struct {
		got, want []key
	}{
		{claimsOfUser(user), []key{u("shop", "x"), d("shop", "a"), d("team", "b"), d("shop", "c")}},
		{claimsOfDatabase(db), []key{d("shop", "x")}},
		{claimsOfDatabase(owned), []key{d("shop", "x"), u("shop", "api")}},
	} {
		if len(c.got) != len(c.want) {
			t.Errorf("got %v, want %v", c.got, c.want)
			continue
		}
		for i := range c.want {
			if c.got[i] != c.want[i] {
				t.Errorf("got %v, want %v", c.got, c.want)
			}
		}
	}
}
