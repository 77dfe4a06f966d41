package revision

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Regeneration gives keys of a Secret new values.
type Regeneration struct {
	// Keys are those that get one; a key that there is not is made.
	Keys map[string]secret.Rule
	// Rotation are rules that the Secret has from now on; nil: it keeps what it has.
	Rotation *secret.Rotation
	// IfDue is whether nothing is generated unless the rules of the Secret ask for it now.
	IfDue  bool
	Random io.Reader
	Now    time.Time
	// Reason is what is said beside which keys were rotated; may be empty.
	Reason string
}

// ErrGone says that there is nothing to be rotated any more.
var ErrGone = errors.New("the Secret, or its rotation rules, are gone")

// Edit returns the edit that does it: one revision, and with it when that was. Seen is
// what the metadata of the Secret said, or its name alone where there is none. Rules that
// somebody has changed since are a *RefusedError of the edit, with IfDue ErrGone. The
// error is a *NoteError.
//
// With IfDue, what another has rotated meanwhile is not rotated again, nor what a writer
// has that was interrupted: then the edit only says when that was.
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
	if !has || hasAll(r.Keys, kept.Keys) { // or else the others would wait for longer than they should
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

// Noting returns the edit that leaves the content of a Secret as it is and writes notes. A
// Secret that there is not is a *NotFoundError.
func Noting(namespace, name string, notes map[string]*string) Edit {
	return Edit{Namespace: namespace, Name: name, Notes: notes, Change: func(now *Standing) (secret.Data, error) {
		if now.Live == nil {
			return nil, now.Missing()
		}
		return now.Live.Data, nil
	}}
}
