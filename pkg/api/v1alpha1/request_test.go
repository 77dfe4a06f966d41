package v1alpha1_test

import (
	"reflect"
	"strings"
	"testing"
)

// request is one object sent to the API server, and what it answers.
type request struct {
	name string
	// The resource's own name; unset: "orders".
	resource string
	// spec in YAML's flow style; old, where set, is the spec that stands there already.
	spec, old string
	// Every error, in full. None: the object is accepted.
	errors []string
}

// answer sends every request to the schema of plural.
func answer(t *testing.T, plural, kind string, requests []request) {
	t.Helper()
	schema := newResource(t, plural)
	for _, r := range requests {
		t.Run(r.name, func(t *testing.T) {
			var old map[string]any
			if r.old != "" {
				old = object(t, kind, r.resource, r.old)
				if errs := schema.admit(old, nil); len(errs) > 0 {
					t.Fatalf("the object to update is itself refused:\n%s", strings.Join(errs, "\n"))
				}
			}
			got := schema.admit(object(t, kind, r.resource, r.spec), old)
			if len(got)+len(r.errors) > 0 && !reflect.DeepEqual(got, r.errors) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(r.errors, "\n"))
			}
		})
	}
}

func object(t *testing.T, kind, name, spec string) map[string]any {
	t.Helper()
	if name == "" {
		name = "orders"
	}
	return map[string]any{
		"apiVersion": "dbtether.io/v1alpha1",
		"kind":       kind,
		"metadata":   map[string]any{"name": name},
		"spec":       decode(t, spec),
	}
}
