package revision

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
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
	// Limit is how many revisions are kept; 0: what the Secret says, else Kept.
	Limit int
	// DryRun writes nothing; with Server the API server validates it nevertheless.
	DryRun, Server bool
	// Known is what a list has said of the Secret, for who writes many: it is read again
	// where that turns out to be old. Nil: it is read.
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
	// Kept is the revision that keeps what somebody else had written; 0: none.
	Kept int64
	// UID, ResourceVersion and Annotations are those of the live Secret.
	UID             types.UID
	ResourceVersion string
	Annotations     map[string]string
	// Unpruned is why old revisions could not be deleted; nil: there were none, or they are.
	Unpruned error
}

// attempts is how often a write begins anew where others write at the same time.
const attempts = 200

// Write changes a Secret: the new content becomes a revision, then live. Equal content
// makes no revision. What somebody else wrote into it is kept as a revision first. A write
// of the same author that was interrupted is completed first; that of another author is
// left aside, as a right of hers may be missing: it stays in the history. Where another
// writer is faster it begins anew with what that one wrote, so that no key is lost.
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
	return Written{}, fmt.Errorf("write secret %q: others wrote %d times meanwhile", e.Name, attempts)
}

// pause waits a little longer with each attempt, so that writers do not meet again.
func pause(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(rand.N(min(time.Duration(attempt)*20*time.Millisecond, time.Second))) //nolint:gosec // nobody gains by guessing it
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// errAgain asks for another attempt.
var errAgain = errors.New("somebody else wrote meanwhile")

// isOvertaken reports whether a write failed because somebody else was faster.
func isOvertaken(err error) bool {
	return errors.Is(err, errAgain) || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
}

// isRefused reports whether the API server has refused a write for good.
func isRefused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err)
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

