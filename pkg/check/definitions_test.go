package check

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

func TestFloor(t *testing.T) {
	const policy = "revisions.dbtether.io"
	for _, c := range []struct {
		name   string
		change func(policies, bindings *Objects)
		want   []string
	}{
		{"as shipped", func(*Objects, *Objects) {}, nil},
		{"none", func(p, b *Objects) { *p, *b = Objects{}, Objects{} },
			[]string{"warning floor-policy: none of the ValidatingAdmissionPolicies is installed: deletionProtection, marks of Secrets and of pods are not enforced while the webhook is down"}},
		{"a policy is missing", func(p, _ *Objects) { p.Items = p.Items[1:] }, []string{"error floor-policy: the ValidatingAdmissionPolicy binding-annotations.dbtether.io is not there"}},
		{"a policy fails open", func(p, _ *Objects) { set(t, p.named(policy), "Ignore", "spec", "failurePolicy") },
			[]string{"warning floor-shipped: the ValidatingAdmissionPolicy revisions.dbtether.io is not as this version ships it: spec.failurePolicy"}},
		{"a policy that the API server cannot type", func(p, _ *Objects) {
			set(t, p.named(policy), []any{map[string]any{"fieldRef": "spec.validations[0].expression", "warning": "undefined field\nat 1:2"}}, "status", "typeChecking", "expressionWarnings")
		}, []string{"warning floor-evaluable: the API server warns of the ValidatingAdmissionPolicy revisions.dbtether.io: spec.validations[0].expression: undefined field"}},
		{"a binding warns", func(_, b *Objects) { set(t, b.named(policy), []any{"Warn", "Audit"}, "spec", "validationActions") },
			[]string{"error floor-binding: the ValidatingAdmissionPolicyBinding revisions.dbtether.io does not deny: its validationActions are Warn, Audit"}},
		{"a binding for some namespaces", func(_, b *Objects) {
			set(t, b.named(policy), map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"a": "b"}}}, "spec", "matchResources")
		}, []string{"error floor-binding: the ValidatingAdmissionPolicyBinding revisions.dbtether.io is not as this version ships it, so that its policy may not hold everywhere: spec.matchResources"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			policies, bindings := installedAs(t, kindPolicy), installedAs(t, kindBinding)
			c.change(&policies, &bindings)
			compare(t, Floor{Shipped: shippedNow(t), Policies: policies, Bindings: bindings}.Findings(), c.want...)
		})
	}
}
