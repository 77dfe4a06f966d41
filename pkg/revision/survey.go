package revision

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/pager"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// surveyed is how many Secrets one answer of the API server is about.
const surveyed = 500

// Seen is what the metadata of a live managed Secret says.
type Seen struct {
	// ResourceVersion is that of Live: while it is the same, the Secret is.
	ResourceVersion string
	// Revision is the number of its content; 0 where it says none.
	Revision int64
	OwnerUID types.UID
}

// Survey returns what the metadata of the managed Secrets of a namespace says, of all
// namespaces for "". It reads no values. By it a run over many users finds out which Secrets
// it has to read: those that have changed.
func (s Store) Survey(ctx context.Context, namespace string) (map[types.NamespacedName]Seen, error) {
	seen := map[types.NamespacedName]Seen{}
	err := s.each(ctx, namespace, v1alpha1.LabelManaged+"=true", func(object *metav1.PartialObjectMetadata) error {
		m := Summary{ObjectMeta: object.ObjectMeta}
		seen[types.NamespacedName{Namespace: m.Namespace, Name: m.Name}] = Seen{m.ResourceVersion, m.Revision(), m.OwnerUID()}
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
	secrets := s.metadataOf(namespace)
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
