package postgres

import "testing"

func TestProvider(t *testing.T) {
	for _, c := range []struct {
		name  string
		signs providerSigns
		want  Provider
	}{
		{"nothing", providerSigns{}, SelfHosted},
		{"other extensions' settings, a role that sounds like it", providerSigns{roles: []string{"postgres", "my_rds_superuser"}, prefixes: []string{"auto_explain", "pg_stat_statements"}}, SelfHosted},
		{"RDS by its role", providerSigns{roles: []string{"rdsadmin", "rds_superuser"}}, AmazonRDS},
		{"RDS by its settings", providerSigns{prefixes: []string{"rds"}}, AmazonRDS},
		{"Aurora", providerSigns{roles: []string{"rdsadmin", "rds_superuser"}, prefixes: []string{"apg_plan_mgmt", "rds"}, aurora: true}, Aurora},
		{"Cloud SQL by its role", providerSigns{roles: []string{"cloudsqladmin", "cloudsqlsuperuser"}}, CloudSQL},
		{"Cloud SQL by its settings", providerSigns{prefixes: []string{"cloudsql"}}, CloudSQL},
		{"AlloyDB", providerSigns{roles: []string{"alloydbadmin", "alloydbsuperuser"}, prefixes: []string{"alloydb"}}, AlloyDB},
		{"AlloyDB with a role for Cloud SQL's clients", providerSigns{roles: []string{"alloydbsuperuser", "cloudsqlsuperuser"}}, AlloyDB},
		{"Azure by its role", providerSigns{roles: []string{"azuresu", "azure_pg_admin"}}, AzureServer},
		{"Azure by its settings", providerSigns{prefixes: []string{"azure"}}, AzureServer},
	} {
		if got := c.signs.provider(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
