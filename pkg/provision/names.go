package provision

import (
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// Names that belong to PostgreSQL or to a provider. The API refuses them in
// spec.databaseName and spec.username; these lists hold for derived names.
var (
	databasesOfOthers = names{
		exact: []string{"postgres", "template0", "template1", "rdsadmin", "cloudsqladmin", "alloydbadmin",
			"azure_maintenance", "azure_sys"},
		prefixes: []string{"pg_"},
	}
	rolesOfOthers = names{
		exact:    []string{"postgres", "public", "none"},
		prefixes: []string{"pg_", "rds", "cloudsql", "azure"},
	}
)

// names are exact names, and those with one of the prefixes.
type names struct{ exact, prefixes []string }

// reserved reports whether a name is one of them.
func reserved(name string, by names) bool {
	return slices.Contains(by.exact, name) ||
		slices.ContainsFunc(by.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// databaseMarker returns the marker by which a database on the server is known to be the
// resource's.
func databaseMarker(db *v1alpha1.Database) postgres.Marker {
	return postgres.Marker{Kind: v1alpha1.KindDatabase, Resource: key(db), UID: string(db.UID)}
}

// userMarker returns the marker of a user's logins.
func userMarker(user *v1alpha1.DatabaseUser) postgres.Marker {
	return postgres.Marker{Kind: v1alpha1.KindDatabaseUser, Resource: key(user), UID: string(user.UID)}
}

// key returns namespace/name.
func key(object interface {
	GetNamespace() string
	GetName() string
}) string {
	return object.GetNamespace() + "/" + object.GetName()
}
