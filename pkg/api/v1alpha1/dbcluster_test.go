package v1alpha1_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func TestDBClusterRefusals(t *testing.T) {
	const secret = "credentialsSecretRef: {name: admin, namespace: dbtether-system}"
	const authority = "caSecretRef: {name: ca, namespace: dbtether-system}"
	with := func(fields ...string) string {
		return "{" + strings.Join(append([]string{"endpoint: pg.example.com", secret}, fields...), ", ") + "}"
	}
	answer(t, "dbclusters", "DBCluster", []request{
		{name: "credentials from a Secret", spec: with()},
		{name: "credentials from the environment", spec: "{endpoint: pg.example.com, credentialsFromEnv: {username: PGUSER, password: PGPASSWORD}}"},
		{name: "both credentials", spec: with("credentialsFromEnv: {username: A, password: B}"), errors: []string{
			"spec: Invalid value: exactly one of credentialsSecretRef and credentialsFromEnv must be set",
		}},
		{name: "no credentials", spec: "{endpoint: pg.example.com}", errors: []string{
			"spec: Invalid value: exactly one of credentialsSecretRef and credentialsFromEnv must be set",
		}},
		{name: "credentials swapped", old: with(), spec: "{endpoint: pg.example.com, credentialsFromEnv: {username: A, password: B}}"},
		{name: "half a Secret reference", spec: "{endpoint: pg.example.com, credentialsSecretRef: {name: admin}}", errors: []string{
			"spec.credentialsSecretRef.namespace: Required value",
		}},
		{name: "hostile Secret reference", spec: "{endpoint: pg.example.com, credentialsSecretRef: {name: ../../api, namespace: a/b}}", errors: []string{
			`spec.credentialsSecretRef.name: Invalid value: "../../api": spec.credentialsSecretRef.name in body should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'`,
			`spec.credentialsSecretRef.namespace: Invalid value: "a/b": spec.credentialsSecretRef.namespace in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'`,
		}},
		{name: "value instead of a variable's name", spec: "{endpoint: pg.example.com, credentialsFromEnv: {username: postgres, password: 'hunter-2!'}}", errors: []string{
			`spec.credentialsFromEnv.password: Invalid value: "hunter-2!": spec.credentialsFromEnv.password in body should match '^[A-Za-z_][A-Za-z0-9_]*$'`,
		}},

		{name: "endpoint IPv6", spec: "{endpoint: '2001:db8::1', " + secret + "}"},
		{name: "no endpoint", spec: "{" + secret + "}", errors: []string{
			"spec.endpoint: Required value",
		}},
		{name: "empty endpoint", spec: "{endpoint: '', " + secret + "}", errors: []string{
			`spec.endpoint: Invalid value: "": spec.endpoint in body should be at least 1 chars long`,
		}},
		{name: "endpoint with connection options", spec: "{endpoint: 'pg host=evil', " + secret + "}", errors: []string{
			`spec.endpoint: Invalid value: "pg host=evil": spec.endpoint in body should match '^[A-Za-z0-9.:_-]+$'`,
		}},
		{name: "endpoint is a socket", spec: "{endpoint: /var/run/postgresql, " + secret + "}", errors: []string{
			`spec.endpoint: Invalid value: "/var/run/postgresql": spec.endpoint in body should match '^[A-Za-z0-9.:_-]+$'`,
		}},
		{name: "endpoint is a URL", spec: "{endpoint: 'postgres://u:p@h/d', " + secret + "}", errors: []string{
			`spec.endpoint: Invalid value: "postgres://u:p@h/d": spec.endpoint in body should match '^[A-Za-z0-9.:_-]+$'`,
		}},

		{name: "port 1", spec: with("port: 1")},
		{name: "port 65535", spec: with("port: 65535")},
		{name: "port 0", spec: with("port: 0"), errors: []string{
			"spec.port: Invalid value: 0: spec.port in body should be greater than or equal to 1",
		}},
		{name: "port 65536", spec: with("port: 65536"), errors: []string{
			"spec.port: Invalid value: 65536: spec.port in body should be less than or equal to 65535",
		}},
		{name: "port negative", spec: with("port: -1"), errors: []string{
			"spec.port: Invalid value: -1: spec.port in body should be greater than or equal to 1",
		}},
		{name: "port is a string", spec: with("port: '5432'"), errors: []string{
			`spec.port: Invalid value: "string": spec.port in body must be of type integer: "string"`,
		}},
		{name: "port with a fraction", spec: with("port: 5432.5"), errors: []string{
			`<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.port`,
			`spec.port: Invalid value: "float64": spec.port in body must be of type int32: "float64"`,
		}},

		{name: "hostile admin database", spec: with(`adminDatabase: 'postgres dbname=x'`), errors: []string{
			`spec.adminDatabase: Invalid value: "postgres dbname=x": spec.adminDatabase in body should match '^[A-Za-z_][A-Za-z0-9_-]*$'`,
		}},

		{name: "sslMode require", spec: with("sslMode: require")},
		{name: "sslMode verify-full without an authority of ours", spec: with("sslMode: verify-full")},
		{name: "sslMode verify-full with authority", spec: with("sslMode: verify-full", authority)},
		{name: "sslMode verify-ca with authority", spec: with("sslMode: verify-ca", authority)},
		{name: "authority without sslMode", spec: with(authority)},
		{name: "authority with sslMode require", spec: with("sslMode: require", authority), errors: []string{
			"spec: Invalid value: caSecretRef needs sslMode verify-ca or verify-full",
		}},
		{name: "sslMode verify-ca without authority", spec: with("sslMode: verify-ca"), errors: []string{
			"spec: Invalid value: sslMode verify-ca needs caSecretRef",
		}},
		{name: "sslMode of other spelling", spec: with("sslMode: VERIFY-FULL"), errors: []string{
			`spec.sslMode: Unsupported value: "VERIFY-FULL": supported values: "disable", "allow", "prefer", "require", "verify-ca", "verify-full"`,
		}},

		{name: "allowedNamespaces", spec: with("allowedNamespaces: [shop, store]")},
		{name: "allowedNamespaces, none", spec: with("allowedNamespaces: []")},
		{name: "allowedNamespaces twice", spec: with("allowedNamespaces: [shop, shop]"), errors: []string{
			`spec.allowedNamespaces[1]: Duplicate value: "shop"`,
		}},
		{name: "allowedNamespaces of other spelling", spec: with("allowedNamespaces: ['Shop*']"), errors: []string{
			`spec.allowedNamespaces[0]: Invalid value: "Shop*": spec.allowedNamespaces[0] in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'`,
		}},
		{name: "namespaceSelector", spec: with("namespaceSelector: {matchLabels: {team: backend}}")},
	})
}

