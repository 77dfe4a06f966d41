package revision

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/pager"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// surveyed is how many Secrets' metadata one answer of the API server holds.
const surveyed = 500

// Seen is what the metadata of a live managed Secret says.
type Seen struct {
	// ResourceVersion is that of Live: while it is the same, the Secret is.
	ResourceVersion string
	// Revision is the number of its content; 0 where it says none.
	Revision int64
	OwnerUID types.UID
}

// Survey returns what the metadata of the managed Secrets of a namespace say, of all
// namespaces for "". It reads no values, so that a run over many users tells the
// Secrets that did not change from those that it has to read.
func (s Store) Survey(ctx context.Context, namespace string) (map[types.NamespacedName]Seen, error) {
	seen := map[types.NamespacedName]Seen{}
	err := s.each(ctx, namespace, v1alpha1.LabelManaged+"=true", func(object *metav1.PartialObjectMetadata) error {
		number, _ := strconv.ParseInt(object.Annotations[v1alpha1.AnnotationRevision], 10, 64)
		seen[types.NamespacedName{Namespace: object.Namespace, Name: object.Name}] = Seen{ResourceVersion: object.ResourceVersion,
			Revision: number, OwnerUID: types.UID(object.Annotations[v1alpha1.AnnotationOwner])}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list managed secrets: %w", err)
	}
	return seen, nil
}

// each reads the metadata of the Secrets that a label selects, in pages.
func (s Store) each(ctx context.Context, namespace, selector string, do func(*metav1.PartialObjectMetadata) error) error {
	if s.Metadata == nil {
		return errors.New("there is no metadata client")
	}
	secrets := s.Metadata.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(namespace)
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return secrets.List(ctx, options)
	})
	pages.PageSize = surveyed
	return pages.EachListItem(ctx, metav1.ListOptions{LabelSelector: selector}, func(item runtime.Object) error {
		object, ok := item.(*metav1.PartialObjectMetadata)
		if !ok {
			return fmt.Errorf("the API server sent a %T", item)
		}
		return do(object)
	})
}
