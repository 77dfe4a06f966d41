package revision

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Standing is a Secret as it stands, and what it held before. The contents of earlier
// revisions are not in it.
type Standing struct {
	Namespace, Name string
	// Live is the Secret; nil: there is none.
	Live *Live
	// Entries are its revisions, in ascending order.
	Entries []Entry
	// Held is the revision with the content of the live Secret; nil: no revision has it, as
	// something else wrote it.
	Held *Revision
	// Named is the revision that the live Secret's annotation names; nil: it names none, or
	// one that is gone. It differs from Held where something else wrote since.
	Named *Revision

	// broken are the revisions whose annotations somebody has changed, so that they cannot be
	// read: their numbers, by their names, and their UIDs.
	broken []Entry
}

// External reports whether the Secret holds something that no revision has.
func (s *Standing) External() bool { return s.Live != nil && s.Held == nil && len(s.Live.Data) > 0 }

// Unfinished returns the newest revision that was written to follow what the Secret holds
// and is not live; false: there is none. Its writer was interrupted, or is just about to make
// it live. The author's next command does that; other authors pass over it.
func (s *Standing) Unfinished() (Entry, bool) { return s.begun(func(Entry) bool { return true }) }

// begunBy returns the newest unfinished revision that a write of an author may finish: one
// of her own, and no deletion.
func (s *Standing) begunBy(author string) (Entry, bool) {
	return s.begun(func(e Entry) bool { return e.Author == author && !e.Deletes })
}

// begun returns the newest unfinished revision that is wanted.
func (s *Standing) begun(wanted func(Entry) bool) (Entry, bool) {
	if s.Live == nil || s.Held == nil || s.Live.OwnerUID != "" {
		return Entry{}, false
	}
	for _, e := range slices.Backward(s.Entries) {
		if e.Number <= s.Held.Number {
			break
		}
		if e.Follows == s.Held.UID && !e.External() && e.OwnerUID == "" && wanted(e) {
			return e, true
		}
	}
	return Entry{}, false
}

// Abandoned reports whether a revision never was live and never will be: another revision
// that follows the same one took its place.
func (s *Standing) Abandoned(e Entry) bool {
	if e.Follows == "" || s.Held != nil && s.Held.UID == e.UID {
		return false
	}
	overtaken := false
	for _, other := range s.Entries {
		if other.Follows == e.UID {
			return false
		}
		overtaken = overtaken || other.Number != e.Number && other.Follows == e.Follows && (s.Held != nil && s.Held.Number >= other.Number || s.Held == nil)
	}
	pending, unfinished := s.Unfinished()
	return overtaken && (!unfinished || pending.UID != e.UID)
}

// mayBecomeLive reports whether somebody may just be about to make the newest revision live,
// so that it is worth waiting a moment.
func (s *Standing) mayBecomeLive() bool {
	newest, found := last(s.Entries)
	if s.Live == nil {
		return found && !newest.Deletes && newest.Follows == "" && !newest.External() && newest.OwnerUID == ""
	}
	pending, unfinished := s.Unfinished()
	return unfinished && !pending.Deletes
}

// Revision returns the number of what the Secret holds; 0: there is no Secret, or no
// revision of it yet.
func (s *Standing) Revision() int64 {
	switch {
	case s.Live == nil:
		return 0
	case s.Held != nil:
		return s.Held.Number
	default:
		return s.Live.Revision
	}
}

// Type returns the type of the Secret; Opaque where there is none.
func (s *Standing) Type() corev1.SecretType {
	if s.Live == nil || s.Live.object.Type == "" {
		return corev1.SecretTypeOpaque
	}
	return s.Live.object.Type
}

// Annotations returns those of the live Secret. They are not to be changed.
func (s *Standing) Annotations() map[string]string {
	if s.Live == nil {
		return nil
	}
	return s.Live.object.Annotations
}

// Labels returns those of the live Secret. They are not to be changed.
func (s *Standing) Labels() map[string]string {
	if s.Live == nil {
		return nil
	}
	return s.Live.object.Labels
}

// LastWriter returns the program other than dbtether that wrote to the live Secret last, as
// the API server recorded it, for example kubectl-edit; empty: none is known.
func (s *Standing) LastWriter() string {
	if s.Live == nil {
		return ""
	}
	var writer metav1.ManagedFieldsEntry
	for _, entry := range s.Live.object.ManagedFields {
		if entry.Manager != v1alpha1.FieldManager && (writer.Time == nil || entry.Time != nil && !entry.Time.Before(writer.Time)) {
			writer = entry
		}
	}
	return writer.Manager
}

// has reports whether a revision is there.
func (s *Standing) has(e Entry) bool {
	found, there := numbered(s.Entries, e.Number)
	return there && found.UID == e.UID
}

// lastNumber returns the highest number taken.
func (s *Standing) lastNumber() int64 {
	newest, _ := last(s.Entries)
	number := newest.Number
	for _, e := range s.broken {
		if e.Number <= maxNumber {
			number = max(number, e.Number)
		}
	}
	return number
}

// follows returns what a revision that is written now follows.
func (s *Standing) follows() types.UID {
	if s.Live == nil || s.Held == nil {
		return ""
	}
	return s.Held.UID
}

// data returns what the Secret holds.
func (s *Standing) data() secret.Data {
	if s.Live == nil {
		return nil
	}
	return s.Live.Data
}
