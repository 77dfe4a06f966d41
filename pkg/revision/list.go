package revision

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// foreignTypes is the field selector that leaves out what is not for teams to write.
func foreignTypes() string {
	var selectors []string
	for _, foreign := range tokenTypes {
		selectors = append(selectors, "type!="+string(foreign))
	}
	return strings.Join(selectors, ",")
}

// List returns what the metadata of the Secrets of a namespace say, of all for "", by
// name: one request, and no value. Tokens and the releases of Helm are not among them.
func (s Store) List(ctx context.Context, namespace string) ([]Summary, error) {
	list, err := s.Metadata.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(namespace).
		List(ctx, metav1.ListOptions{FieldSelector: foreignTypes()})
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	all := map[types.NamespacedName]*Summary{}
	of := func(item *metav1.PartialObjectMetadata, name string) *Summary {
		key := types.NamespacedName{Namespace: item.Namespace, Name: name}
		if all[key] == nil {
			all[key] = &Summary{ObjectMeta: metav1.ObjectMeta{Namespace: item.Namespace, Name: name}}
		}
		return all[key]
	}
	for i := range list.Items {
		item := &list.Items[i]
		if _, revision := item.Labels[v1alpha1.LabelRevisionOf]; !revision {
			of(item, item.Name).ObjectMeta = item.ObjectMeta
			continue
		}
		entry, err := newEntry(item)
		if err != nil { // one that is broken is no reason not to see the others
			continue
		}
		s := of(item, v1alpha1.LiveSecret(item.Name))
		s.Entries = append(s.Entries, entry)
	}
	summaries := make([]Summary, 0, len(all))
	for _, s := range all {
		sortEntries(s.Entries)
		summaries = append(summaries, *s)
	}
	slices.SortFunc(summaries, func(a, b Summary) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return summaries, nil
}
