package check

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// served returns the shipped definitions as they are when the API server serves them.
func served(t *testing.T) Objects {
	t.Helper()
	objects := installedAs(t, kindCRD)
	for i := range objects.Items {
		set(t, &objects.Items[i], []any{map[string]any{"type": "Established", "status": "True"}}, "status", "conditions")
		set(t, &objects.Items[i], []any{"v1alpha1"}, "status", "storedVersions")
	}
	return objects
}

// databases returns the definition of Databases.
func databases(objects Objects) *unstructured.Unstructured {
	return objects.named("databases.dbtether.io")
}

// specOf returns the fields of spec of the only version of a definition.
func specOf(definition *unstructured.Unstructured) map[string]any {
	version := definition.Object["spec"].(map[string]any)["versions"].([]any)[0].(map[string]any)
	schema := version["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
	return schema["properties"].(map[string]any)["spec"].(map[string]any)["properties"].(map[string]any)
}

func TestDefinitions(t *testing.T) {
	crds := schema.GroupResource{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}
	for _, c := range []struct {
		name   string
		change func(*Objects)
		want   []string
	}{
		{"as shipped", func(*Objects) {}, nil},
		{"one is missing", func(o *Objects) { o.Items = o.Items[1:] }, []string{"error definition-installed: the definition databases.dbtether.io is not installed"}},
		{"not served", func(o *Objects) {
			set(t, databases(*o), []any{map[string]any{"type": "Established", "status": "False", "message": "the names are taken"}}, "status", "conditions")
		}, []string{"error definition-established: the API server does not serve databases.dbtether.io: the names are taken"}},
		{"older", func(o *Objects) { delete(specOf(databases(*o)), "extensions") },
			[]string{"error definition-schema: the definition databases.dbtether.io is older than this version: it has not v1alpha1 spec.extensions"}},
		{"newer", func(o *Objects) { specOf(databases(*o))["later"] = map[string]any{"type": "string"} },
			[]string{"warning definition-schema: the definition databases.dbtether.io is newer than this version: it has v1alpha1 spec.later"}},
		{"another", func(o *Objects) {
			delete(specOf(databases(*o)), "extensions")
			specOf(databases(*o))["cluster"] = map[string]any{"type": "string"}
		}, []string{"error definition-schema: the definition databases.dbtether.io is another one than that of this version: it has not v1alpha1 spec.extensions, and has v1alpha1 spec.cluster"}},
		{"other rules", func(o *Objects) { delete(specOf(databases(*o))["databaseName"].(map[string]any), "maxLength") },
			[]string{"warning definition-schema: the definition databases.dbtether.io has the fields of this version, with other rules"}},
		{"stored in a version that is gone", func(o *Objects) { set(t, databases(*o), []any{"v1alpha1", "v1alpha0"}, "status", "storedVersions") },
			[]string{"error definition-stored-versions: objects of databases.dbtether.io are stored as v1alpha0, which this version does not have"}},
		{"unread", func(o *Objects) { o.Err = apierrors.NewForbidden(crds, "", nil) },
			[]string{"warning definitions-read: the resource definitions could not be looked at: you lack the right to read"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects := served(t)
			c.change(&objects)
			compare(t, Definitions{Shipped: shippedNow(t), Seen: objects}.Findings(), c.want...)
		})
	}
}
