package revision

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Entry is what the metadata of a revision say: everything but the values.
type Entry struct {
	Number int64
	UID    types.UID
	Author string
	Reason string
	Time   time.Time
	Keys   []string
	// Changes are the keys that differ from the content that it follows, each with +, ~ or -
	// before it, and cut where they were many.
	Changes string
	// Type is that of the Secret.
	Type corev1.SecretType
	// Follows is the revision that the Secret held when this one was written; empty: there
	// was no Secret.
	Follows types.UID
	// Deletes says that there was no Secret from then on.
	Deletes bool
	// Marks are, of a deletion, the labels and our annotations that the Secret had, as JSON.
	Marks string
	// OwnerUID is the resource that the Secret belonged to.
	OwnerUID types.UID
}

// External reports whether somebody else wrote the content, who is not known.
func (e Entry) External() bool { return e.Author == AuthorExternal && e.OwnerUID == "" }

// maxNumber is the highest number of a revision: above it is no room for the next ones.
const maxNumber = 1_000_000_000_000_000 - 1

func newEntry(s metav1.Object) (Entry, error) {
	notes := s.GetAnnotations()
	number, err := strconv.ParseInt(notes[v1alpha1.AnnotationRevision], 10, 64)
	if err != nil || number < 1 || number > maxNumber || !strings.HasSuffix(s.GetName(), revisionName("", number)) {
		return Entry{}, fmt.Errorf("read revision %s/%s: annotation %s is not the number in its name",
			s.GetNamespace(), s.GetName(), v1alpha1.AnnotationRevision)
	}
	e := Entry{Number: number, UID: s.GetUID(), Author: notes[v1alpha1.AnnotationAuthor], Reason: notes[v1alpha1.AnnotationReason],
		Time: s.GetCreationTimestamp().Time, Keys: splitKeys(notes[v1alpha1.AnnotationKeys]), Changes: notes[v1alpha1.AnnotationChanges],
		Type: corev1.SecretTypeOpaque, Follows: types.UID(notes[v1alpha1.AnnotationFollows]),
		Deletes: notes[v1alpha1.AnnotationDeleted] == "true", Marks: notes[v1alpha1.AnnotationMarks], OwnerUID: types.UID(notes[v1alpha1.AnnotationOwner])}
	if kept := notes[v1alpha1.AnnotationType]; kept != "" {
		e.Type = corev1.SecretType(kept)
	}
	return e, nil
}

func splitKeys(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// last returns the newest of entries in ascending order, and false if there is none.
func last(entries []Entry) (Entry, bool) {
	if len(entries) == 0 {
		return Entry{}, false
	}
	return entries[len(entries)-1], true
}

// numbered returns the entry of a number.
func numbered(entries []Entry, number int64) (Entry, bool) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Number == number })
	if i < 0 {
		return Entry{}, false
	}
	return entries[i], true
}

func sortEntries(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Number, b.Number) })
}
