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
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
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
	// Type is the type of the Secret that it is a revision of.
	Type corev1.SecretType
	// Follows is the revision that the Secret held when this one was written; empty: there
	// was no Secret.
	Follows types.UID
	// Deletes says that the revision announces the deletion of the Secret.
	Deletes bool
	// Marks are, of a deletion, the labels and our annotations that the Secret had, as JSON.
	Marks string
	// OwnerUID is the resource that the Secret belonged to.
	OwnerUID types.UID
}

// External reports whether the revision keeps what something other than dbtether wrote.
func (e Entry) External() bool { return e.Author == AuthorExternal && e.OwnerUID == "" }

// maxNumber is the highest number that a revision may have. A forged one near the end of
// int64 would leave no room for the next.
const maxNumber = 1_000_000_000_000_000 - 1

// newEntry reads the metadata of a revision. It fails where the number in its annotation is
// not that in its name.
func newEntry(s metav1.Object) (Entry, error) {
	notes := s.GetAnnotations()
	number := numberIn(notes)
	if number == 0 || !strings.HasSuffix(s.GetName(), revisionName("", number)) {
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

// numberIn returns the number of a revision that annotations say: on a revision its own, on
// the live Secret that of what it holds. It is 0 where they say none that there can be.
func numberIn(notes map[string]string) int64 {
	number, err := strconv.ParseInt(notes[v1alpha1.AnnotationRevision], 10, 64)
	if err != nil || number < 1 || number > maxNumber {
		return 0
	}
	return number
}

// keyList returns the names of keys as an annotation has them.
func keyList(data secret.Data) string { return strings.Join(data.Keys(), ",") }

// splitKeys reads what keyList has written.
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
