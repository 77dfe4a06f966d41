package admission

import (
	"strings"
	"testing"
	"time"
)

// TestOutage stops the webhook and looks at what everybody else notices.
func TestOutage(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	const cluster = "{endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}}"
	c.must(t, manifestOf("DBCluster", "", ns, cluster)+"---\n"+
		manifestOf("Database", ns, "orders", "{clusterRef: {name: "+ns+"}}")+"---\n"+
		manifestOf("Database", ns, "precious", "{clusterRef: {name: "+ns+"}, deletionProtection: true}"), "create", "-f", "-")
	c.user(t, ns, "orders-api", 3)
	c.user(t, ns, "leaving", 1)
	c.must(t, "", "patch", "databaseuser", "leaving", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":["dbtether.io/finalizer"]}}`)
	if err := c.webhook.stop(); err != nil {
		t.Fatal(err)
	}

	started := time.Now()
	c.must(t, podNamed("plain"), "create", "-n", ns, "-f", "-")
	if took := time.Since(started); took > time.Second {
		t.Errorf("a pod that asks for nothing took %s", took)
	}
	c.must(t, podWith("taking", []string{"containers: [{name: app, image: registry.example/app:1, envFrom: [{secretRef: {name: orders-api-credentials}}]}]"}), "create", "-n", ns, "-f", "-")
	c.must(t, workloadOf("Deployment", "", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	refused := func(by, manifest string, args ...string) {
		t.Helper()
		if _, err := c.kubectl(manifest, args...); err == nil || !strings.Contains(err.Error(), by) {
			t.Errorf("kubectl %s: %v, and not: %s", strings.Join(args, " "), err, by)
		}
	}
	refused(`failed calling webhook "enforce.dbtether.io"`, podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	refused(`failed calling webhook "resources.dbtether.io"`, manifestOf("Database", ns, "more", "{clusterRef: {name: "+ns+"}}"), "create", "-f", "-")
	refused(`failed calling webhook "resources.dbtether.io"`, "", "patch", "dbcluster", ns, "--type=merge", "-p", `{"spec":{"port":5433}}`)
	refused("DELETION-PROTECTED", "", "delete", "database", "precious", "-n", ns)
	refused("NAMESPACE-NOT-ENABLED", podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", c.namespace(t), "-f", "-")

	// What is being deleted is not kept, and its finalizer can go.
	c.must(t, "", "delete", "database", "orders", "-n", ns)
	c.must(t, "", "delete", "databaseuser", "leaving", "-n", ns, "--wait=false")
	c.must(t, "", "patch", "databaseuser", "leaving", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	if out, err := c.kubectl("", "get", "databaseuser", "leaving", "-n", ns); err == nil {
		t.Errorf("the user is still there: %s", out)
	}
	c.must(t, "", "delete", "pod", "plain", "-n", ns, "--grace-period=0", "--force")

	c.running(t)
	c.must(t, podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	if got := c.pod(t, ns, "orders").Annotations["dbtether.io/injected"]; got != "orders-api@3:env+files" {
		t.Errorf("after the outage dbtether.io/injected is %q", got)
	}
}
