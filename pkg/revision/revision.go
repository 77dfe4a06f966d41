// Package revision keeps managed Secrets and their history in the cluster. Every
// content of a managed Secret stands in an immutable Secret <name>.v<N>, created
// before the live one changes, so that the clash of names is the lock between two
// writers and a crash in between loses nothing.
package revision

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Kept is how many revisions of a Secret are kept.
const Kept = 10

// Target is a managed Secret: where it is and whom it belongs to.
type Target struct {
	Namespace string
	Name      string
	Type      corev1.SecretType
	// OwnerUID is the resource that the Secret belongs to.
	OwnerUID types.UID
	// OwnerReference makes the Secret go when the resource goes; nil: it stays.
	OwnerReference *metav1.OwnerReference
	// OnConflict says what happens to a Secret of that name that nothing manages.
	// Empty: Fail.
	OnConflict v1alpha1.ConflictPolicy
}

// Revision is one content that a Secret had or is to have.
type Revision struct {
	Entry
	Data secret.Data
}

// Live is the Secret that applications read.
type Live struct {
	Data     secret.Data
	Revision int64
	Managed  bool
	OwnerUID types.UID
	// ResourceVersion is the API server's: while it is the same, the Secret is.
	ResourceVersion string

	object corev1.Secret
}

// UID returns the UID of the Secret.
func (l *Live) UID() types.UID { return l.object.UID }

// Holds reports whether the Secret is the target's and holds data and nothing else; under
// Merge it may have other keys that were never ours. It is false where there is no Secret.
func (l *Live) Holds(data secret.Data, target Target) bool {
	return l != nil && l.ownedBy(target) && len(l.changes(data, target)) == 0
}

// ownedBy reports whether the Secret is managed for the target's owner.
func (l *Live) ownedBy(target Target) bool {
	return l.Managed && target.OwnerUID != "" && l.OwnerUID == target.OwnerUID
}

// History is the live Secret, if there is one, and its revisions in ascending order.
type History struct {
	Live      *Live
	Revisions []Revision
}

// Newest returns the newest revision of an owner, and false when there is none. The history
// may have others: those of an earlier resource of the same name, and content that was taken
// over, which has no owner.
func (h History) Newest(owner types.UID) (Revision, bool) {
	for _, r := range slices.Backward(h.Revisions) {
		if owner != "" && r.OwnerUID == owner {
			return r, true
		}
	}
	return Revision{}, false
}

// LastNumber returns the highest number taken; 0 when there is no revision.
func (h History) LastNumber() int64 {
	if len(h.Revisions) == 0 {
		return 0
	}
	return h.Revisions[len(h.Revisions)-1].Number
}

// ConflictError says that another writer was the first to write a revision of that number.
type ConflictError struct {
	Name   string
	Number int64
	Author string
	Time   time.Time
}

// Error implements error.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("write revision %d of secret %q: %s wrote it at %s", e.Number, e.Name, e.Author, e.Time.UTC().Format(time.RFC3339))
}

// Hint returns what to do about it.
func (e *ConflictError) Hint() string {
	return "run the command again: it starts from that revision"
}

func revisionName(name string, number int64) string {
	return name + ".v" + strconv.FormatInt(number, 10)
}

func fromSecret(s *corev1.Secret) (Revision, error) {
	entry, err := newEntry(s)
	return Revision{Entry: entry, Data: s.Data}, err
}

func sortRevisions(revisions []Revision) {
	slices.SortFunc(revisions, func(a, b Revision) int { return cmp.Compare(a.Number, b.Number) })
}
