package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// inWords says what a user may do: readonly in database "orders", INSERT on audit.
func inWords(user *v1alpha1.DatabaseUser) string {
	var words []string
	for _, a := range user.Access() {
		words = append(words, fmt.Sprintf("%s in database %q", a.Privileges, seenFrom(user.Namespace, a.Namespace, a.Name)))
	}
	for _, grant := range user.Spec.AdditionalGrants {
		words = append(words, join(grant.Privileges)+" on "+join(grant.Tables))
	}
	return strings.Join(words, ", ")
}

// parseAccess reads [NAMESPACE/]DATABASE[=PRIVILEGES].
func parseAccess(text string) (v1alpha1.DatabaseAccess, error) {
	name, privileges, given := strings.Cut(text, "=")
	access := v1alpha1.DatabaseAccess{Name: name, Privileges: v1alpha1.Privileges(privileges)}
	if namespace, rest, qualified := strings.Cut(name, "/"); qualified {
		access.Namespace, access.Name = namespace, rest
	}
	switch {
	case access.Name == "" || strings.Contains(access.Name, "/") || strings.Contains(name, "/") && access.Namespace == "":
		return access, Usagef("%q is not a database: write [NAMESPACE/]DATABASE[=PRIVILEGES]", text)
	case given && access.Privileges != v1alpha1.ReadOnly && access.Privileges != v1alpha1.ReadWrite && access.Privileges != v1alpha1.Admin:
		return access, Usagef("%q are no privileges: they are readonly, readwrite or admin", privileges)
	}
	return access, nil
}

// references returns the user's references as they stand in the spec.
func references(user *v1alpha1.DatabaseUser) []v1alpha1.DatabaseAccess {
	if user.Spec.DatabaseRef != nil {
		return []v1alpha1.DatabaseAccess{*user.Spec.DatabaseRef}
	}
	return slices.Clone(user.Spec.DatabaseRefs)
}

// setReferences writes one reference as databaseRef where the user has that, and
// several as databaseRefs.
func setReferences(user *v1alpha1.DatabaseUser, refs []v1alpha1.DatabaseAccess) {
	if len(refs) == 1 && user.Spec.DatabaseRef != nil {
		user.Spec.DatabaseRef = &refs[0]
		return
	}
	user.Spec.DatabaseRef, user.Spec.DatabaseRefs = nil, refs
}

func sameDatabase(user *v1alpha1.DatabaseUser, a, b v1alpha1.DatabaseAccess) bool {
	return a.Name == b.Name && orDefault(a.Namespace, user.Namespace) == orDefault(b.Namespace, user.Namespace)
}

// secretFor returns the name of the Secret that has a user's credential for one of its
// Databases.
func secretFor(user *v1alpha1.DatabaseUser, database string) string {
	if user.PerDatabase() {
		return user.SecretNameFor(database)
	}
	return user.SecretName()
}
