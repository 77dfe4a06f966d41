package postgres

import "slices"

// Provider is who runs a server.
type Provider string

// The providers that are known by what they leave in a server.
const (
	SelfHosted  Provider = "self-hosted"
	AmazonRDS   Provider = "Amazon RDS"
	Aurora      Provider = "Amazon Aurora"
	CloudSQL    Provider = "Google Cloud SQL"
	AlloyDB     Provider = "Google AlloyDB"
	AzureServer Provider = "Azure Database for PostgreSQL"
)

// providerSigns is what tells providers apart: roles, the first words of settings with
// a dot in their name, and whether the function aurora_version exists.
type providerSigns struct {
	roles, prefixes []string
	aurora          bool
}

// provider names the provider. AlloyDB comes before Cloud SQL and Aurora before RDS,
// whose signs they bear too.
func (s providerSigns) provider() Provider {
	has := func(role, prefix string) bool {
		return slices.Contains(s.roles, role) || slices.Contains(s.prefixes, prefix)
	}
	switch {
	case s.aurora:
		return Aurora
	case has("rds_superuser", "rds"):
		return AmazonRDS
	case has("alloydbsuperuser", "alloydb"):
		return AlloyDB
	case has("cloudsqlsuperuser", "cloudsql"):
		return CloudSQL
	case has("azure_pg_admin", "azure"):
		return AzureServer
	default:
		return SelfHosted
	}
}
