package revision

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Store reads and writes managed Secrets of a cluster.
type Store struct {
	Secrets corev1client.SecretsGetter
	// Metadata reads Secrets without their values. Read and what is about the Secret of a
	// resource do without it.
	Metadata metadata.Interface
}

// Read returns the live Secret and the revisions of a name: one get, one list.
// What does not exist is absent from the result, without an error.
func (s Store) Read(ctx context.Context, namespace, name string) (History, error) {
	var history History
	var err error
	if history.Live, err = s.live(ctx, namespace, name); err != nil {
		return History{}, err
	}
	history.Revisions, err = s.revisions(ctx, namespace, name)
	if err != nil {
		return History{}, err
	}
	return history, nil
}

// live returns the live Secret, and nil where there is none.
func (s Store) live(ctx context.Context, namespace, name string) (*Live, error) {
	live, err := s.Secrets.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read secret %s/%s: %w", namespace, name, err)
	}
	return newLive(live), nil
}

func newLive(s *corev1.Secret) *Live {
	return &Live{Data: s.Data, Revision: numberIn(s.Annotations), Managed: s.Labels[v1alpha1.LabelManaged] == "true",
		OwnerUID: types.UID(s.Annotations[v1alpha1.AnnotationOwner]), ResourceVersion: s.ResourceVersion, object: *s}
}

// revisions returns the revisions of a name in ascending order.
func (s Store) revisions(ctx context.Context, namespace, name string) ([]Revision, error) {
	list, err := s.Secrets.Secrets(namespace).List(ctx, metav1.ListOptions{LabelSelector: Selector(name)})
	if err != nil {
		return nil, fmt.Errorf("list revisions of secret %s/%s: %w", namespace, name, err)
	}
	var revisions []Revision
	for i := range list.Items {
		item := &list.Items[i]
		if !strings.HasPrefix(item.Name, name+".v") { // another long name with the same hash
			continue
		}
		revision, err := fromSecret(item)
		if err != nil {
			return nil, err
		}
		revisions = append(revisions, revision)
	}
	sortRevisions(revisions)
	return revisions, nil
}

// Stand reads a Secret, the metadata of its revisions, and the content of the revision that
// it says it holds. What does not exist is absent from the result, without an error.
func (s Store) Stand(ctx context.Context, namespace, name string) (*Standing, error) {
	entries, broken, err := s.entries(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	standing, err := s.stand(ctx, namespace, name, entries)
	if err == nil {
		standing.broken = broken
	}
	return standing, err
}

// stand is Stand for a caller that has read the metadata of the revisions.
func (s Store) stand(ctx context.Context, namespace, name string, entries []Entry) (*Standing, error) {
	standing := &Standing{Namespace: namespace, Name: name, Entries: entries}
	var err error
	if standing.Live, err = s.live(ctx, namespace, name); err != nil || standing.Live == nil {
		return standing, err
	}
	live := standing.Live
	for _, entry := range slices.Backward(entries) {
		// A writer may have been interrupted after it had kept what something else wrote.
		if entry.Number != live.Revision && (!entry.External() || entry.Number < live.Revision) {
			continue
		}
		kept, err := s.ReadRevision(ctx, namespace, name, entry.Number)
		if apierrors.IsNotFound(err) { // pruned since
			continue
		}
		if err != nil {
			return nil, err
		}
		if entry.Number == live.Revision {
			standing.Named = &kept
		}
		if kept.Data.Equal(live.Data) {
			standing.Held = &kept
			break
		}
	}
	return standing, nil
}

// ReadRevision reads a revision with its values. The error is the API server's where there is
// none of that number.
func (s Store) ReadRevision(ctx context.Context, namespace, name string, number int64) (Revision, error) {
	object, err := s.Secrets.Secrets(namespace).Get(ctx, revisionName(name, number), metav1.GetOptions{})
	if err != nil {
		return Revision{}, fmt.Errorf("read secret %s/%s: %w", namespace, revisionName(name, number), err)
	}
	return fromSecret(object)
}

// entries returns what the metadata of the revisions of a name say, in ascending order, and
// those that cannot be read: they are in no history.
func (s Store) entries(ctx context.Context, namespace, name string) (entries, broken []Entry, err error) {
	list, err := s.metadataOf(namespace).List(ctx, metav1.ListOptions{LabelSelector: Selector(name)})
	if err != nil {
		return nil, nil, fmt.Errorf("list revisions of secret %s/%s: %w", namespace, name, err)
	}
	for i := range list.Items {
		text, ours := strings.CutPrefix(list.Items[i].Name, name+".v")
		if !ours { // another long name with the same hash
			continue
		}
		entry, err := newEntry(&list.Items[i])
		if err == nil {
			entries = append(entries, entry)
		} else if number, err := strconv.ParseInt(text, 10, 64); err == nil {
			broken = append(broken, Entry{Number: number, UID: list.Items[i].UID})
		}
	}
	sortEntries(entries)
	return entries, broken, nil
}
