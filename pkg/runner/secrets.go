package runner

import (
	"context"
	"errors"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// secretInterval is how often it is looked for managed Secrets whose time has come.
// Secrets are not watched: who watches them has the values of all of them.
const secretInterval = time.Minute

// secrets is what the runner knows of managed Secrets. One goroutine looks.
type secrets struct {
	// expired holds when those Secrets expired of which that was told.
	expired map[key]time.Time
	// counted is when it was looked last for revisions that are too many.
	counted time.Time
}

// lookAtSecrets looks for managed Secrets whose time has come until ctx ends.
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

// dueSecrets asks for a run of each Secret for which something is to be done, and tells
// which have expired since the last look. One that has failed waits for its time. All
// revisions are listed once in a resync only: there are many of them.
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

// secret does what time asks for of a managed Secret, as the API server has it now.
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
		if errors.Is(ctx.Err(), context.Canceled) && result.Err != nil { // who was interrupted has found nothing out
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

func (r *runner) tellSecret(ctx context.Context, k key, result provision.Result, took time.Duration) {
	r.metrics.add(result, took, r.Provisioner.Now())
	r.pass(result, took, r.events.tellSecret(ctx, k, result))
}
