package v1alpha1_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

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

func TestAccess(t *testing.T) {
	for _, c := range []struct {
		name string
		spec v1alpha1.DatabaseUserSpec
		want []v1alpha1.DatabaseAccess
	}{
		{"one", v1alpha1.DatabaseUserSpec{DatabaseRef: &v1alpha1.DatabaseAccess{Name: "a"}, Privileges: "admin"},
			[]v1alpha1.DatabaseAccess{{Name: "a", Namespace: "shop", Privileges: "admin"}}},
		{"several", v1alpha1.DatabaseUserSpec{Privileges: "readwrite", DatabaseRefs: []v1alpha1.DatabaseAccess{{Name: "a", Privileges: "admin"}, {Name: "a", Namespace: "billing"}}},
			[]v1alpha1.DatabaseAccess{{Name: "a", Namespace: "shop", Privileges: "admin"}, {Name: "a", Namespace: "billing", Privileges: "readwrite"}}},
		{"before the defaults", v1alpha1.DatabaseUserSpec{DatabaseRef: &v1alpha1.DatabaseAccess{Name: "a"}},
			[]v1alpha1.DatabaseAccess{{Name: "a", Namespace: "shop", Privileges: "readonly"}}},
		{"none", v1alpha1.DatabaseUserSpec{}, []v1alpha1.DatabaseAccess{}},
	} {
		user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: "api", Namespace: "shop"}, Spec: c.spec}
		if got := user.Access(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		for _, ref := range c.want {
			if !user.Refers(ref.Namespace, ref.Name) || user.Refers("other", ref.Name) || user.Refers(ref.Namespace, "other") {
				t.Errorf("%s: Refers is wrong about %v", c.name, ref)
			}
		}
		if c.spec.DatabaseRef != nil && c.spec.DatabaseRef.Namespace != "" {
			t.Errorf("%s: the spec was changed", c.name)
		}
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

func TestRotation(t *testing.T) {
	for _, c := range []struct {
		rotation *v1alpha1.RotationSpec
		strategy v1alpha1.RotationStrategy
		period   time.Duration
	}{
		{nil, "Alternate", 24 * time.Hour},
		{&v1alpha1.RotationSpec{Days: 30}, "Alternate", 24 * time.Hour},
		{&v1alpha1.RotationSpec{Strategy: "InPlace", GracePeriod: "90m"}, "InPlace", 90 * time.Minute},
		{&v1alpha1.RotationSpec{GracePeriod: "0s"}, "Alternate", 0},
		{&v1alpha1.RotationSpec{GracePeriod: "8760h"}, "Alternate", 365 * 24 * time.Hour},
		{&v1alpha1.RotationSpec{GracePeriod: "a day"}, "Alternate", 24 * time.Hour},
	} {
		user := &v1alpha1.DatabaseUser{Spec: v1alpha1.DatabaseUserSpec{Rotation: c.rotation}}
		if user.Strategy() != c.strategy || user.GracePeriod() != c.period {
			t.Errorf("%+v: %s, %s", c.rotation, user.Strategy(), user.GracePeriod())
		}
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

// TestRotationRequest checks that what is asked for fits into the status, and is the same
// each time: else it would be answered again and again.
func TestRotationRequest(t *testing.T) {
	for asked, want := range map[string]string{
		"": "", "2030-01-02T03:04:05.000000006Z": "2030-01-02T03:04:05.000000006Z",
		strings.Repeat("x", 65): strings.Repeat("x", 64), strings.Repeat("x", 63) + "é": strings.Repeat("x", 63), strings.Repeat("🐘", 17): strings.Repeat("🐘", 16),
	} {
		if got := v1alpha1.RotationRequest(map[string]string{v1alpha1.AnnotationRotate: asked}); got != want {
			t.Errorf("%q asks for %q, want %q", asked, got, want)
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
