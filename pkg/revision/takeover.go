package revision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// AuthorExternal is the author of a revision that holds what somebody else wrote
// into a Secret. It has no owner: deleting the resource leaves it.
const AuthorExternal = "external"

const reasonTakeover = "content before it was taken over"

// anotherResource is the keeper of a managed Secret.
const anotherResource = "another resource"

// Check returns an error unless the target may have the live Secret: there is none, it is
// the target's, or nothing manages it and onConflict Adopt or Merge takes it over. The error
// is a *ForeignError for a Secret that belongs to something else, and a *FixedError for one
// that might be taken over but cannot be written.
func (h History) Check(target Target) error {
	switch live := h.Live; {
	case live == nil || live.ownedBy(target):
		return nil
	case live.keeper(target) != "":
		return &ForeignError{Namespace: target.Namespace, Name: target.Name, Keeper: live.keeper(target)}
	case target.OwnerUID == "" || target.OnConflict != v1alpha1.ConflictAdopt && target.OnConflict != v1alpha1.ConflictMerge:
		return &ForeignError{Namespace: target.Namespace, Name: target.Name}
	case !live.takeable(target):
		return &FixedError{Namespace: target.Namespace, Name: target.Name, Type: live.object.Type}
	case live.immutable():
		return &FixedError{Namespace: target.Namespace, Name: target.Name}
	default:
		return nil
	}
}

// Preserve keeps what a live Secret holds that is about to be taken over, as a
// revision, and returns the history with it. It does nothing where there is nothing
// to take over, and nothing twice. Promote does the same; who calls Preserve before
// Stage has the revisions in the order of events.
func (s Store) Preserve(ctx context.Context, target Target, history History) (History, error) {
	live := history.Live
	if live == nil || len(live.Data) == 0 || live.ownedBy(target) {
		return history, nil
	}
	if err := history.Check(target); err != nil {
		return history, err
	}
	kept := func(r Revision) bool { return r.External() && r.Data.Equal(live.Data) }
	if slices.ContainsFunc(history.Revisions, kept) {
		return history, nil
	}
	nobody := Target{Namespace: target.Namespace, Name: target.Name}
	r, err := s.Stage(ctx, nobody, history.LastNumber(), live.Data, AuthorExternal, reasonTakeover)
	if err != nil {
		return history, fmt.Errorf("keep the content of secret %q before it is taken over: %w", target.Name, err)
	}
	history.Revisions = append(slices.Clone(history.Revisions), r)
	return history, nil
}

// preserve is Preserve for a caller that has not read the revisions.
func (s Store) preserve(ctx context.Context, target Target, live *Live) error {
	if live.ownedBy(target) {
		return nil
	}
	revisions, err := s.revisions(ctx, target.Namespace, target.Name)
	if err != nil {
		return err
	}
	_, err = s.Preserve(ctx, target, History{Live: live, Revisions: revisions})
	return err
}

// keeper returns what else than the target manages the Secret; empty: nothing.
func (l *Live) keeper(target Target) string {
	if l.Managed {
		return anotherResource
	}
	if owner := metav1.GetControllerOf(&l.object); owner != nil && owner.UID != target.OwnerUID {
		return fmt.Sprintf("%s %q", owner.Kind, owner.Name)
	}
	return ""
}

// takeable reports whether a credential may have the Secret's type, which the API server does
// not let change: other types promise certain keys to whoever reads them.
func (l *Live) takeable(target Target) bool {
	switch l.object.Type {
	case "", corev1.SecretTypeOpaque, corev1.SecretTypeBasicAuth, target.Type:
		return true
	}
	return strings.HasPrefix(string(l.object.Type), "servicebinding.io/")
}

func (l *Live) immutable() bool { return l.object.Immutable != nil && *l.object.Immutable }

// ForeignError says that a Secret of that name exists and belongs to something else.
type ForeignError struct {
	Namespace, Name string
	// Keeper is what manages the Secret; empty: nothing does.
	Keeper string
}

// Error implements error.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("secret %q in namespace %q exists and is not managed by this resource", e.Name, e.Namespace)
}

// Hint returns what to do about it.
func (e *ForeignError) Hint() string {
	switch e.Keeper {
	case "":
		return "choose another name in spec.secretTemplate.name (--secret), or take the Secret over with spec.secretTemplate.onConflict (--on-conflict): Merge keeps its other keys, Adopt does not"
	case anotherResource:
		return "choose another name in spec.secretTemplate.name (--secret); if the resource that managed it is gone, take the label " + v1alpha1.LabelManaged +
			" off the Secret and set spec.secretTemplate.onConflict (--on-conflict)"
	default:
		return "choose another name in spec.secretTemplate.name: " + e.Keeper + " controls this Secret and would undo every change"
	}
}

// FixedError says that a Secret cannot be written.
type FixedError struct {
	Namespace, Name string
	// Type is the type that stands in the way; empty: the Secret is immutable.
	Type corev1.SecretType
}

// Error implements error.
func (e *FixedError) Error() string {
	if e.Type != "" {
		return fmt.Sprintf("secret %q in namespace %q has the type %s, which cannot change and is not one for a credential", e.Name, e.Namespace, e.Type)
	}
	return fmt.Sprintf("secret %q in namespace %q is immutable", e.Name, e.Namespace)
}

// Hint returns what to do about it.
func (e *FixedError) Hint() string {
	return "choose another name in spec.secretTemplate.name (--secret), or delete the Secret if nothing needs it: it is then made anew"
}
