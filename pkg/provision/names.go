package provision

import (
	"slices"
	"strings"
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

type names struct{ exact, prefixes []string }

func reserved(name string, by names) bool {
	return slices.Contains(by.exact, name) ||
		slices.ContainsFunc(by.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
