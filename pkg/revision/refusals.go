package revision

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// RefusedError says why a Secret is not written, and what to do instead.
type RefusedError struct {
	Namespace, Name string
	// Why completes `secret "x" in namespace "y" …`.
	Why  string
	hint string
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("secret %q in namespace %q %s", e.Name, e.Namespace, e.Why)
}

// Hint returns what to do about it.
func (e *RefusedError) Hint() string { return e.hint }

// foreignTypes are the types of Secrets that a program writes and depends on: tokens, and the
// releases of Helm.
var foreignTypes = []corev1.SecretType{corev1.SecretTypeServiceAccountToken, corev1.SecretTypeBootstrapToken, "helm.sh/release.v1"}

// Writable returns a *RefusedError for a Secret that a team may not write, because it belongs
// to something else; nil for all others.
func (s *Standing) Writable() error {
	if newest, found := last(s.Entries); s.Live == nil && found && newest.OwnerUID != "" {
		return &RefusedError{s.Namespace, s.Name, "is gone, and its history is that of the credential of a DatabaseUser",
			"kubectl dbtether reconcile makes it anew; if that user is gone, too: kubectl delete secrets -n " + s.Namespace + " -l " + Selector(s.Name)}
	}
	if s.Live == nil {
		return nil
	}
	refused := func(hint, why string, args ...any) error {
		return &RefusedError{s.Namespace, s.Name, fmt.Sprintf(why, args...), hint}
	}
	object := &s.Live.object
	switch {
	case IsForeignType(object.Type):
		return refused("leave it to what makes it", "has the type %s, which is written by others", object.Type)
	case object.Type == v1alpha1.SecretTypeRevision:
		return refused("name the Secret that it is a revision of", "is a revision, which does not change")
	case s.Live.OwnerUID != "":
		return refused(fmt.Sprintf("kubectl dbtether secret rotate %s -n %s replaces the password, in PostgreSQL too; other keys come from spec.secretTemplate of the DatabaseUser", s.Name, s.Namespace),
			"holds the credential of %s", credentialOwner(object))
	case object.DeletionTimestamp != nil:
		return refused("wait until it is gone", "is being deleted")
	}
	if owner := metav1.GetControllerOf(object); owner != nil {
		return refused(fmt.Sprintf("change that %s, which would undo every other change", owner.Kind), "belongs to %s %q", owner.Kind, owner.Name)
	}
	return nil
}

// IsForeignType reports whether Secrets of a type are written by a program that depends
// on what it wrote: tokens, and the releases of Helm.
func IsForeignType(kind corev1.SecretType) bool { return slices.Contains(foreignTypes, kind) }

// withoutForeign returns the field selector that leaves Secrets of those types out.
func withoutForeign() string {
	var selectors []string
	for _, foreign := range foreignTypes {
		selectors = append(selectors, "type!="+string(foreign))
	}
	return strings.Join(selectors, ",")
}

func credentialOwner(object *corev1.Secret) string {
	for _, owner := range object.OwnerReferences {
		if owner.Kind == v1alpha1.KindDatabaseUser {
			return fmt.Sprintf("DatabaseUser %q", owner.Name)
		}
	}
	return "a DatabaseUser"
}

// changeable returns a *RefusedError where data cannot take the place of what the Secret
// holds; nil where it can.
func (s *Standing) changeable(data secret.Data, kind corev1.SecretType) error {
	if s.Live == nil {
		return nil
	}
	if kind != "" && kind != s.Type() {
		return &RefusedError{s.Namespace, s.Name, fmt.Sprintf("has the type %s, which cannot become %s", s.Type(), kind),
			"a type does not change: delete the Secret first (its history is kept), or choose another name"}
	}
	if !data.Equal(s.Live.Data) {
		return s.Mutable()
	}
	return nil
}

// Mutable returns a *RefusedError for a Secret whose content the API server does not let
// change.
func (s *Standing) Mutable() error {
	if s.Live == nil || !s.Live.immutable() {
		return nil
	}
	return &RefusedError{s.Namespace, s.Name, "is immutable",
		"write another Secret and let the workloads refer to that, or delete this one first: its history is kept"}
}

// numberDigits is how many digits of a revision's number a name leaves room for.
const numberDigits = 18

// checkName returns an error for a name that a Secret with revisions cannot have.
func checkName(namespace, name string) error {
	if of := v1alpha1.LiveSecret(name); of != name {
		return &RefusedError{namespace, name, fmt.Sprintf("has the name of a revision of %q", of), "choose a name that does not end in .v and a number"}
	}
	problems := validation.IsDNS1123Subdomain(name)
	if longest := validation.DNS1123SubdomainMaxLength - len(".v") - numberDigits; len(problems) == 0 && len(name) > longest {
		problems = []string{fmt.Sprintf("must be no more than %d bytes, so that its revisions have names", longest)}
	}
	if len(problems) > 0 {
		return &RefusedError{namespace, name, "cannot be called so: " + strings.Join(problems, "; "),
			"a name has lower case letters, digits, - and ., for example app-secrets"}
	}
	return nil
}

// maxKeyList is how many bytes the names of a Secret's keys have together at most: the
// API server takes 256 KiB of annotations.
const maxKeyList = 128 << 10

// checkContent returns an error for what no Secret may hold.
func checkContent(namespace, name string, data secret.Data) error {
	for _, key := range data.Keys() {
		if err := secret.CheckKey(key); err != nil {
			return err
		}
	}
	if size := data.Size(); size > corev1.MaxSecretSize {
		return &RefusedError{namespace, name, fmt.Sprintf("would hold %d bytes, and the API server takes %d", size, corev1.MaxSecretSize),
			"divide it among several Secrets, or keep what is large elsewhere"}
	}
	if size := len(keyList(data)); size > maxKeyList {
		return &RefusedError{namespace, name, fmt.Sprintf("would have %d keys, whose names take %d bytes: %d at most are kept beside a revision", len(data), size, maxKeyList),
			"divide it among several Secrets"}
	}
	return nil
}

