package plugin

import (
	"errors"
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
		"database of another namespace, with privileges of its own": {
			spec:    "{database: {name: a, namespace: billing, privileges: admin}, privileges: readonly}",
			want:    "{databaseRef: {name: a, namespace: billing, privileges: admin}, privileges: readonly}",
			changes: []string{"spec.database is now spec.databaseRef"},
		},
		"databases": {
			spec:    "{databases: [{name: a, namespace: shop, privileges: admin}, {name: b}], secretGeneration: perDatabase}",
			want:    "{databaseRefs: [{name: a, namespace: shop, privileges: admin}, {name: b}], secretGeneration: perDatabase}",
			changes: []string{"spec.databases is now spec.databaseRefs"},
		},
		"one of databases": {
			spec:    "{databases: [{name: a}]}",
			want:    "{databaseRefs: [{name: a}]}",
			changes: []string{"spec.databases is now spec.databaseRefs"},
		},
		"our spelling of another namespace": {
			spec: "{databaseRefs: [{name: a, namespace: shop}]}",
			want: "{databaseRefs: [{name: a, namespace: shop}]}",
		},
		"privileges owner": {
			spec:    "{databases: [{name: a}, {name: b, privileges: owner}, {name: c, privileges: readonly}], privileges: owner}",
			want:    "{databaseRefs: [{name: a}, {name: b, privileges: admin}, {name: c, privileges: readonly}], privileges: admin}",
			changes: []string{"spec.databases is now spec.databaseRefs", "spec.privileges owner is now admin", "spec.databaseRefs[1].privileges owner is now admin"},
		},
		"privileges owner of the only database": {
			spec:    "{databaseRef: {name: a, privileges: owner}}",
			want:    "{databaseRef: {name: a, privileges: admin}}",
			changes: []string{"spec.databaseRef.privileges owner is now admin"},
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
		"secret with onConflict alone": {
			spec:    "{databaseRef: {name: a}, secret: {onConflict: Merge}}",
			want:    "{databaseRef: {name: a}, secretTemplate: {onConflict: Merge}}",
			changes: []string{"spec.secret is now spec.secretTemplate"},
		},
		"secret with a DSN": {
			spec: "{databaseRef: {name: a}, secret: {template: dsn}}",
			want: "{databaseRef: {name: a}, secretTemplate: {format: custom, keys: {uri: dsn}}}",
			changes: []string{"spec.secret is now spec.secretTemplate", "spec.secret.template is now spec.secretTemplate.format",
				"spec.secret.template dsn is now the key dsn for the field uri"},
		},
		"both spellings":        {spec: "{database: {name: a}, databaseRef: {name: a}}", err: "spec.database and spec.databaseRef are both set"},
		"several in both":       {spec: "{databases: [{name: a}], databaseRefs: [{name: a}]}", err: "spec.databases and spec.databaseRefs are both set"},
		"one and several":       {spec: "{databases: [{name: a}], databaseRef: {name: a}}", err: "spec.databases and spec.databaseRef are both set"},
		"both of the operator":  {spec: "{database: {name: a}, databases: [{name: a}]}", err: "spec.database and spec.databases are both set"},
		"a name for databases":  {spec: "{databases: a}", err: "spec.databases is not a list of objects with a name"},
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

func TestRewriteExtensions(t *testing.T) {
	for name, c := range map[string]struct {
		spec, want string
		changes    []string
		err        string
	}{
		"ours stays as it is": {spec: "{extensions: [hstore, citext SCHEMA app]}", want: "{extensions: [hstore, citext SCHEMA app]}"},
		"none":                {spec: "{databaseName: a}", want: "{databaseName: a}"},
		"objects": {
			spec: "{extensions: [hstore, {name: citext}, {name: pg_trgm, schema: app}, {name: postgis, version: '3.10', schema: gis}, {name: x, version: '1'}]}",
			want: "{extensions: [hstore, citext, pg_trgm SCHEMA app, postgis SCHEMA gis VERSION 3.10, x VERSION 1]}",
			changes: []string{`spec.extensions[1] is now "citext"`, `spec.extensions[2] is now "pg_trgm SCHEMA app"`,
				`spec.extensions[3] is now "postgis SCHEMA gis VERSION 3.10"`, `spec.extensions[4] is now "x VERSION 1"`},
		},
		"version without quotes": {spec: "{extensions: [{name: postgis, version: 3.10}]}", err: "spec.extensions[0].version is not a string"},
		"unknown field":          {spec: "{extensions: [a, {name: postgis, cascade: true}]}", err: "spec.extensions[1].cascade has no equivalent"},
		"no name":                {spec: "{extensions: [{schema: app}]}", err: "spec.extensions[0] has no name"},
	} {
		t.Run(name, func(t *testing.T) {
			object := &unstructured.Unstructured{Object: map[string]any{"kind": "Database", "spec": parse(t, c.spec)}}
			changes, err := rewrite(object)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Fatalf("got error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := parse(t, c.want); !reflect.DeepEqual(object.Object["spec"], want) || !reflect.DeepEqual(changes, c.changes) {
				t.Errorf("got  %v, %q\nwant %v, %q", object.Object["spec"], changes, want, c.changes)
			}
		})
	}
}

// Every refusal says what to write instead.
func TestRewriteHints(t *testing.T) {
	for _, spec := range []string{"{database: a}", "{databases: a}", "{database: {}, databaseRef: {}}", "{secret: a}", "{secret: {}, secretTemplate: {}}"} {
		object := &unstructured.Unstructured{Object: map[string]any{"kind": "DatabaseUser", "spec": parse(t, spec)}}
		_, err := rewrite(object)
		var hint hinter
		if !errors.As(err, &hint) || hint.Hint() == "" {
			t.Errorf("%s: no hint in %v", spec, err)
		}
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
