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
	// somebody else wrote it.
	Held *Revision
	// Named is the revision that the live Secret says it holds; nil: it says none, or that
	// is gone. It differs from Held where somebody else wrote since.
	Named *Revision

	// broken are what cannot be read as revisions, as somebody has changed what they say:
	// their numbers, by their names, and UIDs.
	broken []Entry
}

// External reports whether the Secret holds something that no revision has.
func (s *Standing) External() bool { return s.Live != nil && s.Held == nil && len(s.Live.Data) > 0 }

// Unfinished returns the newest revision that was written to follow what the Secret
// holds, and is not live: its writer was interrupted, or is just about to. She makes it so
// with her next command; others step over it.
func (s *Standing) Unfinished() (Entry, bool) { return s.begun(func(Entry) bool { return true }) }

// begunBy returns the newest of them that an author may finish: a content of her own. A
// deletion is finished by no write.
func (s *Standing) begunBy(author string) (Entry, bool) {
	return s.begun(func(e Entry) bool { return e.Author == author && !e.Deletes })
}

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

// Abandoned reports whether a revision never was live, and never will be: another one
// took its place behind the same one.
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

// mayBeBegun reports whether somebody may just be about to make the newest revision live:
// it is worth a moment to see whether she does.
func (s *Standing) mayBeBegun() bool {
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

// LastWriter returns who else than dbtether has written to the live Secret last, as the
// API server recorded it: the name of a program, for example kubectl-edit.
func (s *Standing) LastWriter() string {
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

// Stand reads a Secret, the metadata of its revisions, and the content of the one that it
// is said to hold. What does not exist is absent from the result, without an error.
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

// stand is Stand for who has read the metadata.
func (s Store) stand(ctx context.Context, namespace, name string, entries []Entry) (*Standing, error) {
	standing := &Standing{Namespace: namespace, Name: name, Entries: entries}
	var err error
	if standing.Live, err = s.live(ctx, namespace, name); err != nil || standing.Live == nil {
		return standing, err
	}
	live := standing.Live
	for _, entry := range slices.Backward(entries) {
		// What somebody else wrote may have been kept, and the writer interrupted then.
		if entry.Number != live.Revision && (!entry.External() || entry.Number < live.Revision) {
			continue
		}
		kept, err := s.Content(ctx, namespace, name, entry.Number)
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

// Content reads a revision with its values. The error is the API server's where there is
// none of that number.
func (s Store) Content(ctx context.Context, namespace, name string, number int64) (Revision, error) {
	object, err := s.Secrets.Secrets(namespace).Get(ctx, revisionName(name, number), metav1.GetOptions{})
	if err != nil {
		return Revision{}, fmt.Errorf("read secret %s/%s: %w", namespace, revisionName(name, number), err)
	}
	return fromSecret(object)
}

// entries returns what the metadata of the revisions of a name say, in ascending order, and
// those that cannot be read: they are in no history.
func (s Store) entries(ctx context.Context, namespace, name string) (entries, broken []Entry, err error) {
	list, err := s.Metadata.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(namespace).
		List(ctx, metav1.ListOptions{LabelSelector: Selector(name)})
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