// once tries it with what there is now.
func (w *writer) once(ctx context.Context) (done bool, err error) {
	now, err := w.look(ctx)
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
	if again, err := w.before(ctx, now); again || err != nil {
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

// patience is how often a writer waits for what another one may be about to make live.
const patience = 8

// before finishes what the author has begun, and gives others a moment to finish theirs.
// Who expects a revision begins anew from that one.
func (w *writer) before(ctx context.Context, now *Standing) (again bool, err error) {
	if w.DryRun {
		return false, nil
	}
	own, found := now.begunBy(w.Author)
	switch mine := w.mine != nil && w.mine.UID == own.UID; {
	case found && (mine || w.IfRevision == nil):
		if err := w.finish(ctx, now, own); err != nil {
			return false, err
		}
		if !mine {
			w.Finished = own.Number
		}
		return true, errAgain
	case !found && now.mayBeBegun() && w.waited < patience:
		w.waited++
		return true, errAgain
	default:
		return false, nil
	}
}

// look reads what there is. What is known beforehand is so at the first attempt only.
func (w *writer) look(ctx context.Context) (*Standing, error) {
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
		if err := w.keep(ctx, now); err != nil {
			return err
		}
	}
	if now.Held != nil && now.Held.Data.Equal(data) {
		w.Revision = now.Held.Entry
		return w.show(ctx, now, *now.Held)
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
	return w.show(ctx, now, staged)
}

// begin writes a revision that is to become live, unless the author has begun with that
// very content already.
func (w *writer) begin(ctx context.Context, now *Standing, r Revision) (Revision, error) {
	own, found := now.begunBy(w.Author)
	if newest, any := last(now.Entries); now.Live == nil && any && newest.Author == w.Author && newest.Follows == "" && !newest.Deletes {
		own, found = newest, true
	}
	if found && !w.DryRun {
		begun, err := w.Content(ctx, w.Namespace, w.Name, own.Number)
		if err == nil && begun.Type == r.Type && begun.Data.Equal(r.Data) {
			return begun, nil
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return r, err
		}
	}
	return w.next(ctx, r, w.dryRun())
}

// next writes a revision. Where its name is taken, another writer was faster: unless what
// has it is no revision, which would stay so.
func (w *writer) next(ctx context.Context, r Revision, dryRun []string) (Revision, error) {
	staged, err := w.stage(ctx, w.Namespace, w.Name, r, dryRun)
	if !apierrors.IsAlreadyExists(err) {
		return staged, err
	}
	name := revisionName(w.Name, r.Number)
	other, getErr := w.Secrets.Secrets(w.Namespace).Get(ctx, name, metav1.GetOptions{})
	if getErr == nil && (other.Type != v1alpha1.SecretTypeRevision || other.Labels[v1alpha1.LabelRevisionOf] != labelValue(w.Name)) {
		return staged, &RefusedError{w.Namespace, name, fmt.Sprintf("has the name of the next revision of %q, and cannot be read as one", w.Name),
			"rename it, or delete it if nothing needs it: kubectl delete secret " + name + " -n " + w.Namespace}
	}
	return staged, err
}

func (w *writer) typeOf(now *Standing) corev1.SecretType {
	if now.Live == nil && w.Type != "" {
		return w.Type
	}
	return now.Type()
}

// keep makes a revision of what somebody else wrote into the Secret.
func (w *writer) keep(ctx context.Context, now *Standing) error {
	r := Revision{Entry{Number: now.lastNumber() + 1, Author: AuthorExternal, Reason: reasonExternal(now), Type: now.Type()}, now.Live.Data}
	if now.Named != nil {
		r.Follows, r.Changes = now.Named.UID, secret.Diff(now.Named.Data, r.Data).String()
	}
	if w.DryRun {
		now.Held, now.Entries = &r, append(now.Entries, r.Entry)
		return nil
	}
	if err := checkContent(w.Namespace, w.Name, r.Data); err != nil {
		return fmt.Errorf("keep what somebody else wrote: %w", err)
	}
	kept, err := w.next(ctx, r, nil)
	if err != nil {
		return err
	}
	w.Kept, w.Wrote, now.Held = kept.Number, true, &kept
	now.Entries = append(now.Entries, kept.Entry)
	return nil
}

// reasonExternal says what is known of where the content comes from.
func reasonExternal(now *Standing) string {
	if writer := now.LastWriter(); writer != "" {
		return "written by " + writer
	}
	return "not written by dbtether"
}

// show makes the live Secret hold a revision, and deletes the revisions that are too many.
func (w *writer) show(ctx context.Context, now *Standing, r Revision) error {
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
	w.is(live)
	if !w.DryRun { // a writer that was interrupted may have left too many
		w.Unpruned = w.prune(ctx, now.Namespace, now.Name, tooMany(now.Entries, r.Number, w.limit(live.Annotations)))
	}
	return nil
}

// takeBack deletes the revision of this call, which the API server does not let become
// live, unless it is so by now. Who may not delete it leaves it: nobody else finishes it.
func (w *writer) takeBack(ctx context.Context, refused error) error {
	live, err := w.live(ctx, w.Namespace, w.Name)
	if err == nil && (live == nil || live.Revision < w.mine.Number) {
		err = w.deleteRevision(ctx, w.Namespace, w.Name, w.mine.Entry)
	}
	w.mine = nil
	if apierrors.IsForbidden(err) {
		err = nil
	}
	return errors.Join(refused, err)
}

// is keeps what the live Secret is.
func (w *writer) is(live *corev1.Secret) {
	w.UID, w.ResourceVersion, w.Annotations = live.UID, live.ResourceVersion, live.Annotations
}

// settle finds out what became of the revision that this call wrote, after the live
// Secret had changed meanwhile.
func (w *writer) settle(ctx context.Context, now *Standing) (done bool, err error) {
	mine := w.mine
	builtOn := slices.ContainsFunc(now.Entries, func(e Entry) bool { return e.Follows == mine.UID })
	if builtOn || now.Held != nil && now.Held.UID == mine.UID { // another finished it
		w.Revision = mine.Entry
		if now.Live == nil {
			return true, nil
		}
		live, err := w.annotate(ctx, now, w.Notes) // of which who finished it did not know
		if err != nil {
			return false, err
		}
		w.is(live)
		return true, nil
	}
	if now.Live != nil && now.Held != nil && mine.Follows == now.Held.UID && mine.Number > now.Held.Number && now.has(mine.Entry) {
		return false, nil // it still can become live
	}
	if !now.has(mine.Entry) {
		if now.Live != nil && now.Live.Revision >= mine.Number {
			return false, &UnknownError{w.Name, mine.Number}
		}
		w.mine = nil
		return false, nil
	}
	// It followed what the Secret does not hold any more, and never was live.
	w.mine = nil
	uid := mine.UID
	err = w.Secrets.Secrets(w.Namespace).Delete(ctx, revisionName(w.Name, mine.Number), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && !apierrors.IsForbidden(err) {
		return false, fmt.Errorf("delete secret %s/%s: %w", w.Namespace, revisionName(w.Name, mine.Number), err)
	}
	return false, errAgain
}

func (w *writer) dryRun() []string {
	if w.DryRun {
		return []string{metav1.DryRunAll}
	}
	return nil
}

func (w *writer) limit(notes map[string]string) int {
	if w.Limit > 0 {
		return w.Limit
	}
	return HistoryLimit(notes)
}

// HistoryLimit returns how many revisions of a Secret with such annotations are kept.
func HistoryLimit(notes map[string]string) int {
	if n, err := strconv.Atoi(notes[v1alpha1.AnnotationHistoryLimit]); err == nil && n > 0 {
		return n
	}
	return Kept
}
