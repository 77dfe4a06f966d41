package v1alpha1_test

import (
	"context"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"

	"github.com/dbtether/kubectl-dbtether/manifests"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// What `kubectl api-resources` and `kubectl get` show of each definition.
var definitions = []struct {
	plural, kind, shortName string
	scope                   apiextensions.ResourceScope
	columns, wide           string
}{
	{"dbclusters", v1alpha1.KindDBCluster, "dbc", apiextensions.ClusterScoped,
		"Endpoint Phase Version Age", "Endpoint Port SSL Phase Version Message Age"},
	{"databases", v1alpha1.KindDatabase, "db", apiextensions.NamespaceScoped,
		"Cluster Database Phase Age", "Cluster Database Deletion Phase Message Age"},
	{"databaseusers", v1alpha1.KindDatabaseUser, "dbu", apiextensions.NamespaceScoped,
		"Database Username Privileges Phase Age", "Database Username Privileges Secret Phase Message Age"},
}

func TestDefinitionsAreTheThreeThatWeTest(t *testing.T) {
	files, err := fs.Glob(manifests.FS, "crd/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(definitions) {
		t.Errorf("manifests hold %v, this test knows %d definitions: add a row", files, len(definitions))
	}
}

// The API server's own validation of a definition includes the estimate of what
// its CEL rules cost: a string without maxLength is enough to be refused here.
func TestDefinitionsPassTheAPIServersValidation(t *testing.T) {
	for _, d := range definitions {
		t.Run(d.plural, func(t *testing.T) {
			for _, err := range crdvalidation.ValidateCustomResourceDefinition(context.Background(), internalCRD(t, d.plural)) {
				// The API server writes storedVersions itself when it creates the definition.
				if err.Field == "status.storedVersions" {
					continue
				}
				t.Error(err)
			}
		})
	}
}

func TestDefinitionsExceedTheCostLimitWithoutMaxLength(t *testing.T) {
	definition := internalCRD(t, "databaseusers")
	props, err := apiextensions.GetSchemaForVersion(definition, "v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	template := props.OpenAPIV3Schema.Properties["spec"].Properties["secretTemplate"]
	keys := template.Properties["keys"]
	keys.MaxProperties = nil
	keys.AdditionalProperties.Schema.MaxLength = nil
	template.Properties["keys"] = keys
	var refused bool
	for _, err := range crdvalidation.ValidateCustomResourceDefinition(context.Background(), definition) {
		refused = refused || strings.Contains(err.Error(), "estimated rule cost")
	}
	if !refused {
		t.Error("a definition whose rule loops over an unbounded map was accepted: the cost limit is not being checked")
	}
}

func TestDefinitionsShape(t *testing.T) {
	for _, d := range definitions {
		t.Run(d.plural, func(t *testing.T) {
			definition := internalCRD(t, d.plural)
			names := definition.Spec.Names
			if names.Kind != d.kind || names.ListKind != d.kind+"List" || definition.Spec.Scope != d.scope {
				t.Errorf("kind %s, list %s, scope %s", names.Kind, names.ListKind, definition.Spec.Scope)
			}
			if !reflect.DeepEqual(names.ShortNames, []string{d.shortName}) || !reflect.DeepEqual(names.Categories, []string{"dbtether"}) {
				t.Errorf("short names %v, categories %v", names.ShortNames, names.Categories)
			}
			status, err := apiextensions.GetSubresourcesForVersion(definition, "v1alpha1")
			if err != nil || status == nil || status.Status == nil {
				t.Errorf("no status subresource: %v, %v", status, err)
			}
			if got := columns(t, definition, 0); got != d.columns {
				t.Errorf("columns %q, want %q", got, d.columns)
			}
			if got := columns(t, definition, 1); got != d.wide {
				t.Errorf("wide columns %q, want %q", got, d.wide)
			}
		})
	}
}

// Every list of a schema says how the API server merges it: without a list type
// server-side apply replaces the whole list.
func TestDefinitionsListTypes(t *testing.T) {
	want := map[string]map[string]string{
		"dbclusters": {"spec.adoption.databases": "set", "spec.adoption.roles": "set", "spec.allowedExtensions": "set", "spec.allowedNamespaces": "set",
			"spec.namespaceSelector.matchExpressions": "atomic", "spec.namespaceSelector.matchExpressions.values": "atomic", "status.conditions": "map"},
		"databases": {"spec.extensions": "set", "spec.schemas": "set", "status.conditions": "map", "status.parameters": "set"},
		"databaseusers": {"spec.additionalGrants": "atomic", "spec.additionalGrants.privileges": "set", "spec.additionalGrants.tables": "set",
			"spec.databaseRefs": "atomic", "spec.serviceAccounts": "set", "status.conditions": "map", "status.databases": "atomic", "status.rotation.heldBy": "atomic", "status.settings": "set"},
	}
	for _, d := range definitions {
		props, err := apiextensions.GetSchemaForVersion(internalCRD(t, d.plural), "v1alpha1")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		listTypes(props.OpenAPIV3Schema, nil, got)
		if !reflect.DeepEqual(got, want[d.plural]) {
			t.Errorf("%s: list types %v, want %v", d.plural, got, want[d.plural])
		}
	}
}

func columns(t *testing.T, definition *apiextensions.CustomResourceDefinition, upTo int32) string {
	t.Helper()
	all, err := apiextensions.GetColumnsForVersion(definition, "v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, column := range all {
		if column.Priority <= upTo {
			names = append(names, column.Name)
		}
	}
	return strings.Join(names, " ")
}

func listTypes(props *apiextensions.JSONSchemaProps, path []string, found map[string]string) {
	if props.Type == "array" {
		found[strings.Join(path, ".")] = ""
		if props.XListType != nil {
			found[strings.Join(path, ".")] = *props.XListType
		}
		if props.Items != nil && props.Items.Schema != nil {
			listTypes(props.Items.Schema, path, found)
		}
	}
	for name, child := range props.Properties {
		listTypes(&child, append(path[:len(path):len(path)], name), found)
	}
}
