package revision

import (
	"context"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Removal is the deletion of a Secret that a team keeps.
type Removal struct {
	Namespace, Name string
	Author, Reason  string
	// IfRevision refuses unless the Secret is at that revision.
	IfRevision *int64
	// Purge deletes its history, too: that cannot be undone.
	Purge bool
}

// Removed is what came of a Removal.
type Removed struct {
	// Revision is the one that says that the Secret was deleted; its number is 0 where the
	// Secret was gone before.
	Revision Entry
	// Standing is what there was.
	Standing *Standing
	// Purged is how many revisions were deleted.
	Purged int
}

// Remove deletes a Secret: a revision says who did, and when and why; then the Secret
// goes. Its history stays unless it is purged, which a run that was interrupted goes on
// with. The errors are *NotFoundError, *RefusedError, *MovedError, or those of the API
// server.
func (s Store) Remove(ctx context.Context, r Removal) (Removed, error) {
	var removed Removed
	w := writer{Store: s, Edit: Edit{Namespace: r.Namespace, Name: r.Name, Author: r.Author, Reason: r.Reason, IfRevision: r.IfRevision}}
	for attempt := range attempts {
		now, err := w.Stand(ctx, r.Namespace, r.Name)
		if err != nil {
			return removed, err
		}
		if removed.Standing == nil || now.Live != nil {
			removed.Standing = now
		}
		done, err := w.remove(ctx, now, r.Purge)
		switch {
		case err == nil && done:
			removed.Revision = w.Revision
			if r.Purge {
				removed.Purged, err = s.purge(ctx, r.Namespace, r.Name)
			}
			return removed, err
		case err != nil && !isOvertaken(err):
			return removed, err
		}
		if err := pause(ctx, attempt); err != nil {
			return removed, err
		}
	}
	return removed, errAgain
}

// remove tries it once with what there is now.
func (w *writer) remove(ctx context.Context, now *Standing, purge bool) (done bool, err error) {
	if err := now.Writable(); err != nil {
		return false, err
	}
	pending, unfinished := now.Unfinished()
	switch {
	case unfinished && (now.Live != nil || !purge):
		if err := w.finish(ctx, now, pending, nil); err != nil {
			return false, err
		}
		if pending.Deletes {
			w.Revision = pending
			return true, nil
		}
		return false, errAgain
	case now.Live == nil && w.Revision.Number > 0:
		return true, nil
	case now.Live == nil && purge && len(now.Entries) > 0:
		return true, nil
	case now.Live == nil:
		return false, now.Missing()
	}
	if err := w.expected(now); err != nil {
		return false, err
	}
	if now.External() {
		if err := w.keep(ctx, now); err != nil {
			return false, err
		}
	}
	staged, err := w.next(ctx, Revision{Entry{Number: now.lastNumber() + 1, Author: w.Author, Reason: w.Reason,
		Type: now.Type(), Follows: now.follows(), Deletes: true, Changes: secret.Diff(now.data(), nil).String()}, secret.Data{}}, nil)
	if err != nil {
		return false, err
	}
	w.Revision = staged.Entry
	return true, w.deleteLive(ctx, now)
}

// purge deletes all revisions of a name, the one that says that it was deleted last: as
// long as that is there, nobody takes what is left for a Secret that was not finished.
func (s Store) purge(ctx context.Context, namespace, name string) (int, error) {
	entries, err := s.entries(ctx, namespace, name)
	if err != nil {
		return 0, err
	}
	for i, e := range entries {
		if err := s.deleteRevision(ctx, namespace, name, e); err != nil {
			return i, err
		}
	}
	return len(entries), nil
}
