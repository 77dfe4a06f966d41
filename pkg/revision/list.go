package revision

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// List returns what the metadata of the Secrets of a namespace says, of all for "", sorted by
// namespace and name. It sends one request and reads no value. Tokens and the releases of Helm
// are not among them. A name of which only revisions are left has a Summary that says so, see
// Exists.
func (s Store) List(ctx context.Context, namespace string) ([]Summary, error) {
	list, err := s.metadataOf(namespace).List(ctx, metav1.ListOptions{FieldSelector: withoutForeign()})
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
