package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
)

func TestClusterSpec(t *testing.T) {
	cases := map[string]struct {
		flags clusterFlags
		given []string
		want  string
		usage bool
	}{
		"nothing given": {flags: clusterFlags{port: 5432, adminDatabase: "postgres"}, want: "{}"},
		"plain fields": {
			flags: clusterFlags{endpoint: "h", port: 1, adminDatabase: "d", sslMode: "require"},
			given: []string{"endpoint", "port", "admin-database", "ssl-mode"},
			want:  "{endpoint: h, port: 1, adminDatabase: d, sslMode: require}",
		},
		"CA":                  {flags: clusterFlags{caSecret: "ns/ca"}, given: []string{"ca-secret"}, want: "{caSecretRef: {namespace: ns, name: ca, key: null}}"},
		"CA with key":         {flags: clusterFlags{caSecret: "ns/ca:k"}, given: []string{"ca-secret"}, want: "{caSecretRef: {namespace: ns, name: ca, key: k}}"},
		"CA removed":          {given: []string{"ca-secret"}, want: "{caSecretRef: null}"},
		"CA empty key":        {flags: clusterFlags{caSecret: "ns/ca:"}, given: []string{"ca-secret"}, usage: true},
		"CA no name":          {flags: clusterFlags{caSecret: "ca"}, given: []string{"ca-secret"}, usage: true},
		"Secret":              {flags: clusterFlags{credentialsSecret: "ns/s"}, given: []string{"credentials-secret"}, want: "{credentialsSecretRef: {namespace: ns, name: s}, credentialsFromEnv: null}"},
		"Secret twice":        {flags: clusterFlags{credentialsSecret: "ns/s/t"}, given: []string{"credentials-secret"}, usage: true},
		"env":                 {flags: clusterFlags{credentialsFromEnv: "U,P"}, given: []string{"credentials-from-env"}, want: "{credentialsFromEnv: {username: U, password: P}, credentialsSecretRef: null}"},
		"namespaces":          {flags: clusterFlags{allowedNamespaces: []string{"a", "b"}}, given: []string{"allowed-namespaces"}, want: "{allowedNamespaces: [a, b]}"},
		"namespaces, all":     {given: []string{"allowed-namespaces"}, want: "{allowedNamespaces: null}"},
		"selector":            {flags: clusterFlags{namespaceSelector: "team=backend,tier in (b,a),!old"}, given: []string{"namespace-selector"}, want: "{namespaceSelector: {matchLabels: null, matchExpressions: [{key: old, operator: DoesNotExist}, {key: team, operator: In, values: [backend]}, {key: tier, operator: In, values: [a, b]}]}}"},
		"selector, all":       {given: []string{"namespace-selector"}, want: "{namespaceSelector: null}"},
		"selector, malformed": {flags: clusterFlags{namespaceSelector: "a in"}, given: []string{"namespace-selector"}, usage: true},
		"selector, greater":   {flags: clusterFlags{namespaceSelector: "a>1"}, given: []string{"namespace-selector"}, usage: true},
		"naming":              {flags: clusterFlags{naming: "{namespace}_{name}"}, given: []string{"naming"}, want: "{naming: '{namespace}_{name}'}"},
		"naming, default":     {given: []string{"naming"}, want: "{naming: null}"},
		"extensions":          {flags: clusterFlags{allowedExtensions: []string{"postgis"}}, given: []string{"allowed-extensions"}, want: "{allowedExtensions: [postgis]}"},
		"adoption":            {flags: clusterFlags{adoptDatabases: []string{"a_*"}, adoptRoles: []string{"r"}}, given: []string{"adopt-databases", "adopt-roles"}, want: "{adoption: {databases: ['a_*'], roles: [r]}}"},
		"adoption, less":      {flags: clusterFlags{adoptDatabases: []string{"a_*"}}, given: []string{"adopt-roles"}, want: "{adoption: {roles: null}}"},
		"env, one name":       {flags: clusterFlags{credentialsFromEnv: "U,"}, given: []string{"credentials-from-env"}, usage: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := c.flags.spec(func(flag string) bool { return slices.Contains(c.given, flag) })
			if c.usage {
				var coded exitCoder
				if !errors.As(err, &coded) || coded.ExitCode() != ExitUsage {
					t.Fatalf("got %v, want an error of usage", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// Through JSON numbers lose their Go type: compare as patches do.
			if want := parse(t, c.want); !equalJSON(t, got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestMergePatch(t *testing.T) {
	target := parse(t, "{a: {b: 1, c: 2}, d: 3}")
	got := mergePatch(target, parse(t, "{a: {b: null, e: {f: 4, g: null}}, d: null}"))
	if want := parse(t, "{a: {c: 2, e: {f: 4}}}"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := parse(t, "{a: {b: 1, c: 2}, d: 3}"); !reflect.DeepEqual(target, want) {
		t.Errorf("the target became %v", target)
	}
}

func TestNewClusterHasNoNulls(t *testing.T) {
	got := newCluster("main", parse(t, "{endpoint: h, caSecretRef: {name: n, key: null}, credentialsFromEnv: null}"))
	want := parse(t, "{apiVersion: dbtether.io/v1alpha1, kind: DBCluster, metadata: {name: main}, spec: {endpoint: h, caSecretRef: {name: n}}}")
	if !reflect.DeepEqual(got.Object, want) {
		t.Errorf("got %v, want %v", got.Object, want)
	}
}

func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil {
		t.Fatal(errX, errY)
	}
	return bytes.Equal(x, y)
}
