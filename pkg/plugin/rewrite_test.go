package plugin

import (
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestRewrite(t *testing.T) {
	cases := map[string]struct {
		spec, want string
		changes    []string
		err        string
	}{
		"ours stays as it is": {
			spec: "{databaseRef: {name: a}, secretTemplate: {format: PG}}",
			want: "{databaseRef: {name: a}, secretTemplate: {format: PG}}",
		},
		"database": {
			spec:    "{database: {name: a}, username: u}",
			want:    "{databaseRef: {name: a}, username: u}",
			changes: []string{"spec.database is now spec.databaseRef"},
		},
		"database with privileges of its own": {
			spec:    "{database: {name: a, privileges: admin}, privileges: readonly}",
			want:    "{databaseRef: {name: a}, privileges: admin}",
			changes: []string{"spec.database is now spec.databaseRef", "spec.database.privileges is now spec.privileges"},
		},
		"one of databases": {
			spec:    "{databases: [{name: a, namespace: shop, privileges: admin}]}",
			want:    "{databaseRef: {name: a}, privileges: admin}",
			changes: []string{"spec.databases[0] is now spec.databaseRef", "spec.databases[0].privileges is now spec.privileges", "spec.databaseRef.namespace is left out: it is the own namespace"},
		},
		"own namespace in our spelling": {
			spec:    "{databaseRef: {name: a, namespace: shop}}",
			want:    "{databaseRef: {name: a}}",
			changes: []string{"spec.databaseRef.namespace is left out: it is the own namespace"},
		},
		"secret": {
			spec:    "{databaseRef: {name: a}, secret: {name: s, template: custom, onConflict: Fail, keys: {user: U, host: H}}}",
			want:    "{databaseRef: {name: a}, secretTemplate: {name: s, format: custom, onConflict: Fail, keys: {username: U, host: H}}}",
			changes: []string{"spec.secret is now spec.secretTemplate", "spec.secret.template is now spec.secretTemplate.format", "spec.secret.keys.user is now spec.secretTemplate.keys.username"},
		},
		"keys of our spelling keep user": {
			spec: "{databaseRef: {name: a}, secretTemplate: {format: custom, keys: {user: U}}}",
			want: "{databaseRef: {name: a}, secretTemplate: {format: custom, keys: {user: U}}}",
		},
		"several databases":     {spec: "{databases: [{name: a}, {name: b}]}", err: "spec.databases has 2 entries"},
		"no database":           {spec: "{databases: []}", err: "spec.databases has 0 entries"},
		"another namespace":     {spec: "{database: {name: a, namespace: billing}}", err: `the database is in namespace "billing", the DatabaseUser in "shop"`},
		"both spellings":        {spec: "{database: {name: a}, databaseRef: {name: a}}", err: "spec.database and spec.databaseRef are both set"},
		"both of the operator":  {spec: "{database: {name: a}, databases: [{name: a}]}", err: "both set"},
		"both secrets":          {spec: "{secret: {}, secretTemplate: {}}", err: "spec.secret and spec.secretTemplate are both set"},
		"a name for a database": {spec: "{database: a}", err: "spec.database is not an object with a name"},
		"a name for a secret":   {spec: "{secret: a}", err: "spec.secret is not an object"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			object := &unstructured.Unstructured{Object: map[string]any{
				"kind": "DatabaseUser", "metadata": map[string]any{"namespace": "shop"}, "spec": parse(t, c.spec),
			}}
			changes, err := rewrite(object)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := parse(t, c.want); !reflect.DeepEqual(object.Object["spec"], want) {
				t.Errorf("got  %v\nwant %v", object.Object["spec"], want)
			}
			if !reflect.DeepEqual(changes, c.changes) {
				t.Errorf("got  %q\nwant %q", changes, c.changes)
			}
		})
	}
}

// A Database's fields are never those of a DatabaseUser.
func TestRewriteLeavesOtherKinds(t *testing.T) {
	spec := parse(t, "{database: {name: a}, secret: {}}")
	object := &unstructured.Unstructured{Object: map[string]any{"kind": "Database", "spec": spec}}
	changes, err := rewrite(object)
	if err != nil || changes != nil || !reflect.DeepEqual(spec, parse(t, "{database: {name: a}, secret: {}}")) {
		t.Errorf("got %v, %v, %v", spec, changes, err)
	}
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var result map[string]any
	if err := yaml.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	return result
}
