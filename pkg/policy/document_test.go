package policy

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/policies"
)

// fullInput returns an input of which every field is set.
func fullInput() *Input {
	return &Input{
		Request:   Request{Operation: "UPDATE", Kind: "DatabaseUser", Name: "report", Namespace: "team-b", User: "jane", Groups: []string{"dev"}},
		Namespace: Namespace{Name: "team-b", Labels: map[string]string{"team": "frontend"}, Annotations: map[string]string{"note": "text"}},
		Workload:  &Workload{Kind: "Pod", Name: "web-1", Labels: map[string]string{"app": "web"}, ServiceAccount: "web", InjectionEnabled: true, Replicas: 2, PoolSize: 5, Connections: 10},
		Binding: []Binding{{User: "orders-api", Alias: "orders", Namespace: "team-b", Exists: true, Ready: true, Deleting: true, Phase: "Ready", Message: "done", ExpiresAt: "2030-01-31T00:00:00Z", OtherNamespaces: []string{"web"},
			ServiceAccounts: []string{"web"}, Limits: []Limit{{Kind: "DBCluster", Name: "main", Connections: 97}}}},
		Secrets: []SecretUse{{Name: "orders-api-credentials", Path: "spec.volumes[0]", User: "orders-api", Requested: true, ServiceAccounts: []string{"web"}}},
		Database: &Database{Name: "orders", Namespace: "shop", Exists: true, Deleting: true, ClusterName: "main", AllowUsersFrom: []string{"team-a"}, NamespaceLabels: map[string]string{"team": "backend"}, Labels: map[string]string{"tier": "gold"},
			Spec: &DatabaseSpec{Owner: "orders-api", Schemas: []string{"app"}, Extensions: []string{"hstore"}, Parameters: map[string]string{"work_mem": "8MB"}, ConnectionLimit: 50,
				DeletionPolicy: "Retain", DeletionProtection: true, ForceDrop: true, Adopt: true}},
		Role: &Role{Name: "report", Namespace: "team-b", Privileges: "readonly", TablePrivileges: []string{"SELECT"}, DatabaseNamespace: "shop", ClusterName: "main", Path: "spec.databaseRef", Labels: map[string]string{"kind": "human"},
			Spec: RoleSpec{Username: "report", ConnectionLimit: 5, Settings: map[string]string{"search_path": "app"}, RotationDays: 30, RotationStrategy: "Alternate",
				ExpiresAt: "2030-01-31T00:00:00Z", ServiceAccounts: []string{"web"}, DeletionPolicy: "Delete", Adopt: true}},
		Cluster: &Cluster{Name: "main", Exists: true, AllowedNamespaces: []string{"shop"}, NamespaceSelector: &metav1.LabelSelector{
			MatchLabels:      map[string]string{"team": "backend"},
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: "In", Values: []string{"a"}}},
		}},
		Now: noon,
	}
}

// eachText calls change with every string in an input, and what sets it.
func eachText(in *Input, change func(text string, set func(string))) {
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			walk(v.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).Name != "Now" {
					walk(v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				change(v.MapIndex(key).String(), func(text string) { v.SetMapIndex(key, reflect.ValueOf(text)) })
			}
		case reflect.String:
			change(v.String(), v.SetString)
		}
	}
	walk(reflect.ValueOf(in))
}

func asJSON(t testing.TB, in *Input) map[string]any {
	t.Helper()
	value, err := ast.JSON(newDocument(in, everything).Value)
	if err != nil {
		t.Fatal(err)
	}
	return value.(map[string]any)
}

