package revision

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Summary is what the metadata of a Secret and of its revisions says.
type Summary struct {
	metav1.ObjectMeta
	// Entries are its revisions, in ascending order; none where they were not read.
	Entries []Entry
}

// Exists reports whether there is the Secret, and not only what it held before.
func (s Summary) Exists() bool { return s.UID != "" }

// IsManaged reports whether the Secret has a history.
func (s Summary) IsManaged() bool { return s.Labels[v1alpha1.LabelManaged] == "true" }

// Revision returns the number of the revision that the Secret says it holds; 0: none.
func (s Summary) Revision() int64 { return numberIn(s.Annotations) }

// Held returns the revision that the Secret says it holds; false: none, or it was not read.
func (s Summary) Held() (Entry, bool) { return numbered(s.Entries, s.Revision()) }

// Keys returns the keys of a managed Secret; those of others are not known.
func (s Summary) Keys() []string {
	if !s.IsManaged() {
		return nil
	}
	return splitKeys(s.Annotations[v1alpha1.AnnotationKeys])
}

// OwnerUID returns the resource that the Secret belongs to; empty: none.
func (s Summary) OwnerUID() types.UID { return types.UID(s.Annotations[v1alpha1.AnnotationOwner]) }

// Rotation returns the rules of the Secret, and false if it has none. The error is a
// *NoteError.
func (s Summary) Rotation() (secret.Rotation, bool, error) {
	text, has := s.Annotations[v1alpha1.AnnotationRotation]
	if !has {
		return secret.Rotation{}, false, nil
	}
	rotation, err := secret.ParseRotation(text)
	if err != nil {
		return rotation, true, &NoteError{s.Namespace, s.Name, v1alpha1.AnnotationRotation, err}
	}
	return rotation, true, nil
}

// ExpiresAt returns when the Secret expires; zero: never. The error is a *NoteError.
func (s Summary) ExpiresAt() (time.Time, error) { return s.time(v1alpha1.AnnotationExpiresAt) }

// ExpiredAt returns when the Secret expired; zero: it has not, or its annotation is no time.
func (s Summary) ExpiredAt(now time.Time) time.Time {
	at, err := s.ExpiresAt()
	if err != nil || now.Before(at) {
		return time.Time{}
	}
	return at
}

// time returns what an annotation says; zero where it is not there.
func (s Summary) time(name string) (time.Time, error) {
	text, has := s.Annotations[name]
	if !has {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		err = &NoteError{s.Namespace, s.Name, name, fmt.Errorf("%q is no time like 2030-01-31T00:00:00Z", text)}
	}
	return at, err
}

// Head reads the metadata of a Secret, managed or not, without its revisions; nil: there is
// no such Secret.
func (s Store) Head(ctx context.Context, namespace, name string) (*Summary, error) {
	object, err := s.metadataOf(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read secret %s/%s: %w", namespace, name, err)
	}
	return &Summary{ObjectMeta: object.ObjectMeta}, nil
}

// metadataOf returns the client that reads Secrets of a namespace, of all for "", without
// their values.
func (s Store) metadataOf(namespace string) metadata.ResourceInterface {
	return s.Metadata.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(namespace)
}
