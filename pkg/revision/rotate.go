package revision

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Regeneration gives keys of a Secret new values.
type Regeneration struct {
	// Keys are the keys that get one, with their rules; a key that is not there is added.
	Keys map[string]secret.Rule
	// Rotation is the rules that the Secret has from now on; nil: it keeps those that it has.
	Rotation *secret.Rotation
	// IfDue generates values only where the rules of the Secret ask for them now.
	IfDue  bool
	Random io.Reader
	Now    time.Time
	// Reason follows, in the reason of the revision, the list of rotated keys; may be empty.
	Reason string
}

// ErrGone says that there is nothing to be rotated any more.
var ErrGone = errors.New("the Secret, or its rotation rules, are gone")

// Edit returns the edit that generates the values: one revision, and an annotation that says
// when it was written. seen is what the metadata of the Secret said, or its name alone where
// there is none. The error is a *NoteError. Rules that somebody has changed after seen make
// the edit fail, with a *RefusedError, or with IfDue with ErrGone.
//
// With IfDue, nothing is rotated again that another run has rotated meanwhile, nor what a run
// did that was interrupted: then the edit only writes down when that was.
func (r Regeneration) Edit(seen Summary) (Edit, error) {
	kept, has, err := seen.Rotation()
	if r.Rotation != nil {
		kept, has, err = *r.Rotation, true, nil
	}
	if err != nil {
		return Edit{}, err
	}
	at := r.Now.UTC().Format(time.RFC3339)
	e := Edit{Namespace: seen.Namespace, Name: seen.Name, Notes: map[string]*string{}, Reason: strings.TrimSuffix(rotatedReason+keysIn(r.Keys)+": "+r.Reason, ": ")}
	if !has || hasAll(r.Keys, kept.Keys) { // a rotation of some keys does not put off the others
		e.Notes[v1alpha1.AnnotationRotatedAt] = &at
	}
	if r.Rotation != nil {
		rules := r.Rotation.String()
		e.Notes[v1alpha1.AnnotationRotation] = &rules
	}
	rules := seen.Annotations[v1alpha1.AnnotationRotation]
	e.Change = func(now *Standing) (secret.Data, error) {
		if now.Annotations()[v1alpha1.AnnotationRotation] != rules {
			return nil, r.overtaken(now)
		}
		if r.IfDue {
			due, last, err := r.due(now, kept)
			if err != nil || !due {
				at = last.UTC().Format(time.RFC3339)
				return now.data(), err
			}
			at = r.Now.UTC().Format(time.RFC3339)
		}
		values, err := r.generate()
		return now.data().Merge(values), err
	}
	return e, nil
}

func (r Regeneration) overtaken(now *Standing) error {
	if r.IfDue {
		return ErrGone
	}
	return &RefusedError{now.Namespace, now.Name, "was given other rotation rules meanwhile", "run the command again: it starts from those"}
}

// due reports whether the rules of a Secret ask for new values, and when it got them last.
func (r Regeneration) due(now *Standing, rules secret.Rotation) (bool, time.Time, error) {
	if now.Live == nil || !now.Live.Managed {
		return false, time.Time{}, ErrGone
	}
	last, err := lastRotation(now, rules.Keys, r.Now)
	return !r.Now.Before(last.Add(rules.Interval())), last, err
}

func (r Regeneration) generate() (secret.Data, error) {
	values := secret.Data{}
	for _, key := range slices.Sorted(maps.Keys(r.Keys)) {
		value, err := r.Keys[key].Generate(r.Random)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", key, err)
		}
		values[key] = []byte(value.Reveal())
	}
	return values, nil
}

// hasAll reports whether keys has all of others.
func hasAll(keys, others map[string]secret.Rule) bool {
	for key := range others {
		if _, has := keys[key]; !has {
			return false
		}
	}
	return true
}

// Noting returns the edit that writes annotations and leaves the content of a Secret as it
// is. Where there is no Secret, the edit fails with a *NotFoundError.
func Noting(namespace, name string, notes map[string]*string) Edit {
	return Edit{Namespace: namespace, Name: name, Notes: notes, Change: func(now *Standing) (secret.Data, error) {
		if now.Live == nil {
			return nil, now.Missing()
		}
		return now.Live.Data, nil
	}}
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
