package v1alpha1_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func TestPostgresName(t *testing.T) {
	for _, c := range []struct{ resource, spec, want string }{
		{"orders", "", "orders"},
		{"my-app-db", "", "my_app_db"},
		{"my.app-db", "", "my_app_db"},
		{"a--b", "", "a__b"},
		{"1st", "", "1st"},
		{"orders", "Orders-2", "Orders-2"},
		{"my-app-db", "my_app", "my_app"},
	} {
		meta := metav1.ObjectMeta{Name: c.resource}
		database := &v1alpha1.Database{ObjectMeta: meta, Spec: v1alpha1.DatabaseSpec{DatabaseName: c.spec}}
		if got := database.PostgresName(); got != c.want {
			t.Errorf("database %q with databaseName %q: %q, want %q", c.resource, c.spec, got, c.want)
		}
		user := &v1alpha1.DatabaseUser{ObjectMeta: meta, Spec: v1alpha1.DatabaseUserSpec{Username: c.spec}}
		if got := user.PostgresName(); got != c.want {
			t.Errorf("user %q with username %q: %q, want %q", c.resource, c.spec, got, c.want)
		}
	}
}

func TestSecretName(t *testing.T) {
	for _, c := range []struct{ resource, template, want string }{
		{"orders-api", "", "orders-api-credentials"},
		{"orders.api", "", "orders.api-credentials"},
		{"orders-api", "orders-db", "orders-db"},
	} {
		user := &v1alpha1.DatabaseUser{
			ObjectMeta: metav1.ObjectMeta{Name: c.resource},
			Spec:       v1alpha1.DatabaseUserSpec{SecretTemplate: v1alpha1.SecretTemplate{Name: c.template}},
		}
		if got := user.SecretName(); got != c.want {
			t.Errorf("user %q with template name %q: %q, want %q", c.resource, c.template, got, c.want)
		}
	}
}

func TestEffectiveSSLMode(t *testing.T) {
	authority := &v1alpha1.SecretKeyReference{Name: "ca", Namespace: "dbtether-system"}
	for _, c := range []struct {
		mode      string
		authority *v1alpha1.SecretKeyReference
		want      string
	}{
		{"", nil, "require"},
		{"", authority, "verify-full"},
		{"disable", nil, "disable"},
		{"verify-ca", authority, "verify-ca"},
		{"verify-full", nil, "verify-full"},
	} {
		cluster := &v1alpha1.DBCluster{Spec: v1alpha1.DBClusterSpec{SSLMode: c.mode, CASecretRef: c.authority}}
		if got := cluster.EffectiveSSLMode(); got != c.want {
			t.Errorf("sslMode %q, authority %v: %q, want %q", c.mode, c.authority != nil, got, c.want)
		}
	}
}

// The limits in Go are the ones that the API server enforces.
func TestLimitsOfNamesAgreeWithTheSchemas(t *testing.T) {
	for _, c := range []struct {
		plural, field string
		limit         int64
	}{
		{"databases", "databaseName", v1alpha1.MaxDatabaseName},
		{"databaseusers", "username", v1alpha1.MaxUsername},
	} {
		spec := readCRD(t, c.plural).Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
		if got := spec.Properties[c.field].MaxLength; got == nil || *got != c.limit {
			t.Errorf("%s: maxLength of spec.%s is %v, want %d", c.plural, c.field, got, c.limit)
		}
	}
}
