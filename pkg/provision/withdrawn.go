package provision

import (
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// withdraw finds the databases of other namespaces that no longer admit a user which
// exists, and reports whether there are any: its access to them ends, and it keeps
// what each of its other databases admits by itself. One that keeps none is closed.
// Cause is the denial of the user as a whole, which the run then ends with. No other
// denial ends anything: who shares a database may take that back, but nobody is to lose
// her own by a rule that was changed by mistake.
func (u *userJob) withdraw(decide func(metav1.Object) review.Outcome, cause error) bool {
	if u.user.UID == "" || u.user.Status.BaseUsername == "" {
		return false
	}
	var kept []access
	var said []string
	for _, a := range u.access {
		// What it owns stands in no reference.
		if owned := a.Namespace == u.user.Namespace && !slices.ContainsFunc(u.user.Access(), a.sameDatabase); owned {
			kept = append(kept, a)
			continue
		}
		outcome := decide(u.only(a))
		switch {
		case outcome.Allowed:
			kept = append(kept, a)
		case !outcome.NotShared():
			return false
		default:
			said = append(said, fmt.Sprintf("database %q of namespace %q is shared with %q no more: its access ends", a.Name, a.Namespace, u.user.Name))
		}
	}
	if len(said) == 0 || !errors.As(cause, &u.denied) {
		return false
	}
	u.withdrawn = said
	if len(kept) == 0 {
		u.closed = true
		return true
	}
	u.access, u.secrets = kept, nil
	u.setTargets()
	return true
}

// namespaces lists the user's own namespace and those of its databases.
func (u *userJob) namespaces() []string {
	names := []string{u.user.Namespace}
	for _, a := range u.access {
		names = append(names, a.Namespace)
	}
	return names
}

func (a access) sameDatabase(ref v1alpha1.DatabaseAccess) bool {
	return a.Name == ref.Name && a.Namespace == ref.Namespace
}

// only returns the user with one of its databases.
func (u *userJob) only(a access) *v1alpha1.DatabaseUser {
	user := u.user.DeepCopy()
	user.Spec.DatabaseRef = nil
	user.Spec.DatabaseRefs = []v1alpha1.DatabaseAccess{a.DatabaseAccess}
	return user
}

// denied returns the denial of a user of the job whose access was withdrawn.
func (j *Job) denied() error {
	for _, u := range j.users {
		if u.denied != nil {
			return u.denied
		}
	}
	return nil
}
