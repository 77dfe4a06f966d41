package runner

import (
	"context"
	"errors"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// secretInterval is how often the runner looks for managed Secrets of which something is due.
// It does not watch Secrets: a watch would hold the values of all of them.
const secretInterval = time.Minute

// secrets is what the runner knows of managed Secrets. One goroutine looks.
type secrets struct {
	// expired holds the Secrets that were told to have expired, and when they did.
	expired map[key]time.Time
	// counted is when revisions were last listed, to find those that are too many.
	counted time.Time
}

// lookAtSecrets looks, again and again until ctx ends, for managed Secrets of which something
// is due.
func (r *runner) lookAtSecrets(ctx context.Context) {
	interval := r.SecretInterval
	if interval == 0 {
		interval = secretInterval
	}
	for {
		if err := r.dueSecrets(ctx); err != nil && ctx.Err() == nil {
			r.metrics.errors.WithLabelValues("look", string(provision.WhyOf(err))).Inc()
			r.Log.Warn("cannot look for secrets whose time has come: it is tried again", "error", err.Error())
		}
		timer := time.NewTimer(jitter(interval))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// dueSecrets asks for a run of each Secret for which something is to be done, and tells which
// have expired since the last look. A Secret that failed waits for its own retry. The
// revisions, of which there are many, are listed once in each resync only.
func (r *runner) dueSecrets(ctx context.Context) error {
	now := r.Provisioner.Now()
	count := now.Sub(r.secrets.counted) >= r.Resync
	due, err := r.Provisioner.DueSecrets(ctx, r.Namespace, count)
	if err != nil {
		return err
	}
	if count {
		r.secrets.counted = now
	}
	told, work := map[key]time.Time{}, 0
	for _, d := range due {
		k := key{provision.KindSecret, d.Namespace, d.Name}
		if d.Work() {
			work++
		}
		if d.Work() && r.queue.NumRequeues(k) == 0 {
			r.queue.Add(k)
		}
		if d.Expired.IsZero() {
			continue
		}
		told[k] = d.Expired
		if !r.secrets.expired[k].Equal(d.Expired) {
			r.expire(ctx, k, d)
		}
	}
	r.secrets.expired = told
	r.metrics.expired.Set(float64(len(told)))
	r.metrics.secretsDue.Set(float64(work))
	return nil
}

// expire tells that a Secret has expired.
func (r *runner) expire(ctx context.Context, k key, due revision.Due) {
	r.tellSecret(ctx, k, provision.ExpiredSecret(due), 0)
}

// secret does what is due of a managed Secret, as the API server has it now.
func (r *runner) secret(ctx context.Context, k key, started time.Time) {
	due, found, err := r.Provisioner.DueSecret(ctx, k.namespace, k.name)
	results := []provision.Result{}
	switch {
	case err != nil:
		results = append(results, failure(k, err))
	case found:
		results = r.Provisioner.ReconcileSecret(ctx, due)
	}
	failed := false
	for _, result := range results {
		if errors.Is(ctx.Err(), context.Canceled) && result.Err != nil { // it was interrupted, and says nothing
			continue
		}
		failed = failed || result.Err != nil
		tellSpan(ctx, result)
		r.tellSecret(ctx, k, result, r.Provisioner.Now().Sub(started))
	}
	if failed {
		r.retry(k)
		return
	}
	r.forget(k)
	r.events.forget(k)
}

// tellSecret passes the result of a managed Secret on.
func (r *runner) tellSecret(ctx context.Context, k key, result provision.Result, took time.Duration) {
	r.metrics.add(result, took, r.Provisioner.Now())
	r.pass(result, took, r.events.tellSecret(ctx, k, result))
}
