package check

import "testing"

func TestInstall(t *testing.T) {
	const namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: dbtether-system, labels: {pod-security.kubernetes.io/enforce: restricted}}}"
	other := func(name, fields string) string {
		return "{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: " + name + "}, webhooks: [{name: sidecar.example.com, " + fields +
			", rules: [{apiGroups: [''], resources: [pods], operations: [CREATE]}]}]}"
	}
	for _, c := range []struct {
		name   string
		change func(*Install)
		want   []string
	}{
		{"nothing is there", func(*Install) {}, nil},
		{"it is installed", func(i *Install) {
			i.Definitions, i.Mutating, i.Validating, i.Namespace = installedAs(t, kindCRD), installedAs(t, kindMutating), installedAs(t, kindValidating), seen(t, namespace)
		}, nil},
		{"rights are missing", func(i *Install) {
			for n := range i.Rights {
				r := &i.Rights[n]
				r.Allowed = r.Resource != "deployments" && (r.Resource != "clusterroles" || r.Verb == "get")
			}
		}, []string{
			"warning install-roles: you may not escalate clusterroles: the API server takes roles from you only with rights that you hold yourself",
			"warning install-roles: you may not bind clusterroles: the API server takes roles from you only with rights that you hold yourself",
			"error install-rights: you may not create, patch clusterroles.rbac.authorization.k8s.io",
			"error install-rights: you may not get, create, patch deployments.apps -n dbtether-system"}},
		{"an older definition", func(i *Install) {
			i.Definitions = installedAs(t, kindCRD)
			delete(specOf(databases(i.Definitions)), "extensions")
		}, []string{"warning install-definitions: the definition databases.dbtether.io is older than this version: it has not v1alpha1 spec.extensions"}},
		{"a definition of somebody else's", func(i *Install) {
			i.Definitions = seen(t, "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: backups.dbtether.io}, spec: {group: dbtether.io}}",
				"{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: a.example.com}, spec: {group: example.com}}")
		}, []string{"warning install-definitions: the definition backups.dbtether.io is of group dbtether.io and none of this version"}},
		{"a configuration of somebody else's", func(i *Install) { i.Mutating = seen(t, other("dbtether", "failurePolicy: Ignore")) },
			[]string{"error install-configurations: the MutatingWebhookConfiguration dbtether is not dbtether's: it has the entry sidecar.example.com"}},
		{"another webhook", func(i *Install) {
			i.Mutating = seen(t, other("a", "failurePolicy: Fail, reinvocationPolicy: Never"), other("istio", "failurePolicy: Ignore, reinvocationPolicy: IfNeeded"), other("z", "failurePolicy: Ignore"))
		}, []string{
			"warning install-other-webhooks: the webhook sidecar.example.com of a changes pods, and none is created while it is down",
			"note install-other-webhooks: the webhook sidecar.example.com of a comes before dbtether's and does not see the credentials that a pod gets (reinvocationPolicy Never)",
			"note install-other-webhooks: the webhook sidecar.example.com of istio is called again after dbtether has changed a pod (reinvocationPolicy IfNeeded); what it takes away of a credential is refused"}},
		{"a namespace without Pod Security", func(i *Install) {
			i.Namespace = seen(t, "{apiVersion: v1, kind: Namespace, metadata: {name: dbtether-system}}")
		},
			[]string{"warning install-namespace: Pod Security enforces no profile in the namespace dbtether-system, where restricted is enough for dbtether"}},
		{"a namespace that goes", func(i *Install) {
			i.Namespace = seen(t, "{apiVersion: v1, kind: Namespace, metadata: {name: dbtether-system, deletionTimestamp: '2026-06-01T11:00:00Z'}}")
		}, []string{"error install-namespace: the namespace dbtether-system is being deleted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rights, err := RightsOfInstall()
			if err != nil {
				t.Fatal(err)
			}
			i := Install{Shipped: shippedNow(t), Rights: rights}
			for n := range i.Rights {
				i.Rights[n].Allowed = true
			}
			c.change(&i)
			compare(t, i.Findings(), c.want...)
		})
	}
}
