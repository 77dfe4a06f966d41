package revision

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Removal is the deletion of a Secret that a team keeps.
type Removal struct {
	Namespace, Name string
	Author, Reason  string
	// IfRevision makes Remove refuse unless the Secret is at that revision; nil: at any.
	IfRevision *int64
	// Purge deletes its history, too: that cannot be undone.
	Purge bool
	// Seen makes Remove refuse where the Secret has another content or more revisions than
	// the author has seen; nil: it deletes what there is.
	Seen *Standing
}

// Removed is what came of a Removal.
type Removed struct {
	// Revision is the one that says that the Secret was deleted; its number is 0 where the
	// Secret was gone before.
	Revision Entry
	// Standing is what there was before.
	Standing *Standing
	// Purged is how many revisions were deleted.
	Purged int
}

// Remove deletes a Secret: a revision is written that says who deletes it and why, then the
// Secret is deleted. Its history stays unless it is purged; a purge that was interrupted goes
// on when Remove is called again. Nothing is written where the API server would not let the
// Secret go. The errors are *NotFoundError, *RefusedError, *MovedError, or those of the API
// server.
func (s Store) Remove(ctx context.Context, r Removal) (Removed, error) {
	var removed Removed
	m := remover{writer: writer{Store: s, Edit: Edit{Namespace: r.Namespace, Name: r.Name, Author: r.Author, Reason: r.Reason, IfRevision: r.IfRevision}}, seen: r.Seen}
	for attempt := range attempts {
		now, err := m.Stand(ctx, r.Namespace, r.Name)
		if err != nil {
			return removed, err
		}
		if removed.Standing == nil || now.Live != nil && m.mine == nil {
			removed.Standing = now
		}
		done, err := m.once(ctx, now, r.Purge)
		switch {
		case err == nil && done:
			removed.Revision = m.Revision
			if r.Purge {
				removed.Purged, err = s.purge(ctx, now, m.Revision)
			}
			return removed, err
		case err != nil && !isOvertaken(err):
			return removed, err
		}
		if err := pause(ctx, attempt); err != nil {
			return removed, err
		}
	}
	return removed, tooBusy("delete", r.Namespace, r.Name)
}

// remover is one call of Remove. Its mine is the revision that says that the Secret is
// deleted.
type remover struct {
	writer
	// seen is what the author has seen; nil: that does not matter.
	seen *Standing
	// deleting is the Secret that this call deletes.
	deleting types.UID
}

// once makes one attempt, with what there is now. It is done unless another attempt is
// needed, which some errors ask for, too: see isOvertaken.
func (m *remover) once(ctx context.Context, now *Standing, purge bool) (done bool, err error) {
	if m.mine != nil && (now.Live == nil || now.Live.UID() != m.deleting) { // one that was made since is another
		return true, nil
	}
	if err := now.Writable(); err != nil {
		return false, err
	}
	if m.mine == nil && m.seen != nil {
		if err := now.unchanged(m.seen); err != nil {
			return false, err
		}
	}
	if now.Live == nil {
		if purge && len(now.Entries)+len(now.broken) > 0 {
			return true, nil
		}
		return false, now.Missing()
	}
	if m.mine == nil {
		if err := now.Expect(m.IfRevision); err != nil {
			return false, err
		}
	}
	if begun, found := now.begun(func(e Entry) bool { return e.Deletes && e.Author == m.Author }); found {
		m.mine, m.Revision, m.deleting = &Revision{Entry: begun}, begun, now.Live.UID()
		return m.delete(ctx, now)
	}
	if m.mine != nil { // the Secret was changed since
		if err := m.drop(ctx); err != nil {
			return false, err
		}
		return false, errOvertaken
	}
	return m.announce(ctx, now)
}

// announce writes the revision that says that the Secret is deleted, and deletes it.
func (m *remover) announce(ctx context.Context, now *Standing) (done bool, err error) {
	if err := m.deleteLive(ctx, now, []string{metav1.DryRunAll}); err != nil {
		return false, err
	}
	if now.External() {
		if err := m.keepExternal(ctx, now); err != nil {
			return false, err
		}
	}
	staged, err := m.stageNext(ctx, Revision{Entry{Number: now.lastNumber() + 1, Author: m.Author, Reason: m.Reason, Type: now.Type(), Follows: now.follows(),
		Deletes: true, Marks: newMarks(now), Changes: secret.Diff(now.data(), nil).String()}, secret.Data{}}, nil)
	if err != nil {
		return false, err
	}
	m.mine, m.Revision, m.deleting = &staged, staged.Entry, now.Live.UID()
	return m.delete(ctx, now)
}

// delete deletes the Secret, whose deletion has been announced.
func (m *remover) delete(ctx context.Context, now *Standing) (done bool, err error) {
	err = m.deleteLive(ctx, now, nil)
	if isRefused(err) {
		err = m.takeBack(ctx, err)
	}
	return err == nil, err
}

// purge deletes the revisions that there were, also those that cannot be read, and that of
// the deletion last; what others have written since stays.
func (s Store) purge(ctx context.Context, now *Standing, deletion Entry) (int, error) {
	until := slices.DeleteFunc(slices.Clone(now.Entries), func(e Entry) bool { return deletion.Number > 0 && e.Number > deletion.Number })
	entries := slices.Concat(now.broken, until)
	if deletion.UID != "" && !now.has(deletion) {
		entries = append(entries, deletion)
	}
	for i, e := range entries {
		if err := s.deleteRevision(ctx, now.Namespace, now.Name, e); err != nil {
			return i, err
		}
	}
	return len(entries), nil
}
