package admission

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// warnings runs kubectl, which must succeed, and returns the warnings that it shows.
func (c *cluster) warnings(t *testing.T, stdin string, args ...string) (shown []string) {
	t.Helper()
	_, stderr, err := c.kubectlOutput(stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s\n%s", strings.Join(args, " "), err, stderr, stdin)
	}
	for line := range strings.Lines(stderr) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "Warning: "); ok {
			shown = append(shown, text)
		}
	}
	return shown
}

// workloadOf returns a workload whose pods have the annotations.
func workloadOf(kind, fields string, annotations ...string) string {
	group := map[string]string{"Job": "batch/v1", "CronJob": "batch/v1", "ReplicationController": "v1"}[kind]
	selector := "selector: {matchLabels: {app: web}}, "
	restart := ""
	switch kind {
	case "ReplicationController":
		selector = ""
	case "Job", "CronJob":
		selector, restart = "", ", restartPolicy: Never"
	}
	if group == "" {
		group = "apps/v1"
	}
	spec := fmt.Sprintf("{%s%stemplate: {metadata: {labels: {app: web}, annotations: {%s}}, spec: {containers: [{name: app, image: registry.example/app:1}]%s}}}",
		selector, fields, strings.Join(annotations, ", "), restart)
	if kind == "CronJob" {
		spec = "{schedule: '0 3 * * *', jobTemplate: {spec: " + spec + "}}"
	}
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: web}\nspec: %s\n", group, kind, spec)
}

// TestTemplates creates workloads of every kind. None is refused; what is wrong with its
// pods is shown.
func TestTemplates(t *testing.T) {
	c := newCluster(t)
	ns, plain := c.namespace(t, enabled), c.namespace(t)
	c.must(t, manifestOf("DBCluster", "", ns, "{endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}}"), "create", "-f", "-")
	c.must(t, "", "patch", "dbcluster", ns, "--subresource=status", "--type=merge", "-p", `{"status":{"maxConnections":97}}`)
	c.must(t, manifestOf("Database", ns, "orders", "{clusterRef: {name: "+ns+"}, connectionLimit: 50}"), "create", "-f", "-")
	c.user(t, ns, "orders-api", 3)
	byDefault := c.namespace(t, enabled, "dbtether.io/inject-default=orders-api")
	c.user(t, byDefault, "orders-api", 3)
	const unknown = `USER-UNKNOWN: user "nobody" does not exist in namespace "shop". Create it with "kubectl dbtether user create", or correct the annotation dbtether.io/inject.`
	const lower = "Lower dbtether.io/pool-size or the replicas, or "
	budget := func(what, known string) string {
		return "CONNECTION-BUDGET: " + what + `, but database "orders" takes ` + known + ". " + lower + "raise spec.connectionLimit of the Database."
	}
	create := []string{"create", "--dry-run=server", "-f", "-", "-n"}
	eventually(t, "the webhook knows the user and the limits", func() error {
		if got := c.warnings(t, workloadOf("Deployment", "replicas: 98, ", "dbtether.io/inject: orders-api", `dbtether.io/pool-size: "1"`), append(create, ns)...); len(got) != 2 {
			return fmt.Errorf("got %q", got)
		}
		return nil
	})
	for _, d := range []struct {
		title, namespace, manifest string
		want                       []string
	}{
		{"a Deployment in order", ns, workloadOf("Deployment", "replicas: 2, ", "dbtether.io/inject: orders-api", `dbtether.io/pool-size: "25"`), nil},
		{"one of a user that is unknown", ns, workloadOf("Deployment", "", "dbtether.io/inject: nobody"), []string{unknown}},
		{"a StatefulSet that opens too much", ns, workloadOf("StatefulSet", "serviceName: x, replicas: 3, ", "dbtether.io/inject: orders-api", `dbtether.io/pool-size: "20"`),
			[]string{budget(`statefulset "web" may open 60 connections (replicas: 3, dbtether.io/pool-size: 20)`, "50")}},
		{"a DaemonSet with two faults", ns, workloadOf("DaemonSet", "", "dbtether.io/inject: orders-api", "dbtether.io/as: file", "dbtether.io/container: app"), []string{
			`ANNOTATION-INVALID: dbtether.io/as: "file" is not a form. Write "files"; the forms are env, files, both and libpq.`,
			`ANNOTATION-INVALID: dbtether.io/container: is not an annotation of a pod. Write dbtether.io/containers.`}},
		{"a ReplicaSet of somebody", ns, workloadOf("ReplicaSet", "", "dbtether.io/inject: nobody"), []string{unknown}},
		{"a ReplicationController", ns, workloadOf("ReplicationController", "", "dbtether.io/inject: nobody"), []string{unknown}},
		{"a Job that opens too much", ns, workloadOf("Job", "parallelism: 17, ", "dbtether.io/inject: orders-api", `dbtether.io/pool-size: "3"`),
			[]string{budget(`job "web" may open 51 connections (replicas: 17, dbtether.io/pool-size: 3)`, "50")}},
		{"a CronJob", ns, workloadOf("CronJob", "", "dbtether.io/inject: nobody"), []string{unknown}},
		{"a Deployment where nobody is injected", plain, workloadOf("Deployment", "", "dbtether.io/inject: nobody"), []string{unknown,
			`NAMESPACE-NOT-ENABLED: the pod asks for credentials (dbtether.io/inject), but namespace "shop" is not labelled for it. Ask the platform team to run: kubectl label namespace shop dbtether.io/injection=enabled.`}},
		{"a ReplicaSet that a Deployment made", ns, strings.Replace(workloadOf("ReplicaSet", "", "dbtether.io/inject: nobody"), "{name: web}",
			"{name: web, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u1, controller: true}]}", 1), nil},
		{"a pod that opens too much, which counts for itself", ns, podNamed("web", "dbtether.io/inject: orders-api", `dbtether.io/pool-size: "51"`),
			[]string{budget(`pod "web" may open 51 connections (replicas: 1, dbtether.io/pool-size: 51)`, "50")}},
		{"a Deployment whose namespace asks for it", byDefault, workloadOf("Deployment", "", "dbtether.io/as: libpq", "dbtether.io/on-rotate: restart", "dbtether.io/containers: nope"), []string{
			`ANNOTATION-INVALID: dbtether.io/containers: the pod has no container "nope". Write "app"; it has app.`}},
		{"a Deployment that asks for nothing", ns, workloadOf("Deployment", ""), nil},
	} {
		before := c.answered("templates")
		got := c.warnings(t, d.manifest, append(create, d.namespace)...)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], d.namespace, "shop")
		}
		if !slices.Equal(got, d.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", d.title, strings.Join(got, "\n"), strings.Join(d.want, "\n"))
		}
		if asks := strings.Contains(d.manifest, "template:") && strings.Contains(d.manifest, "dbtether.io/") && !strings.Contains(d.manifest, "controller: true"); asks != (c.answered("templates") > before) {
			t.Errorf("%s: the webhook was asked: %v", d.title, !asks)
		}
	}

	// What changes nothing of the spec is not judged again.
	c.must(t, workloadOf("Deployment", "", "dbtether.io/inject: nobody"), "create", "-n", ns, "-f", "-")
	if got := c.warnings(t, "", "label", "deployment", "web", "-n", ns, "tier=a"); got != nil {
		t.Errorf("a label: %q", got)
	}
	if got := c.warnings(t, "", "set", "image", "deployment/web", "-n", ns, "app=registry.example/app:2"); len(got) != 1 {
		t.Errorf("another image: %q", got)
	}
}
