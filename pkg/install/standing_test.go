package install

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestForeign(t *testing.T) {
	for _, c := range []struct{ object, want string }{
		{"{kind: ClusterRole, metadata: {name: x}}", ""},
		{"{kind: ClusterRole, metadata: {name: x, labels: {app.kubernetes.io/managed-by: dbtether}}}", ""},
		{"{kind: ClusterRole, metadata: {name: x, labels: {app.kubernetes.io/managed-by: Helm}}}", "is managed by Helm"},
		{"{kind: CustomResourceDefinition, spec: {names: {categories: [dbtether]}}}", ""},
		{"{kind: CustomResourceDefinition, spec: {names: {plural: databases}}}", "defines the resources of the dbtether operator, or of somebody else"},
		{"{kind: ValidatingWebhookConfiguration, webhooks: [{name: enforce.dbtether.io}]}", ""},
		{"{kind: MutatingWebhookConfiguration, webhooks: [{name: inject.dbtether.io}, {name: x.example.com}]}", `has the entry "x.example.com", which is not ours`},
		{"{kind: Namespace, metadata: {labels: {pod-security.kubernetes.io/enforce: restricted}}}", ""},
		{"{kind: Namespace, metadata: {labels: {pod-security.kubernetes.io/enforce: privileged}}}", `enforces Pod Security "privileged", not "restricted"`},
	} {
		if got := Foreign(object(t, c.object)); got != c.want {
			t.Errorf("%s: %q, want %q", c.object, got, c.want)
		}
	}
}

func TestOutcome(t *testing.T) {
	before := object(t, "{kind: Role, metadata: {name: x, uid: a, resourceVersion: '1', labels: {a: b}}, rules: [{verbs: [get]}], status: {c: d}}")
	for _, c := range []struct {
		before *unstructured.Unstructured
		after  string
		want   string
	}{
		{nil, "{kind: Role}", Created},
		{before, "{kind: Role, metadata: {name: x, uid: a, resourceVersion: '2', generation: 3, labels: {a: b}}, rules: [{verbs: [get]}]}", Unchanged},
		{before, "{kind: Role, metadata: {name: x, labels: {a: c}}, rules: [{verbs: [get]}]}", Configured},
		{before, "{kind: Role, metadata: {name: x, labels: {a: b}}, rules: [{verbs: [get, list]}]}", Configured},
	} {
		if got := Outcome(c.before, object(t, c.after)); got != c.want {
			t.Errorf("%s: %s, want %s", c.after, got, c.want)
		}
	}
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	objects, err := parse([]byte(text))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	return objects[0]
}
