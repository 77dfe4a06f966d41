package check

import "testing"

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
