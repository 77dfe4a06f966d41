package review

import (
	"cmp"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// SecretNames returns the names of the Secrets, in the user's namespace, that hold its
// credential or are to hold it: those of its spec and those of its status, which differ while
// a credential moves. The names of revisions are not among them; v1alpha1.LiveSecret returns
// the Secret of a revision.
func SecretNames(user *v1alpha1.DatabaseUser) []string {
	names := []string{user.SecretName()}
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if user.PerDatabase() {
		for _, access := range user.Access() {
			add(user.SecretNameFor(access.Name))
		}
	}
	add(user.Status.SecretName)
	for _, database := range user.Status.Databases {
		add(database.SecretName)
	}
	return names
}

// SortByName sorts users of one namespace.
func SortByName(users []*v1alpha1.DatabaseUser) {
	slices.SortFunc(users, func(a, b *v1alpha1.DatabaseUser) int { return cmp.Compare(a.Name, b.Name) })
}