func TestDBClusterRules(t *testing.T) {
	with := func(fields string) string {
		return "{endpoint: pg.example.com, credentialsSecretRef: {name: admin, namespace: dbtether-system}, " + fields + "}"
	}
	const naming = "naming must contain {name} and not begin with a digit"
	unlike := func(shown string) []string {
		return []string{"spec.naming: Invalid value: " + shown + ": spec.naming in body should match '^([A-Za-z0-9_]|[{]name[}]|[{]namespace[}])+$'"}
	}
	answer(t, "dbclusters", "DBCluster", []request{
		{name: "naming", spec: with("naming: '{namespace}_{name}'")},
		{name: "naming by name alone", spec: with("naming: '{name}'")},
		{name: "naming with more", old: with("naming: '{name}'"), spec: with("naming: 'prod_{name}_2'")},
		{name: "naming without the name", spec: with("naming: '{namespace}'"), errors: []string{`spec.naming: Invalid value: "{namespace}": ` + naming}},
		{name: "naming that is a constant", spec: with("naming: orders"), errors: []string{`spec.naming: Invalid value: "orders": ` + naming}},
		{name: "naming begins with a digit", spec: with("naming: '1{name}'"), errors: []string{`spec.naming: Invalid value: "1{name}": ` + naming}},
		{name: "naming by something else", spec: with("naming: '{name}{uid}'"), errors: unlike(`"{name}{uid}"`)},
		{name: "naming closes the quotes", spec: with(`naming: '{name}"'`), errors: unlike(`"{name}\""`)},
		{name: "naming with a dash", spec: with("naming: 'a-{name}'"), errors: unlike(`"a-{name}"`)},
		{name: "naming too short", spec: with("naming: name"), errors: []string{
			`spec.naming: Invalid value: "name": spec.naming in body should be at least 6 chars long`,
		}},
		{name: "naming too long", spec: with("naming: '" + strings.Repeat("n", 58) + "{name}'"), errors: []string{
			"spec.naming: Too long: may not be more than 63 bytes",
		}},

		{name: "allowedExtensions", spec: with("allowedExtensions: [postgis, pg_stat_statements, uuid-ossp]")},
		{name: "allowedExtensions, none", spec: with("allowedExtensions: []")},
		{name: "allowedExtensions twice", spec: with("allowedExtensions: [postgis, postgis]"), errors: []string{
			`spec.allowedExtensions[1]: Duplicate value: "postgis"`,
		}},
		{name: "allowedExtensions, all", spec: with("allowedExtensions: ['*']"), errors: []string{
			`spec.allowedExtensions[0]: Invalid value: "*": spec.allowedExtensions[0] in body should match '^[a-z][a-z0-9_-]*$'`,
		}},
		{name: "allowedExtensions with a version", spec: with("allowedExtensions: [postgis VERSION 3]"), errors: []string{
			`spec.allowedExtensions[0]: Invalid value: "postgis VERSION 3": spec.allowedExtensions[0] in body should match '^[a-z][a-z0-9_-]*$'`,
		}},

		{name: "adoption", spec: with("adoption: {databases: ['legacy_*', Orders], roles: ['*']}")},
		{name: "adoption of nothing", spec: with("adoption: {}")},
		{name: "adoption twice", spec: with("adoption: {databases: [a, a]}"), errors: []string{
			`spec.adoption.databases[1]: Duplicate value: "a"`,
		}},
		{name: "adoption of no name", spec: with("adoption: {databases: ['']}"), errors: []string{
			`spec.adoption.databases[0]: Invalid value: "": spec.adoption.databases[0] in body should be at least 1 chars long`,
		}},
		{name: "adoption of 64 bytes", spec: with("adoption: {roles: [" + strings.Repeat("r", 64) + "]}"), errors: []string{
			"spec.adoption.roles[0]: Too long: may not be more than 63 bytes",
		}},
	})
}

// TestNobodyIsNotEverybody checks that a list of no namespaces stays one, however a
// DBCluster is written and read: without the list, every namespace may use the cluster.
func TestNobodyIsNotEverybody(t *testing.T) {
	for _, list := range [][]string{nil, {}, {"shop"}} {
		spec := v1alpha1.DBClusterSpec{Endpoint: "db", AllowedNamespaces: list}
		cluster := &v1alpha1.DBCluster{Spec: spec}
		text, err := json.Marshal(cluster)
		if err != nil {
			t.Fatal(err)
		}
		var fromText v1alpha1.DBCluster
		if err := json.Unmarshal(text, &fromText); err != nil {
			t.Fatal(err)
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(cluster)
		if err != nil {
			t.Fatal(err)
		}
		var fromContent v1alpha1.DBCluster
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &fromContent); err != nil {
			t.Fatal(err)
		}
		for how, read := range map[string][]string{"JSON": fromText.Spec.AllowedNamespaces, "unstructured": fromContent.Spec.AllowedNamespaces,
			"a copy": cluster.DeepCopy().Spec.AllowedNamespaces} {
			if !slices.Equal(read, list) || (read == nil) != (list == nil) {
				t.Errorf("%#v as %s is %#v", list, how, read)
			}
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
