package revision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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

// Due is what time asks for of a managed Secret.
type Due struct {
	Summary
	// Rotate are the keys that are to get new values, as far as the metadata of the Secret
	// itself say; none: that is not due. Regeneration with IfDue looks again.
	Rotate map[string]secret.Rule
	// Expired is since when the content is no longer to be used; zero: it may be.
	Expired time.Time
	// Excess are revisions beyond as many as are kept, in ascending order.
	Excess []Entry
	// Err is why something is not known: annotations that cannot be read.
	Err error
}

// Work reports whether there is something to be done, or that failed; that a Secret has
// expired is only to be told.
func (d Due) Work() bool { return len(d.Rotate) > 0 || len(d.Excess) > 0 || d.Err != nil }

// Due returns what time asks for of the Secret. Of a credential of a DatabaseUser that is
// nothing: its own rotation and expiry are that of the user. It does no I/O.
func (s Summary) Due(now time.Time) Due {
	d := Due{Summary: s}
	if s.OwnerUID() != "" || s.DeletionTimestamp != nil {
		return d
	}
	_, expiryErr := s.ExpiresAt()
	d.Expired = s.ExpiredAt(now)
	rotation, has, ruleErr := s.Rotation()
	last, lastErr := s.time(v1alpha1.AnnotationRotatedAt)
	// A time that is still to come was written by a clock that was wrong: who looks closer
	// finds the right one in the history.
	if ruleErr == nil && lastErr == nil && has && (!now.Before(last.Add(rotation.Interval())) || last.Sub(now) > clocksDiffer) {
		d.Rotate = rotation.Keys
	}
	if number, err := strconv.ParseInt(s.Annotations[v1alpha1.AnnotationRevision], 10, 64); err == nil {
		d.Excess = tooMany(s.Entries, number, HistoryLimit(s.Annotations))
	}
	if d.Err = errors.Join(expiryErr, ruleErr); has {
		d.Err = errors.Join(d.Err, lastErr)
	}
	return d
}

// Due returns what time asks for of the managed Secrets of a namespace, of all for "",
// those of which it asks nothing left out. It reads metadata only: those of the Secrets,
// and those of all revisions where it is to be known which are too many. What is wrong
// with one Secret stands in its Due.
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

// DueOf returns what time asks for of one managed Secret, and false where there is no such
// Secret. It reads its metadata and those of its revisions.
func (s Store) DueOf(ctx context.Context, namespace, name string, now time.Time) (Due, bool, error) {
	m, err := s.Head(ctx, namespace, name)
	if err != nil || m == nil || m.Labels[v1alpha1.LabelManaged] != "true" {
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

// rotatedReason begins the reason of every revision that a rotation writes.
const rotatedReason = "rotated: "

// Rotates reports whether the revision gave keys new values that were generated.
func (e Entry) Rotates() bool { return strings.HasPrefix(e.Reason, rotatedReason) }

// listedKeys is how many keys a reason names at most.
const listedKeys = 12

// clocksDiffer is how far two clocks may be apart: that of a writer, and that of the API
// server or of whoever looks.
const clocksDiffer = 10 * time.Minute

// lastRotation returns when keys of a Secret last got new values: what its annotation says,
// or when the revision with them was written, where the writer was interrupted before the
// annotation or wrote a time that is still to come. Where there is neither, they are as old
// as what the Secret holds. It does no I/O.
func lastRotation(now *Standing, keys map[string]secret.Rule, clock time.Time) (time.Time, error) {
	m := Summary{ObjectMeta: metav1.ObjectMeta{Namespace: now.Namespace, Name: now.Name, Annotations: now.Annotations()}}
	last, err := m.time(v1alpha1.AnnotationRotatedAt)
	if err != nil {
		return last, err
	}
	if last.Sub(clock) > clocksDiffer {
		last = time.Time{}
	}
	newest := now.Live.object.CreationTimestamp.Time
	for _, e := range now.Entries {
		if e.Number > now.Revision() {
			break
		}
		// The API server's clock says when a revision was written, the writer's what the
		// annotation says: a difference as between two clocks is none.
		if newest = e.Time; e.Time.Sub(last) > clocksDiffer && e.Rotates() && covers(e.Changes, keys) {
			last = e.Time
		}
	}
	if last.IsZero() {
		last = newest
	}
	return last, nil
}

// covers reports whether the changes of a revision name all keys.
func covers(changes string, keys map[string]secret.Rule) bool {
	named := strings.Fields(changes)
	for key := range keys {
		if !slices.Contains(named, "~"+key) && !slices.Contains(named, "+"+key) {
			return false
		}
	}
	return true
}

// keysIn returns "A, B and 3 more".
func keysIn(keys map[string]secret.Rule) string {
	names := slices.Sorted(maps.Keys(keys))
	if len(names) > listedKeys {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:listedKeys], ", "), len(names)-listedKeys)
	}
	return strings.Join(names, ", ")
}
