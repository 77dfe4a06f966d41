package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// KindSecret is the kind of results about managed Secrets.
const KindSecret = "Secret"

// DueSecrets returns what time asks for of the managed Secrets of a namespace ("" means
// all), and which have expired. It reads no values. Which revisions are too many is looked
// at only if that is asked for, because there are many of them.
func (p *Provisioner) DueSecrets(ctx context.Context, namespace string, revisions bool) ([]revision.Due, error) {
	return p.revisions().Due(ctx, namespace, p.Now(), revisions)
}

// DueSecret is DueSecrets for one of them, revisions included; false: there is no such
// Secret.
func (p *Provisioner) DueSecret(ctx context.Context, namespace, name string) (revision.Due, bool, error) {
	return p.revisions().DueOf(ctx, namespace, name, p.Now())
}

// ReconcileSecrets does what time asks for of the managed Secrets of a namespace ("" means
// all), and says which have expired: done is told of each result, in order, by one caller
// at a time. One Secret's failure does not stop the others. The error is set when the
// Secrets could not be listed, or ctx ended before all were done.
func (p *Provisioner) ReconcileSecrets(ctx context.Context, namespace string, done func(Result)) error {
	due, err := p.DueSecrets(ctx, namespace, true)
	if err != nil {
		return err
	}
	inOrder(ctx, len(due), func(i int) []Result {
		results := p.ReconcileSecret(ctx, due[i])
		if !due[i].Expired.IsZero() {
			results = append(results, ExpiredSecret(due[i]))
		}
		return results
	}, func(results []Result) {
		for _, result := range results {
			if ctx.Err() == nil || !errors.Is(result.Err, context.Canceled) {
				done(result)
			}
		}
	})
	return ctx.Err()
}

// ReconcileSecret does what time asks for of one managed Secret: new values for keys, and
// an end to revisions that are too many. There is a result for each, and none where
// nothing had to be done.
func (p *Provisioner) ReconcileSecret(ctx context.Context, due revision.Due) []Result {
	var results []Result
	if due.Err != nil {
		results = append(results, resultOf(due).of(due.Err))
	}
	if len(due.Rotate) > 0 {
		result, err := p.rotateSecret(ctx, due)
		switch {
		case err != nil:
			results = append(results, result.of(err))
		case result.Action == ActionRotated:
			results = append(results, result)
		}
	}
	if len(due.Excess) > 0 {
		result := resultOf(due)
		if err := p.revisions().Trim(ctx, due); err != nil {
			return append(results, result.of(err))
		}
		result.Action = ActionPruned
		results = append(results, result)
	}
	return results
}

// rotateSecret gives keys new values, if the Secret itself says that these are due.
func (p *Provisioner) rotateSecret(ctx context.Context, due revision.Due) (Result, error) {
	result := resultOf(due)
	edit, err := revision.Regeneration{Keys: due.Rotate, IfDue: true, Random: p.Random, Now: p.Now()}.Edit(due.Summary)
	if err != nil {
		return result, err
	}
	if edit.Author, err = p.Author(ctx); err != nil {
		return result, fmt.Errorf("find out who is asking: %w", err)
	}
	written, err := p.revisions().Write(ctx, edit)
	if errors.Is(err, revision.ErrGone) {
		return result, nil
	}
	if err != nil {
		return result, fmt.Errorf("rotate secret %q: %w", due.Name, err)
	}
	if !written.Changes.Empty() || written.Finished == written.Revision.Number && written.Revision.Rotates() {
		result.Action, result.Revision, result.Keys = ActionRotated, written.Revision.Number, slices.Sorted(maps.Keys(due.Rotate))
		result.Author, result.Reason = written.Revision.Author, written.Revision.Reason
	}
	if written.Unpruned != nil {
		result.Warnings = []string{fmt.Sprintf("old revisions stay: %v", written.Unpruned)}
	}
	return result, nil
}

func resultOf(due revision.Due) Result {
	number, _ := strconv.ParseInt(due.Annotations[v1alpha1.AnnotationRevision], 10, 64)
	return Result{Kind: KindSecret, Namespace: due.Namespace, Name: due.Name, UID: due.UID, Revision: number}
}

// ExpiredSecret returns the result that says that a Secret has expired: it does no I/O.
func ExpiredSecret(due revision.Due) Result {
	result := resultOf(due)
	result.Action, result.ExpiredAt = ActionExpired, due.Expired
	result.Warnings = []string{fmt.Sprintf("it has expired at %s: give it new values, and say until when these are to be used: kubectl dbtether secret expire %s -n %s --in 90d, or --never",
		due.Expired.UTC().Format(time.RFC3339), due.Name, due.Namespace)}
	return result
}