// unchanged returns a *RefusedError where the Secret has another content or more revisions
// than it had when it was seen; nil also where it has less, or is gone.
func (s *Standing) unchanged(seen *Standing) error {
	refused := func(why string) error {
		return &RefusedError{s.Namespace, s.Name, why,
			fmt.Sprintf("look at it (kubectl dbtether secret history %s -n %s), and run the command again if it is to go nevertheless", s.Name, s.Namespace)}
	}
	known := slices.Concat(seen.Entries, seen.broken)
	for _, e := range slices.Backward(slices.Concat(s.broken, s.Entries)) {
		if !slices.ContainsFunc(known, func(k Entry) bool { return k.UID == e.UID }) {
			return refused(fmt.Sprintf("was changed meanwhile: revision %d was written", e.Number))
		}
	}
	if s.Live != nil && (seen.Live == nil || s.Live.UID() != seen.Live.UID() || !s.Live.Data.Equal(seen.Live.Data)) {
		return refused("was changed meanwhile")
	}
	return nil
}

// MovedError says that a Secret is not at the revision that the writer expects.
type MovedError struct {
	Namespace, Name string
	Want, Is        int64
	// Author and Time are those of the revision that it is at.
	Author string
	Time   time.Time
	// External says that the Secret was changed since, by something else.
	External bool
}

// Error implements error.
func (e *MovedError) Error() string {
	at := fmt.Sprintf("secret %q in namespace %q is at revision %d, not %d", e.Name, e.Namespace, e.Is, e.Want)
	switch {
	case e.External && e.Want == 0:
		return fmt.Sprintf("secret %q in namespace %q exists, and has no history yet", e.Name, e.Namespace)
	case e.External && e.Is == e.Want:
		return fmt.Sprintf("secret %q in namespace %q was changed by something else since revision %d", e.Name, e.Namespace, e.Want)
	case e.Is == 0:
		return fmt.Sprintf("secret %q in namespace %q has no revision %d: there is no such Secret, or it has no history yet", e.Name, e.Namespace, e.Want)
	case e.Author != "":
		return fmt.Sprintf("%s: %s wrote that at %s", at, e.Author, e.Time.UTC().Format(time.RFC3339))
	default:
		return at
	}
}

// Hint returns what to do about it.
func (e *MovedError) Hint() string {
	switch {
	case e.External && e.Want == 0:
		return "leave --if-revision out: what it holds is kept as its first revision"
	case e.Is == 0:
		return "leave --if-revision out, or give 0, to begin one"
	case e.Want == 0:
		return fmt.Sprintf("look at it (kubectl dbtether secret history %s -n %s) and name the revision that you have seen", e.Name, e.Namespace)
	default:
		return fmt.Sprintf("look at what changed (kubectl dbtether secret diff %s -n %s --revision %d) and name the revision that you have seen", e.Name, e.Namespace, e.Want)
	}
}

// NotFoundError says that there is no such Secret, or no such revision of it.
type NotFoundError struct {
	Namespace, Name string
	// Number is that of the revision; 0: it is about the Secret.
	Number int64
	// Deleted is the revision that says that it was deleted, if it was.
	Deleted *Entry
	// Has are the revisions that there are.
	Has []int64
}

// Error implements error.
func (e *NotFoundError) Error() string {
	switch {
	case e.Number > 0:
		return fmt.Sprintf("secret %q in namespace %q has no revision %d", e.Name, e.Namespace, e.Number)
	case e.Deleted != nil:
		return fmt.Sprintf("secret %q in namespace %q was deleted by %s at %s", e.Name, e.Namespace, e.Deleted.Author, e.Deleted.Time.UTC().Format(time.RFC3339))
	default:
		return fmt.Sprintf("secret %q not found in namespace %q", e.Name, e.Namespace)
	}
}

// Hint returns what to do about it.
func (e *NotFoundError) Hint() string {
	switch {
	case e.Number > 0 && len(e.Has) > 0:
		return fmt.Sprintf("it has %s: kubectl dbtether secret history %s -n %s", ranges(e.Has), e.Name, e.Namespace)
	case e.Deleted != nil || len(e.Has) > 0:
		return fmt.Sprintf("its history is there: kubectl dbtether secret undelete %s -n %s", e.Name, e.Namespace)
	default:
		return fmt.Sprintf("see which there are: kubectl dbtether secret list -n %s", e.Namespace)
	}
}

// ranges returns "1, 3-12".
func ranges(numbers []int64) string {
	var parts []string
	for i := 0; i < len(numbers); i++ {
		first := numbers[i]
		for i+1 < len(numbers) && numbers[i+1] == numbers[i]+1 {
			i++
		}
		part := fmt.Sprint(first)
		if numbers[i] > first {
			part = fmt.Sprintf("%d-%d", first, numbers[i])
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// UnknownError says that it cannot be found out whether a revision became live: others
// wrote so many since that it was pruned.
type UnknownError struct {
	Namespace, Name string
	Number          int64
}

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("write revision %d of secret %q: so many others were written meanwhile that it cannot be said whether it was live", e.Number, e.Name)
}

// Hint returns what to do about it.
func (e *UnknownError) Hint() string {
	return fmt.Sprintf("see what the Secret holds now: kubectl dbtether secret get %s -n %s", e.Name, e.Namespace)
}
