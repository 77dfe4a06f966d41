package revision

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// pause waits for a random time, which may be a little longer with each attempt, so that
// writers who met do not meet again. The error is that of ctx.
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

// attempts is how often a write begins anew where others write at the same time.
const attempts = 200

// tooBusy returns the error of a call that gives up after that many.
func tooBusy(verb, namespace, name string) error {
	return fmt.Errorf("%s secret %q in namespace %q: others wrote to it at each of %d attempts", verb, name, namespace, attempts)
}

// errOvertaken asks for another attempt with what there is then.
var errOvertaken = errors.New("somebody else wrote meanwhile")

// isOvertaken reports whether a write failed because somebody else was faster.
func isOvertaken(err error) bool {
	return errors.Is(err, errOvertaken) || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
}

// isRefused reports whether the API server has refused a write for good.
func isRefused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err)
}

// patience is how often a writer waits for another one who may be about to make a revision
// live.
const patience = 8

// finishOwn completes what an interrupted call of the author has begun, and gives others a
// moment to complete theirs; then the error is errOvertaken. Nothing of an interrupted call
// is completed where the caller expects a revision: it is that one which is changed.
func (w *writer) finishOwn(ctx context.Context, now *Standing) error {
	if w.DryRun {
		return nil
	}
	own, found := now.begunBy(w.Author)
	switch mine := w.mine != nil && w.mine.UID == own.UID; {
	case found && (mine || w.IfRevision == nil):
		if err := w.finish(ctx, now, own); err != nil {
			return err
		}
		if !mine {
			w.Finished = own.Number
		}
		return errOvertaken
	case !found && now.mayBecomeLive() && w.waited < patience:
		w.waited++
		return errOvertaken
	default:
		return nil
	}
}

// settle finds out what became of the revision that this call wrote, after the live
// Secret had changed meanwhile.
func (w *writer) settle(ctx context.Context, now *Standing) (done bool, err error) {
	mine := w.mine
	builtOn := slices.ContainsFunc(now.Entries, func(e Entry) bool { return e.Follows == mine.UID })
	if builtOn || now.Held != nil && now.Held.UID == mine.UID { // another writer finished it
		w.Revision = mine.Entry
		if now.Live == nil {
			return true, nil
		}
		live, err := w.annotate(ctx, now, w.Notes) // the other writer did not know these
		if err != nil {
			return false, err
		}
		w.record(live)
		return true, nil
	}
	if now.Live != nil && now.Held != nil && mine.Follows == now.Held.UID && mine.Number > now.Held.Number && now.has(mine.Entry) {
		return false, nil // it can still become live
	}
	if !now.has(mine.Entry) {
		if now.Live != nil && now.Live.Revision >= mine.Number {
			return false, &UnknownError{w.Namespace, w.Name, mine.Number}
		}
		w.mine = nil
		return false, nil
	}
	// It followed what the Secret does not hold any more, and never was live.
	if err := w.drop(ctx); err != nil {
		return false, err
	}
	return false, errOvertaken
}

// drop deletes the revision of this call, which is not live and is not to become so. A
// writer who may not delete leaves it: nobody else finishes it.
func (w *writer) drop(ctx context.Context) error {
	dropped := w.mine.Entry
	w.mine = nil
	err := w.deleteRevision(ctx, w.Namespace, w.Name, dropped)
	if apierrors.IsForbidden(err) {
		return nil
	}
	return err
}

// takeBack drops the revision of this call after the API server has refused to make it
// live, unless another writer made it live meanwhile. It returns the refusal.
func (w *writer) takeBack(ctx context.Context, refused error) error {
	live, err := w.live(ctx, w.Namespace, w.Name)
	if err == nil && (live == nil || live.Revision < w.mine.Number) {
		err = w.drop(ctx)
	}
	w.mine = nil
	return errors.Join(refused, err)
}
