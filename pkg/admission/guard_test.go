package admission

import (
	"fmt"
	"strings"
	"testing"
)

// podWith returns a pod whose spec has these lines, and annotations.
func podWith(name string, lines []string, annotations ...string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  annotations: {%s}\nspec:\n  %s\n", name, strings.Join(annotations, ", "), strings.Join(lines, "\n  "))
}

// TestGuard creates pods that refer to a credential in every way that a pod can, and pods
// that only look like it. That the webhook is not even asked about most of the latter is
// counted.
func TestGuard(t *testing.T) {
	c := newCluster(t)
	ns, elsewhere := c.namespace(t, enabled), c.namespace(t)
	for _, namespace := range []string{ns, elsewhere} {
		c.must(t, manifestOf("DatabaseUser", namespace, "orders-api", "{databaseRef: {name: orders}}"), "create", "-f", "-")
		c.setUser(t, namespace, "orders-api", 3, "True")
	}
	c.must(t, manifestOf("DatabaseUser", ns, "each", "{databaseRefs: [{name: a}, {name: b}], secretGeneration: perDatabase}"), "create", "-f", "-")
	const app = "containers: [{name: app, image: registry.example/app:1}]"
	taking := func(secret string) string {
		return podWith("x", []string{"containers: [{name: app, image: registry.example/app:1, envFrom: [{secretRef: {name: " + secret + "}}]}]"})
	}
	for _, secret := range []string{"orders-api-credentials", "each-b-credentials"} {
		c.seen(t, "SECRET-NOT-REQUESTED", taking(secret), ns)
	}
	env := func(where, secret string) string {
		return where + ": [{name: x, image: registry.example/app:1, env: [{name: P, valueFrom: {secretKeyRef: {name: " + secret + ", key: password}}}]}]"
	}
	volume := func(source string) []string { return []string{app, "volumes: [{name: a, " + source + "}]"} }
	const refused, asked, notAsked = "refused", "asked", "not asked"
	for _, d := range []struct {
		title, want string
		spec        []string
	}{
		{"a variable", refused, []string{env("containers", "orders-api-credentials")}},
		{"a variable of an init container", refused, []string{app, env("initContainers", "orders-api-credentials")}},
		{"a volume", refused, volume("secret: {secretName: orders-api-credentials}")},
		{"a projected volume", refused, volume("projected: {sources: [{configMap: {name: x}}, {secret: {name: orders-api-credentials}}]}")},
		{"a CSI volume", refused, volume("csi: {driver: x.example, nodePublishSecretRef: {name: orders-api-credentials}}")},
		{"a flex volume", refused, volume("flexVolume: {driver: example/x, secretRef: {name: orders-api-credentials}}")},
		{"an Azure file share", refused, volume("azureFile: {shareName: x, secretName: orders-api-credentials}")},
		{"an iSCSI volume", refused, volume("iscsi: {targetPortal: '10.0.0.1', iqn: 'iqn.2001-04.com.example:x', lun: 0, secretRef: {name: orders-api-credentials}}")},
		{"a revision", refused, volume("secret: {secretName: orders-api-credentials.v3}")},
		{"the Secret of one database", refused, []string{env("containers", "each-a-credentials")}},
		{"one variable of many", refused, []string{"containers: [{name: app, image: registry.example/app:1, env: [" +
			strings.Repeat("{name: A, valueFrom: {configMapKeyRef: {name: x, key: k}}}, ", 4000) + "{name: P, valueFrom: {secretKeyRef: {name: orders-api-credentials, key: password}}}]}]"}},
		{"a Secret of nobody", asked, []string{env("containers", "payment-key")}},
		{"a Secret to pull images with", notAsked, []string{app, "imagePullSecrets: [{name: orders-api-credentials}]"}},
		{"volumes without a Secret", notAsked, []string{app, "volumes: [{name: secret, emptyDir: {}}, {name: b, configMap: {name: orders-api-credentials}}, {name: c, projected: {sources: [{configMap: {name: x}}]}}, {name: d, csi: {driver: x.example}}]"}},
		{"nothing", notAsked, []string{app}},
	} {
		before := c.answered("guard")
		_, err := c.kubectl(podWith("x", d.spec), "create", "--dry-run=server", "-n", ns, "-f", "-")
		got := notAsked
		if c.answered("guard") > before {
			got = asked
		}
		if err != nil && strings.Contains(err.Error(), `admission webhook "guard.dbtether.io" denied the request: SECRET-NOT-REQUESTED: the pod uses Secret "`) {
			got = refused
		}
		if got != d.want || err != nil && got != refused {
			t.Errorf("%s: %s, want %s: %v", d.title, got, d.want, err)
		}
	}

	// A namespace that is not enabled is not ours to guard.
	c.must(t, taking("orders-api-credentials"), "create", "--dry-run=server", "-n", elsewhere, "-f", "-")
	// Who asks for it may refer to it, too; and what injection makes passes.
	c.must(t, podWith("asks", []string{env("containers", "orders-api-credentials")}, "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	if got := c.pod(t, ns, "asks").Annotations["dbtether.io/injected"]; got != "orders-api@3:env+files" {
		t.Errorf("dbtether.io/injected is %q", got)
	}
}

// A pod that runs since before the namespace was enabled can be debugged, and its debugger
// gets no more than the pod has.
func TestGuardOfEphemeralContainers(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	c.user(t, ns, "orders-api", 3)
	c.user(t, ns, "reports", 1)
	c.must(t, podWith("old", []string{"containers: [{name: app, image: registry.example/app:1, envFrom: [{secretRef: {name: orders-api-credentials}}]}]"}), "create", "-n", ns, "-f", "-")
	c.must(t, "", "label", "namespace", ns, enabled)
	c.seen(t, "SECRET-NOT-REQUESTED", podWith("x", []string{"containers: [{name: app, image: registry.example/app:1, envFrom: [{secretRef: {name: reports-credentials}}]}]"}), ns)
	add := func(container string) error {
		_, err := c.kubectl("", "patch", "pod", "old", "-n", ns, "--subresource=ephemeralcontainers", "--type=strategic", "-p", `{"spec":{"ephemeralContainers":[`+container+`]}}`)
		return err
	}
	if err := add(`{"name":"plain","image":"registry.example/tools:1"}`); err != nil {
		t.Errorf("a debugger: %v", err)
	}
	err := add(`{"name":"taking","image":"registry.example/tools:1","env":[{"name":"P","valueFrom":{"secretKeyRef":{"name":"reports-credentials","key":"password"}}}]}`)
	if err == nil || !strings.Contains(err.Error(), `SECRET-NOT-REQUESTED: the pod uses Secret "reports-credentials"`) {
		t.Errorf("a debugger that takes a credential: %v", err)
	}
}

// answered returns how many reviews an entry has answered.
func (c *cluster) answered(entry string) int {
	return strings.Count(c.webhook.text(), `"entry":"`+entry+`"`)
}
