package revision

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// HistoryLimit returns how many revisions of a Secret with such annotations are kept.
func HistoryLimit(notes map[string]string) int {
	if n, err := strconv.Atoi(notes[v1alpha1.AnnotationHistoryLimit]); err == nil && n > 0 {
		return n
	}
	return Kept
}

// tooMany returns the oldest of entries beyond limit, of those that are older than the live
// one: none where that is not known, which is 0.
func tooMany(entries []Entry, live int64, limit int) []Entry {
	excess := entries[:max(len(entries)-limit, 0)]
	return slices.DeleteFunc(slices.Clone(excess), func(e Entry) bool { return e.Number >= live })
}

// prune deletes revisions, oldest first.
func (s Store) prune(ctx context.Context, namespace, name string, entries []Entry) error {
	for _, e := range entries {
		if err := s.deleteRevision(ctx, namespace, name, e); err != nil {
			return err
		}
	}
	return nil
}

// deleteRevision deletes a revision, unless another one has its name by now.
func (s Store) deleteRevision(ctx context.Context, namespace, name string, e Entry) error {
	return s.deleteExactly(ctx, namespace, revisionName(name, e.Number), e.UID)
}

// deleteExactly deletes the Secret with a UID. One that is gone, or that another one has
// taken the name of, is no error.
func (s Store) deleteExactly(ctx context.Context, namespace, name string, uid types.UID) error {
	err := s.Secrets.Secrets(namespace).Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete secret %s/%s: %w", namespace, name, err)
	}
	return nil
}
