package revision

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Edit is a change of a Secret that a team keeps.
type Edit struct {
	Namespace, Name string
	// Change returns the content that the Secret is to have. It is called again where
	// somebody else wrote meanwhile.
	Change func(now *Standing) (secret.Data, error)
	// Type is that of the Secret; empty: as it is, and Opaque for a new one.
	Type corev1.SecretType
	// Labels are those of a new Secret beside ours.
	Labels map[string]string
	// Notes are annotations of ours that the Secret gets, or loses (nil), with the content.
	Notes map[string]*string
	// IfRevision refuses unless the Secret is at that revision; 0: unless there is none.
	IfRevision *int64
	// Author is the authenticated user, as the API server knows her.
	Author, Reason string
	// DryRun writes nothing; with Server, the API server validates what would be written.
	DryRun, Server bool
	// Known is what a list has said of the Secret, and saves a caller who writes many a
	// request for each. Where it turns out to be old, the Secret is read again. Nil: it is read.
	Known *Summary
}

// Written is what came of an Edit.
type Written struct {
	// Revision is that of the content. Its number is 0 in a dry run.
	Revision Entry
	// Created: there was no such Secret; Wrote: something was written.
	Created, Wrote bool
	// Changes are the keys that differ from before.
	Changes secret.Changes
	// Finished is the revision of an earlier call of the author, which was interrupted; 0: none.
	Finished int64
	// Kept is the revision that keeps what something else had written into the Secret; 0: none.
	Kept int64
	// UID, ResourceVersion and Annotations are those of the live Secret.
	UID             types.UID
	ResourceVersion string
	Annotations     map[string]string
	// Unpruned is why old revisions could not be deleted; nil: there were none, or they are.
	Unpruned error
}

// Write changes a Secret: the new content becomes a revision, then live. Equal content
// makes no revision. What something else wrote into the Secret is kept as a revision first.
// A write of the same author that was interrupted is completed first. One of another author
// stays in the history and is not completed: that author may lack a right. Where another
// writer is faster, Write begins anew with what that one wrote, so that no key is lost.
//
// The errors are those of Change, *RefusedError, *MovedError, *secret.KeyError,
// *UnknownError, or those of the API server.
func (s Store) Write(ctx context.Context, e Edit) (Written, error) {
	if err := checkName(e.Namespace, e.Name); err != nil {
		return Written{}, err
	}
	w := writer{Store: s, Edit: e}
	for attempt := range attempts {
		done, err := w.once(ctx)
		switch {
		case err == nil && done:
			return w.Written, nil
		case err != nil && !isOvertaken(err):
			return Written{}, err
		}
		if err := pause(ctx, attempt); err != nil {
			return Written{}, err
		}
	}
	return Written{}, tooBusy("write", e.Namespace, e.Name)
}

// writer is one call of Write.
type writer struct {
	Store
	Edit
	Written
	// mine is the revision that was written and is not known to be live.
	mine *Revision
	// waited is how often this call has waited for others.
	waited int
}

// once makes one attempt, with what there is now. It is done unless another attempt is
// needed, which some errors ask for, too: see isOvertaken.
func (w *writer) once(ctx context.Context) (done bool, err error) {
	now, err := w.read(ctx)
	if err != nil {
		return false, err
	}
	if w.mine != nil {
		if done, err := w.settle(ctx, now); done || err != nil {
			return done, err
		}
	}
	if err := now.Writable(); err != nil {
		return false, err
	}
	if err := w.finishOwn(ctx, now); err != nil {
		return false, err
	}
	if err := now.Expect(w.IfRevision); err != nil {
		return false, err
	}
	data, err := w.Change(now)
	if err != nil {
		return false, err
	}
	if err := errors.Join(now.changeable(data, w.Type), checkContent(w.Namespace, w.Name, data)); err != nil {
		return false, err
	}
	return true, w.write(ctx, now, data)
}

// read reads what there is. What the caller knew beforehand saves a request at the first
// attempt; by the next it may be out of date.
func (w *writer) read(ctx context.Context) (*Standing, error) {
	if w.Known == nil {
		return w.Stand(ctx, w.Namespace, w.Name)
	}
	known := w.Known
	w.Known = nil
	if !known.Exists() {
		return &Standing{Namespace: w.Namespace, Name: w.Name, Entries: slices.Clone(known.Entries)}, nil
	}
	return w.stand(ctx, w.Namespace, w.Name, slices.Clone(known.Entries))
}

// write makes data what the Secret holds.
func (w *writer) write(ctx context.Context, now *Standing, data secret.Data) error {
	w.Changes, w.Created, w.Wrote = secret.Diff(now.data(), data), now.Live == nil, false
	if now.External() { // what it held is not lost
		if err := w.keepExternal(ctx, now); err != nil {
			return err
		}
	}
	if now.Held != nil && now.Held.Data.Equal(data) {
		w.Revision = now.Held.Entry
		return w.promote(ctx, now, *now.Held)
	}
	r := Revision{Entry{Number: now.lastNumber() + 1, Author: w.Author, Reason: w.Reason, Type: w.typeOf(now), Follows: now.follows(),
		Changes: w.Changes.String()}, data}
	w.Wrote = true
	if w.DryRun && !w.Server {
		return nil
	}
	staged, err := w.begin(ctx, now, r)
	if err != nil {
		return err
	}
	if !w.DryRun {
		w.mine = &staged
	}
	if !w.DryRun && !now.has(staged.Entry) {
		now.Entries = append(now.Entries, staged.Entry)
	}
	w.Revision = staged.Entry
	return w.promote(ctx, now, staged)
}

// promote makes the live Secret hold a revision, and deletes the revisions that are too many.
func (w *writer) promote(ctx context.Context, now *Standing, r Revision) error {
	if w.DryRun && !w.Server {
		return nil
	}
	live, wrote, err := w.makeLive(ctx, now, r, w.Labels, w.Notes, w.dryRun())
	if isRefused(err) && w.mine != nil { // it cannot become live: it is as if nothing had been written
		err = w.takeBack(ctx, err)
	}
	if err != nil {
		return err
	}
	w.Wrote = w.Wrote || wrote
	w.record(live)
	if !w.DryRun { // a writer that was interrupted may have left too many
		w.Unpruned = w.prune(ctx, now.Namespace, now.Name, tooMany(now.Entries, r.Number, HistoryLimit(live.Annotations)))
	}
	return nil
}

// record notes, for the caller, what the live Secret is now.
func (w *writer) record(live *corev1.Secret) {
	w.UID, w.ResourceVersion, w.Annotations = live.UID, live.ResourceVersion, live.Annotations
}

func (w *writer) dryRun() []string {
	if w.DryRun {
		return []string{metav1.DryRunAll}
	}
	return nil
}
