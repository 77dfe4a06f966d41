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
		if got := database.PostgresName(nil); got != c.want {
			t.Errorf("database %q with databaseName %q: %q, want %q", c.resource, c.spec, got, c.want)
		}
		user := &v1alpha1.DatabaseUser{ObjectMeta: meta, Spec: v1alpha1.DatabaseUserSpec{Username: c.spec}}
		if got := user.PostgresName(nil); got != c.want {
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

// A name that the resource says goes before one that it had, and that before the
// one that the cluster's naming derives.
func TestPostgresNameOfANaming(t *testing.T) {
	for _, c := range []struct{ naming, spec, status, want string }{
		{"", "", "", "orders_api"},
		{"{name}", "", "", "orders_api"},
		{"{namespace}_{name}", "", "", "team_a_orders_api"},
		{"p_{name}_{name}", "", "", "p_orders_api_orders_api"},
		{"{namespace}_{name}", "o", "", "o"},
		{"{namespace}_{name}", "", "orders_api", "orders_api"},
		{"{namespace}_{name}", "o", "orders_api", "o"},
	} {
		cluster := &v1alpha1.DBCluster{Spec: v1alpha1.DBClusterSpec{Naming: c.naming}}
		meta := metav1.ObjectMeta{Name: "orders-api", Namespace: "team-a"}
		database := &v1alpha1.Database{ObjectMeta: meta, Spec: v1alpha1.DatabaseSpec{DatabaseName: c.spec}, Status: v1alpha1.DatabaseStatus{DatabaseName: c.status, ProvisionedTime: &metav1.Time{}}}
		if got := database.PostgresName(cluster); got != c.want {
			t.Errorf("database of %+v is %q", c, got)
		}
		database.Status.ProvisionedTime = nil // a name that nothing was made with binds nobody
		if got := database.PostgresName(cluster); c.status != "" && c.spec == "" && got != "team_a_orders_api" {
			t.Errorf("database of %+v, not provisioned, is %q", c, got)
		}
		user := &v1alpha1.DatabaseUser{ObjectMeta: meta, Spec: v1alpha1.DatabaseUserSpec{Username: c.spec}, Status: v1alpha1.DatabaseUserStatus{BaseUsername: c.status}}
		if got := user.PostgresName(cluster); got != c.want {
			t.Errorf("user of %+v is %q", c, got)
		}
	}
}

func TestCurrentUsername(t *testing.T) {
	user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: "orders-api"}}
	if got := user.CurrentUsername(); got != "orders_api" {
		t.Errorf("without status: %q", got)
	}
	user.Status.Username = "orders_api" + v1alpha1.AlternateSuffix
	if got := user.CurrentUsername(); got != "orders_api_b" {
		t.Errorf("after a rotation: %q", got)
	}
}

func TestSecretNamesPerDatabase(t *testing.T) {
	user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: "api"}, Spec: v1alpha1.DatabaseUserSpec{
		DatabaseRefs: []v1alpha1.DatabaseAccess{{Name: "orders"}, {Name: "reports"}}}}
	if got := user.SecretName(); user.PerDatabase() || got != "api-credentials" {
		t.Errorf("primary: %q", got)
	}
	user.Spec.SecretGeneration = v1alpha1.SecretPerDatabase
	if got := user.SecretName(); !user.PerDatabase() || got != "api-orders-credentials" {
		t.Errorf("the first of perDatabase: %q", got)
	}
	if got := user.SecretNameFor("reports"); got != "api-reports-credentials" {
		t.Errorf("the second of perDatabase: %q", got)
	}
}

func TestExtensionParts(t *testing.T) {
	for _, c := range []struct {
		extension             v1alpha1.Extension
		name, schema, version string
	}{
		{"hstore", "hstore", "", ""},
		{"hstore SCHEMA app", "hstore", "app", ""},
		{"hstore VERSION 1.8", "hstore", "", "1.8"},
		{"hstore SCHEMA VERSION VERSION 1.8", "hstore", "VERSION", "1.8"},
		{"", "", "", ""},
	} {
		if name, schema, version := c.extension.Parts(); name != c.name || schema != c.schema || version != c.version {
			t.Errorf("%q: %q, %q, %q", c.extension, name, schema, version)
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

func TestLiveSecret(t *testing.T) {
	for name, want := range map[string]string{
		"a": "a", "a.v": "a.v", ".v1": ".v1", "a.v1": "a", "a.v1.v20": "a.v1", "a.v1x": "a.v1x", "a.v-1": "a.v-1", "a.vv1": "a.vv1", "a.v1.x": "a.v1.x", "": "",
	} {
		if got := v1alpha1.LiveSecret(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
