package runner

import (
	"math/rand/v2"
	"time"

	"k8s.io/client-go/util/workqueue"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// What failed is tried again after backoffFirst, then after twice that, up to
// backoffLongest. What is overdue waits for something that is not watched, such as the end of
// a pod, and is looked at every overdueInterval.
const (
	backoffFirst    = time.Second
	backoffLongest  = 5 * time.Minute
	overdueInterval = 5 * time.Minute
)

// jitter returns a time to wait, shortened by up to a quarter at random, so that what failed
// together is not tried again together.
func jitter(d time.Duration) time.Duration {
	if d < 4 {
		return d
	}
	return d - rand.N(d/4) //nolint:gosec // nobody gains by guessing it
}

// backoff decides how long a resource that failed waits: longer with each failure.
type backoff struct {
	workqueue.TypedRateLimiter[key]
}

func newBackoff() backoff {
	return backoff{workqueue.NewTypedItemExponentialFailureRateLimiter[key](backoffFirst, backoffLongest)}
}

// When implements workqueue.TypedRateLimiter.
func (b backoff) When(k key) time.Duration { return jitter(b.TypedRateLimiter.When(k)) }

// due returns when a user needs another run although nothing changes: at its next rotation, the
// end of its old login, or its expiry, whichever comes first. Zero: never.
func due(user *v1alpha1.DatabaseUser, now time.Time) time.Time {
	var first time.Time
	at := func(t time.Time) {
		if t = t.Add(time.Second); !t.After(now) { // a status has whole seconds
			t = now.Add(overdueInterval)
		}
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	if r := user.Status.Rotation; r != nil {
		if r.NextTime != nil {
			at(r.NextTime.Time)
		}
		if r.OldUsername != "" && r.OldUntil != nil {
			at(r.OldUntil.Time)
		}
	}
	if user.Spec.ExpiresAt != nil && user.Status.Phase != v1alpha1.PhaseExpired {
		at(user.Spec.ExpiresAt.Time)
	}
	return first
}
