package postgres

import (
	"testing"
	"time"
)

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

func TestIgnoresRoleSettings(t *testing.T) {
	for version, want := range map[int]bool{140013: false, 140014: true, 140015: false, 150009: true, 160005: true, 160006: false, 170001: true, 170002: false, 180001: false} {
		if got := ignoresRoleSettings(version); got != want {
			t.Errorf("%d: got %v", version, got)
		}
	}
}

func TestParseTimeout(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "0": 0, "250": 250 * time.Millisecond, "30s": 30 * time.Second, "2min": 2 * time.Minute,
		"1.5 h": 90 * time.Minute, "1d": 24 * time.Hour, "10ms": 10 * time.Millisecond, "5us": 5 * time.Microsecond, "soon": 0, "3 weeks": 0} {
		if got := parseTimeout(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
