package revision

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// stage writes a revision, and returns it as the API server has it. That its name is taken
// is an error of the API server.
func (s Store) stage(ctx context.Context, namespace, name string, r Revision, owners []metav1.OwnerReference, dryRun []string) (Revision, error) {
	notes := map[string]string{
		v1alpha1.AnnotationRevision: strconv.FormatInt(r.Number, 10), v1alpha1.AnnotationAuthor: r.Author, v1alpha1.AnnotationReason: r.Reason,
		v1alpha1.AnnotationKeys: keyList(r.Data), v1alpha1.AnnotationFollows: string(r.Follows), v1alpha1.AnnotationChanges: r.Changes,
		v1alpha1.AnnotationOwner: string(r.OwnerUID),
	}
	if r.Type != "" && r.Type != corev1.SecretTypeOpaque {
		notes[v1alpha1.AnnotationType] = string(r.Type)
	}
	if r.Deletes {
		notes[v1alpha1.AnnotationDeleted], notes[v1alpha1.AnnotationMarks] = "true", r.Marks
	}
	maps.DeleteFunc(notes, func(_, value string) bool { return value == "" })
	immutable := true
	object := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: revisionName(name, r.Number), Namespace: namespace, Annotations: notes,
			Labels: map[string]string{v1alpha1.LabelRevisionOf: labelValue(name)}, OwnerReferences: owners},
		Type: v1alpha1.SecretTypeRevision, Immutable: &immutable, Data: r.Data,
	}
	created, err := s.Secrets.Secrets(namespace).Create(ctx, object, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager, DryRun: dryRun})
	if err != nil {
		return Revision{}, fmt.Errorf("create secret %s/%s: %w", namespace, object.Name, err)
	}
	return fromSecret(created)
}

// makeLive makes the live Secret hold a revision: it is created, or patched with what
// differs. It returns what the API server has then, and whether anything was to be
// written. A live Secret that was changed since it was read is a conflict.
func (s Store) makeLive(ctx context.Context, now *Standing, r Revision, labels map[string]string, notes map[string]*string, dryRun []string) (*corev1.Secret, bool, error) {
	if now.Live == nil {
		object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: now.Name, Namespace: now.Namespace, Labels: map[string]string{}, Annotations: ownNotes(r)},
			Type: r.Type, Data: r.Data}
		maps.Copy(object.Labels, labels)
		object.Labels[v1alpha1.LabelManaged] = "true"
		for key, value := range notes {
			if value != nil {
				object.Annotations[key] = *value
			}
		}
		created, err := s.Secrets.Secrets(now.Namespace).Create(ctx, object, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager, DryRun: dryRun})
		if err != nil {
			return nil, false, fmt.Errorf("create secret %s/%s: %w", now.Namespace, now.Name, err)
		}
		return created, true, nil
	}
	return s.patchLive(ctx, now, contentPatch(now.Live, r, notes), dryRun)
}

// patchLive sends a patch to the live Secret; a patch that is nil writes nothing. It returns
// what the API server has then, and whether anything was written.
func (s Store) patchLive(ctx context.Context, now *Standing, patch map[string]any, dryRun []string) (*corev1.Secret, bool, error) {
	if patch == nil {
		return &now.Live.object, false, nil
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return nil, false, fmt.Errorf("patch secret %s/%s: %w", now.Namespace, now.Name, err)
	}
	patched, err := s.Secrets.Secrets(now.Namespace).Patch(ctx, now.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, DryRun: dryRun})
	if apierrors.IsNotFound(err) { // deleted since it was read
		err = errOvertaken
	}
	if err != nil {
		return nil, false, fmt.Errorf("patch secret %s/%s: %w", now.Namespace, now.Name, err)
	}
	return patched, true, nil
}

// annotate writes notes to a live Secret, and returns what the API server has then. One
// that was changed since it was read is a conflict.
func (s Store) annotate(ctx context.Context, now *Standing, notes map[string]*string) (*corev1.Secret, error) {
	live, _, err := s.patchLive(ctx, now, withNotes(nil, now.Live, notes), nil)
	return live, err
}

// deleteLive deletes the live Secret as it was read.
func (s Store) deleteLive(ctx context.Context, now *Standing, dryRun []string) error {
	uid, version := now.Live.object.UID, now.Live.ResourceVersion
	err := s.Secrets.Secrets(now.Namespace).Delete(ctx, now.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}, DryRun: dryRun})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete secret %s/%s: %w", now.Namespace, now.Name, err)
	}
	return nil
}
