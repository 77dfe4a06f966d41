package admission

import (
	"strings"
	"syscall"
	"testing"
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

	c.othersGoOn(t, ns)
	c.must(t, podWith("taking", []string{"containers: [{name: app, image: registry.example/app:1, envFrom: [{secretRef: {name: orders-api-credentials}}]}]"}), "create", "-n", ns, "-f", "-")
	c.must(t, workloadOf("Deployment", "", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	refused := func(by, manifest string, args ...string) {
		t.Helper()
		if _, err := c.kubectl(manifest, args...); err == nil || !strings.Contains(err.Error(), by) {
			t.Errorf("kubectl %s: %v, and not: %s", strings.Join(args, " "), err, by)
		}
	}
	refused(`NOT-INJECTED: pod "orders" in namespace "`+ns+`" asks for credentials (dbtether.io/inject), but the webhook that gives them did not answer.`, podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
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

// othersGoOn checks that who asks nothing of us does not notice that we do not answer:
// pods without our annotations, and whatever is in kube-system.
func (c *cluster) othersGoOn(t *testing.T, enabled string) {
	t.Helper()
	c.must(t, podNamed("plain"), "create", "-n", enabled, "-f", "-")
	c.must(t, podNamed(enabled), "create", "-n", "kube-system", "-f", "-")
	c.must(t, "", "label", "pod", enabled, "-n", "kube-system", "team=a")
	c.must(t, "", "delete", "pod", enabled, "-n", "kube-system", "--grace-period=0", "--force")
	c.must(t, "", "create", "configmap", enabled, "-n", "kube-system", "--from-literal=a=b")
	c.must(t, "", "delete", "configmap", enabled, "-n", "kube-system")
	c.must(t, "", "create", "deployment", enabled, "-n", "kube-system", "--image=registry.example/app:1")
	c.must(t, "", "delete", "deployment", enabled, "-n", "kube-system")
}

// TestOutageByHanging stops the webhook in its tracks: it takes connections and answers
// nothing, which costs who asks us for something the time-outs, and nobody else anything.
func TestOutageByHanging(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	process := c.webhook.cmd.Process
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	resume := func() { _ = process.Signal(syscall.SIGCONT) }
	t.Cleanup(resume)
	c.othersGoOn(t, ns)
	pod := podNamed("orders", "dbtether.io/inject: orders-api")
	for by, manifest := range map[string]string{`'pod-credentials.dbtether.io' denied request: NOT-INJECTED`: pod,
		`failed calling webhook "resources.dbtether.io"`: manifestOf("Database", ns, "more", "{clusterRef: {name: main}}")} {
		if _, err := c.kubectl(manifest, "create", "-n", ns, "-f", "-"); err == nil || !strings.Contains(err.Error(), by) {
			t.Errorf("%s: %v", by, err)
		}
	}
	resume()
	eventually(t, "it answers again", func() error { _, err := c.kubectl(pod, "create", "-n", ns, "-f", "-"); return err })
	if got := c.pod(t, ns, "orders").Annotations["dbtether.io/injected"]; got != "orders-api@3:env+files" {
		t.Errorf("afterwards dbtether.io/injected is %q", got)
	}
}
