package revision

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// begin writes a revision that is to become live, and returns it. Where an interrupted call
// of the author has written one with the same content, that one is returned.
func (w *writer) begin(ctx context.Context, now *Standing, r Revision) (Revision, error) {
	own, found := now.begunBy(w.Author)
	if newest, any := last(now.Entries); now.Live == nil && any && newest.Author == w.Author && newest.Follows == "" && !newest.Deletes {
		own, found = newest, true
	}
	if found && !w.DryRun {
		begun, err := w.ReadRevision(ctx, w.Namespace, w.Name, own.Number)
		if err == nil && begun.Type == r.Type && begun.Data.Equal(r.Data) {
			return begun, nil
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return r, err
		}
	}
	return w.stageNext(ctx, r, w.dryRun())
}

// stageNext writes a revision. Where its name is taken, another writer was faster, and the
// error is isOvertaken's; a Secret of that name that is no revision is a *RefusedError, as it
// would still be there at the next attempt.
func (w *writer) stageNext(ctx context.Context, r Revision, dryRun []string) (Revision, error) {
	staged, err := w.stage(ctx, w.Namespace, w.Name, r, nil, dryRun)
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

// keepExternal makes a revision of what something else wrote into the Secret.
func (w *writer) keepExternal(ctx context.Context, now *Standing) error {
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
	kept, err := w.stageNext(ctx, r, nil)
	if err != nil {
		return err
	}
	w.Kept, w.Wrote, now.Held = kept.Number, true, &kept
	now.Entries = append(now.Entries, kept.Entry)
	return nil
}

// reasonExternal returns the reason of such a revision: what is known of its writer.
func reasonExternal(now *Standing) string {
	if writer := now.LastWriter(); writer != "" {
		return "written by " + writer
	}
	return "not written by dbtether"
}
