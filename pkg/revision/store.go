package revision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
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
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Store reads and writes managed Secrets of a cluster.
type Store struct {
	Secrets corev1client.SecretsGetter
	// Metadata is for what reads no values; who reads them all leaves it nil.
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
	number, _ := strconv.ParseInt(s.Annotations[v1alpha1.AnnotationRevision], 10, 64)
	return &Live{Data: s.Data, Revision: number, Managed: s.Labels[v1alpha1.LabelManaged] == "true",
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

// Stage writes data as the revision that follows number, and returns it. If that
// revision exists already with the same data and owner, an earlier run wrote it: it
// is returned. Otherwise a *ConflictError tells who was first.
func (s Store) Stage(ctx context.Context, target Target, number int64, data secret.Data, author, reason string) (Revision, error) {
	number++
	immutable := true
	object := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: revisionName(target.Name, number), Namespace: target.Namespace,
			Labels: map[string]string{v1alpha1.LabelRevisionOf: labelValue(target.Name)},
			Annotations: map[string]string{
				v1alpha1.AnnotationRevision: strconv.FormatInt(number, 10),
				v1alpha1.AnnotationAuthor:   author,
				v1alpha1.AnnotationReason:   reason,
				v1alpha1.AnnotationOwner:    string(target.OwnerUID),
				v1alpha1.AnnotationKeys:     keyList(data),
			},
			OwnerReferences: target.owners(),
		},
		Type: v1alpha1.SecretTypeRevision, Immutable: &immutable, Data: data,
	}
	created, err := s.Secrets.Secrets(target.Namespace).Create(ctx, object, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager})
	if err == nil {
		return fromSecret(created)
	}
	if !apierrors.IsAlreadyExists(err) {
		return Revision{}, fmt.Errorf("create secret %s/%s: %w", target.Namespace, object.Name, err)
	}
	taken, err := s.Secrets.Secrets(target.Namespace).Get(ctx, object.Name, metav1.GetOptions{})
	if err != nil {
		return Revision{}, fmt.Errorf("read secret %s/%s: %w", target.Namespace, object.Name, err)
	}
	existing, err := fromSecret(taken)
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
	// Wrote is whether anything had to be written.
	Wrote bool
	// ResourceVersion is that of the live Secret now.
	ResourceVersion string
}

// Promote makes the live Secret carry a revision: it is created, or patched with
// what differs. It returns the live Secret's version. A live Secret that
// changed since it was read is a conflict of the API server; one that the target
// may not have is refused as by Check, and one that it takes over is kept as by
// Preserve first.
func (s Store) Promote(ctx context.Context, target Target, live *Live, revision Revision) (Promoted, error) {
	annotations := map[string]string{
		v1alpha1.AnnotationRevision: strconv.FormatInt(revision.Number, 10),
		v1alpha1.AnnotationOwner:    string(target.OwnerUID),
		v1alpha1.AnnotationKeys:     keyList(revision.Data),
	}
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
	if err != nil {
		return Promoted{}, fmt.Errorf("patch secret %s/%s: %w", target.Namespace, target.Name, err)
	}
	return Promoted{Wrote: true, ResourceVersion: patched.ResourceVersion}, nil
}

// Prune deletes the oldest revisions beyond Kept.
func (s Store) Prune(ctx context.Context, target Target, history History) error {
	excess := len(history.Revisions) - Kept
	for i := range max(excess, 0) {
		name := revisionName(target.Name, history.Revisions[i].Number)
		if err := s.Secrets.Secrets(target.Namespace).Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete secret %s/%s: %w", target.Namespace, name, err)
		}
	}
	return nil
}

// Delete removes the live Secret and then its revisions, oldest first, so that a
// run that stops in between leaves what the next one needs. What belongs to
// another owner or to nobody stays, and so does the content that was taken over.
func (s Store) Delete(ctx context.Context, target Target) error {
	history, err := s.Read(ctx, target.Namespace, target.Name)
	if err != nil {
		return err
	}
	var names []string
	if history.Live != nil && history.Live.ownedBy(target) {
		names = append(names, target.Name)
	}
	for _, r := range history.Revisions {
		if target.OwnerUID != "" && r.OwnerUID == target.OwnerUID {
			names = append(names, revisionName(target.Name, r.Number))
		}
	}
	for _, name := range names {
		if err := s.Secrets.Secrets(target.Namespace).Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete secret %s/%s: %w", target.Namespace, name, err)
		}
	}
	return nil
}

// labelValue returns a name as a label value, which takes 63 characters: a longer
// name is cut and a hash of the whole appended.
func labelValue(name string) string {
	if len(name) <= 63 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:46], ".-") + "-" + hex.EncodeToString(sum[:8])
}

func keyList(data secret.Data) string {
	return strings.Join(slices.Sorted(maps.Keys(data)), ",")
}
