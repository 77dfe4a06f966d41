package provision

import (
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// TestValidate checks the names that no schema has looked at: a naming, or a status, made
// them.
func TestValidate(t *testing.T) {
	cluster := &v1alpha1.DBCluster{Spec: v1alpha1.DBClusterSpec{AdminDatabase: "maintenance"}}
	long := strings.Repeat("x", 62)
	for _, c := range []struct{ database, user, want string }{
		{"orders", "orders_api", ""},
		{long[:57], long[:61], ""},
		{long[:58], "", "has 58 bytes, at most 57 are possible"},
		{"", long, "has 62 bytes, at most 61 are possible"},
		{"template1", "", "belongs to PostgreSQL or to a provider"},
		{"pg_orders", "", "belongs to PostgreSQL or to a provider"},
		{"", "rdsadmin", "belongs to PostgreSQL or to a provider"},
		{"", "public", "belongs to PostgreSQL or to a provider"},
		{"maintenance", "", "is the one that the administrator of cluster"},
		{"", "maintenance", ""},
	} {
		j := &Job{Cluster: cluster}
		if c.database != "" {
			j.database = &databaseJob{name: c.database}
		}
		if c.user != "" {
			j.users = []*userJob{{user: &v1alpha1.DatabaseUser{}, base: c.user}}
		}
		if err := j.validate(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("database %q, user %q: %v", c.database, c.user, err)
		}
	}
}