// The document is what the schema says, no field more and none less: a field that
// only one of them has is one that policies cannot use, or must not.
func TestDocumentIsWhatTheSchemaSays(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal([]byte(policies.InputSchema), &schema); err != nil {
		t.Fatal(err)
	}
	var compare func(path string, schema map[string]any, value any)
	compare = func(path string, schema map[string]any, value any) {
		if description, _ := schema["description"].(string); !strings.HasSuffix(description, ".") {
			t.Errorf("%s has no description", path)
		}
		switch value := value.(type) {
		case map[string]any:
			properties, ok := schema["properties"].(map[string]any)
			if !ok {
				if len(value) == 0 {
					t.Errorf("%s: the test's input does not set it", path)
				}
				return
			}
			if schema["additionalProperties"] != false {
				t.Errorf("%s admits other properties", path)
			}
			if got, want := slices.Sorted(maps.Keys(value)), slices.Sorted(maps.Keys(properties)); !slices.Equal(got, want) {
				t.Errorf("%s: document has %q, schema %q", path, got, want)
			}
			for key, property := range properties {
				compare(path+"."+key, property.(map[string]any), value[key])
			}
		case []any:
			if items := schema["items"].(map[string]any); items["properties"] != nil {
				compare(path+"[]", items, value[0])
			}
		case string:
			if value == "" {
				t.Errorf("%s: the test's input does not set it", path)
			}
		}
	}
	compare("input", schema, asJSON(t, fullInput()))
}

func TestDocumentMatchesTheSchema(t *testing.T) {
	matches := func(document any) []any {
		results, err := rego.New(
			rego.Query("[ok, errors] := json.match_schema(input.document, input.schema)"),
			rego.Input(map[string]any{"document": document, "schema": policies.InputSchema}),
		).Eval(context.Background())
		if err != nil || len(results) != 1 {
			t.Fatal(results, err)
		}
		if results[0].Bindings["ok"] == true {
			return nil
		}
		return results[0].Bindings["errors"].([]any)
	}
	for name, in := range map[string]*Input{
		"full": fullInput(), "pod": pod(), "pod with bindings": pod(binding("a"), binding("b")),
		"database": database(Cluster{}), "user": databaseUser(), "nobody allowed": database(Cluster{AllowedNamespaces: []string{}}),
		"empty selector": database(Cluster{NamespaceSelector: &metav1.LabelSelector{}}),
	} {
		if errs := matches(asJSON(t, in)); errs != nil {
			t.Errorf("%s: %v", name, errs)
		}
	}
	for _, change := range []func(map[string]any){
		func(d map[string]any) { d["password"] = "x" },
		func(d map[string]any) { delete(d, "now") },
		func(d map[string]any) { d["role"].(map[string]any)["secret"] = "x" },
		func(d map[string]any) { d["binding"].([]any)[0].(map[string]any)["exists"] = "true" },
	} {
		document := asJSON(t, fullInput())
		change(document)
		if matches(document) == nil {
			t.Errorf("the schema admits %v", document)
		}
	}
}

func TestDocument(t *testing.T) {
	in := database(Cluster{Name: "main", Exists: true, AllowedNamespaces: []string{}, NamespaceSelector: &metav1.LabelSelector{}})
	in.Now = noon.In(time.FixedZone("elsewhere", 3600))
	got, err := json.Marshal(asJSON(t, in))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"binding":[],` +
		`"cluster":{"allowedNamespaces":[],"exists":true,"name":"main","namespaceSelector":{"matchExpressions":[],"matchLabels":{}}},` +
		`"database":{"allowUsersFrom":[],"clusterName":"main","deleting":false,"exists":true,"labels":{},"name":"orders","namespace":"team-b","namespaceLabels":{}},` +
		`"namespace":{"annotations":{},"labels":{"team":"frontend"},"name":"team-b"},` +
		`"now":"2026-03-01T12:00:00Z",` +
		`"request":{"groups":[],"kind":"Database","name":"orders","namespace":"team-b","operation":"CREATE","user":"jane"}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// An input that is larger than one block of terms is built as well.
func TestDocumentOfManyBlocks(t *testing.T) {
	var names []string
	for i := range 10 * blockSize {
		names = append(names, strings.Repeat("n", i+1))
	}
	got := asJSON(t, database(Cluster{Name: "main", AllowedNamespaces: names}))["cluster"].(map[string]any)["allowedNamespaces"].([]any)
	for i, name := range got {
		if name != names[i] {
			t.Fatalf("name %d is %v", i, name)
		}
	}
	if len(got) != len(names) {
		t.Errorf("%d names of %d", len(got), len(names))
	}
}
