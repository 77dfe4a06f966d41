package revision

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// NoteError says that an annotation of a Secret cannot be read.
type NoteError struct {
	Namespace, Name, Annotation string
	Cause                       error
}

// Error implements error.
func (e *NoteError) Error() string {
	return fmt.Sprintf("read annotation %s of secret %q in namespace %q: %v", e.Annotation, e.Name, e.Namespace, e.Cause)
}

// Unwrap returns the cause.
func (e *NoteError) Unwrap() error { return e.Cause }

// Hint returns what to do about it.
func (e *NoteError) Hint() string {
	switch e.Annotation {
	case v1alpha1.AnnotationRotation:
		return fmt.Sprintf("take the rules away: kubectl dbtether secret rotate %s -n %s --no-schedule; then set them with secret rotate %s KEY --every 30d -n %s", e.Name, e.Namespace, e.Name, e.Namespace)
	case v1alpha1.AnnotationExpiresAt:
		return fmt.Sprintf("set it anew: kubectl dbtether secret expire %s -n %s --at TIME, or --never", e.Name, e.Namespace)
	default:
		return fmt.Sprintf("take the annotation away: kubectl annotate secret %s -n %s %s-", e.Name, e.Namespace, e.Annotation)
	}
}

// Due is what is to be done about a managed Secret because of the time: new values, or fewer
// revisions; and whether it has expired.
type Due struct {
	Summary
	// Rotate are the keys that are to get new values, judged by the metadata of the Secret
	// alone; none: no rotation is due. Regeneration with IfDue looks again, at the history too.
	Rotate map[string]secret.Rule
	// Expired is when the content expired; zero: it has not.
	Expired time.Time
	// Excess are revisions beyond as many as are kept, in ascending order.
	Excess []Entry
	// Err is why something is not known: annotations that cannot be read.
	Err error
}

// Work reports whether there is something to be done, or an error to be told. That a Secret
// has expired is no work: it is only told.
func (d Due) Work() bool { return len(d.Rotate) > 0 || len(d.Excess) > 0 || d.Err != nil }

// Due returns what is due of the Secret. That is nothing for the credential of a
// DatabaseUser, which is rotated and expires as the user's spec says. It does no I/O.
func (s Summary) Due(now time.Time) Due {
	d := Due{Summary: s}
	if s.OwnerUID() != "" || s.DeletionTimestamp != nil {
		return d
	}
	_, expiryErr := s.ExpiresAt()
	d.Expired = s.ExpiredAt(now)
	rotation, has, ruleErr := s.Rotation()
	last, lastErr := s.time(v1alpha1.AnnotationRotatedAt)
	// A time that is still to come was written by a clock that was wrong: lastRotation finds
	// the right one in the history.
	if ruleErr == nil && lastErr == nil && has && (!now.Before(last.Add(rotation.Interval())) || last.Sub(now) > clocksDiffer) {
		d.Rotate = rotation.Keys
	}
	d.Excess = tooMany(s.Entries, s.Revision(), HistoryLimit(s.Annotations))
	if d.Err = errors.Join(expiryErr, ruleErr); has {
		d.Err = errors.Join(d.Err, lastErr)
	}
	return d
}

// Due returns what is due of the managed Secrets of a namespace, of all for ""; Secrets of
// which nothing is due are left out. It reads metadata only: that of the Secrets, and with
// revisions that of all revisions, without which none of them is too many. What is wrong with
// one Secret is in its Due.
func (s Store) Due(ctx context.Context, namespace string, now time.Time, revisions bool) ([]Due, error) {
	entries, broken := map[types.NamespacedName][]Entry{}, map[types.NamespacedName]error{}
	if revisions {
		err := s.each(ctx, namespace, v1alpha1.LabelRevisionOf, func(object *metav1.PartialObjectMetadata) error {
			of := types.NamespacedName{Namespace: object.Namespace, Name: v1alpha1.LiveSecret(object.Name)}
			entry, err := newEntry(object)
			if err != nil {
				broken[of] = err
			}
			entries[of] = append(entries[of], entry)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("list revisions of secrets: %w", err)
		}
	}
	var all []Due
	err := s.each(ctx, namespace, v1alpha1.LabelManaged+"=true", func(object *metav1.PartialObjectMetadata) error {
		name := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
		m := Summary{ObjectMeta: object.ObjectMeta}
		if broken[name] == nil {
			m.Entries = entries[name]
			sortEntries(m.Entries)
		}
		d := m.Due(now)
		if m.OwnerUID() == "" {
			d.Err = errors.Join(d.Err, broken[name])
		}
		if d.Work() || !d.Expired.IsZero() {
			all = append(all, d)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list managed secrets: %w", err)
	}
	return all, nil
}

// DueOf returns what is due of one managed Secret, and false where there is no such Secret.
// It reads the metadata of the Secret and of its revisions.
func (s Store) DueOf(ctx context.Context, namespace, name string, now time.Time) (Due, bool, error) {
	m, err := s.Head(ctx, namespace, name)
	if err != nil || m == nil || !m.IsManaged() {
		return Due{}, false, err
	}
	if m.Entries, _, err = s.entries(ctx, namespace, name); err != nil {
		return Due{}, false, err
	}
	return m.Due(now), true, nil
}

// Trim deletes the revisions beyond as many as are kept.
func (s Store) Trim(ctx context.Context, d Due) error {
	return s.prune(ctx, d.Namespace, d.Name, d.Excess)
}
