package revision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Stage writes data as the revision after number, and returns it. Where that revision is
// there already, with the same data and owner, an earlier run wrote it, and it is returned;
// else the error is a *ConflictError, which says who was first.
func (s Store) Stage(ctx context.Context, target Target, number int64, data secret.Data, author, reason string) (Revision, error) {
	number++
	r := Revision{Entry{Number: number, Author: author, Reason: reason, OwnerUID: target.OwnerUID}, data}
	staged, err := s.stage(ctx, target.Namespace, target.Name, r, target.owners(), nil)
	if !apierrors.IsAlreadyExists(err) {
		return staged, err
	}
	existing, err := s.ReadRevision(ctx, target.Namespace, target.Name, number)
	if err != nil {
		return Revision{}, err
	}
	if !existing.Data.Equal(data) || existing.OwnerUID != target.OwnerUID {
		return Revision{}, &ConflictError{Name: target.Name, Number: number, Author: existing.Author, Time: existing.Time}
	}
	return existing, nil
}

// Promoted is what came of Promote.
type Promoted struct {
	// Wrote says whether anything had to be written.
	Wrote bool
	// ResourceVersion is that of the live Secret now.
	ResourceVersion string
}

// errDeleted says why a live Secret that was read cannot be patched.
var errDeleted = errors.New("it was deleted meanwhile")

// Promote makes the live Secret hold a revision: it is created, or patched with what
// differs. A live Secret that was changed or deleted since it was read is a conflict of the
// API server. One that the target may not have is refused, as by Check; what one holds that
// the target takes over is kept first, as by Preserve.
func (s Store) Promote(ctx context.Context, target Target, live *Live, revision Revision) (Promoted, error) {
	annotations := ownNotes(revision)
	annotations[v1alpha1.AnnotationOwner] = string(target.OwnerUID)
	if live == nil {
		object := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: target.Name, Namespace: target.Namespace, Annotations: annotations,
				Labels: map[string]string{v1alpha1.LabelManaged: "true"}, OwnerReferences: target.owners()},
			Type: target.Type, Data: revision.Data,
		}
		created, err := s.Secrets.Secrets(target.Namespace).Create(ctx, object, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager})
		if err != nil {
			return Promoted{}, fmt.Errorf("create secret %s/%s: %w", target.Namespace, target.Name, err)
		}
		return Promoted{Wrote: true, ResourceVersion: created.ResourceVersion}, nil
	}
	if err := (History{Live: live}).Check(target); err != nil {
		return Promoted{}, err
	}
	patch := livePatch(live, target, revision.Data, annotations)
	if patch == nil {
		return Promoted{ResourceVersion: live.ResourceVersion}, nil
	}
	if patch["data"] != nil && live.immutable() { // somebody made ours so
		return Promoted{}, &FixedError{Namespace: target.Namespace, Name: target.Name}
	}
	if err := s.preserve(ctx, target, live); err != nil {
		return Promoted{}, err
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return Promoted{}, fmt.Errorf("patch secret %s/%s: %w", target.Namespace, target.Name, err)
	}
	patched, err := s.Secrets.Secrets(target.Namespace).Patch(ctx, target.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
	if apierrors.IsNotFound(err) {
		err = apierrors.NewConflict(corev1.Resource("secrets"), target.Name, errDeleted)
	}
	if err != nil {
		return Promoted{}, fmt.Errorf("patch secret %s/%s: %w", target.Namespace, target.Name, err)
	}
	return Promoted{Wrote: true, ResourceVersion: patched.ResourceVersion}, nil
}

// Prune deletes the oldest revisions beyond Kept.
func (s Store) Prune(ctx context.Context, target Target, history History) error {
	for _, r := range history.Revisions[:max(len(history.Revisions)-Kept, 0)] {
		if err := s.deleteRevision(ctx, target.Namespace, target.Name, r.Entry); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes the live Secret and then its revisions, oldest first, so that a run that
// is interrupted leaves what the next one needs. What belongs to another owner or to nobody
// stays, and with it the content that was taken over.
func (s Store) Delete(ctx context.Context, target Target) error {
	history, err := s.Read(ctx, target.Namespace, target.Name)
	if err != nil {
		return err
	}
	if history.Live != nil && history.Live.ownedBy(target) {
		if err := s.deleteExactly(ctx, target.Namespace, target.Name, history.Live.UID()); err != nil {
			return err
		}
	}
	for _, r := range history.Revisions {
		if target.OwnerUID == "" || r.OwnerUID != target.OwnerUID {
			continue
		}
		if err := s.deleteRevision(ctx, target.Namespace, target.Name, r.Entry); err != nil {
			return err
		}
	}
	return nil
}
