package admission

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// restricted is what Pod Security calls by that name. The fields of the container
// include one that is newer than many a vendored API.
const restricted = `
apiVersion: v1
kind: Pod
metadata:
  name: %s
  annotations: {%s}
spec:
  restartPolicy: Never
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  initContainers:
    - {name: migrate, image: registry.example/app:1, securityContext: &s {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}
  containers:
    - name: app
      image: registry.example/app:1
      securityContext: *s
      env: [{name: PGHOST, value: localhost}, {name: LEVEL, value: debug}]
      restartPolicy: Never
      restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42]}}]
`

func podNamed(name string, annotations ...string) string {
	return fmt.Sprintf(restricted, name, strings.Join(annotations, ", "))
}

func (c *cluster) pod(t *testing.T, namespace, name string) corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	if err := json.Unmarshal([]byte(c.must(t, "", "get", "pod", name, "-n", namespace, "-o", "json")), &pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

func variables(container corev1.Container) (names []string) {
	for _, v := range container.Env {
		name := v.Name
		if v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil {
			name += "<" + v.ValueFrom.SecretKeyRef.Name + "/" + v.ValueFrom.SecretKeyRef.Key
		}
		names = append(names, name)
	}
	return names
}

func TestPodIsInjected(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled, "pod-security.kubernetes.io/enforce=restricted")
	c.user(t, ns, "orders-api", 3)
	c.must(t, podNamed("plain"), "create", "-n", ns, "-f", "-")
	c.must(t, podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	plain, orders := c.pod(t, ns, "plain"), c.pod(t, ns, "orders")

	if got := orders.Annotations["dbtether.io/injected"]; got != "orders-api@3:env+files" {
		t.Errorf("dbtether.io/injected is %q", got)
	}
	const secret = "orders-api-credentials"
	wantApp := []string{"PGHOST", "LEVEL", "PGPORT<" + secret + "/port", "PGDATABASE<" + secret + "/database", "PGUSER<" + secret + "/username",
		"PGPASSWORD<" + secret + "/password", "PGSSLMODE<" + secret + "/sslmode", "SERVICE_BINDING_ROOT"}
	if got := variables(orders.Spec.Containers[0]); !reflect.DeepEqual(got, wantApp) {
		t.Errorf("app has %v", got)
	}
	if got := orders.Spec.Containers[0].Env[0].Value; got != "localhost" {
		t.Errorf("the pod's own PGHOST became %q", got)
	}
	if got := variables(orders.Spec.InitContainers[0]); len(got) != 7 || got[0] != "PGHOST<"+secret+"/host" {
		t.Errorf("migrate has %v", got)
	}

	// Take away what is ours: what is left is the pod as it would have been.
	orders.Spec.Volumes = plain.Spec.Volumes
	orders.Spec.Containers[0].Env, orders.Spec.InitContainers[0].Env = plain.Spec.Containers[0].Env, plain.Spec.InitContainers[0].Env
	orders.Spec.Containers[0].VolumeMounts, orders.Spec.InitContainers[0].VolumeMounts = nil, nil
	if !reflect.DeepEqual(orders.Spec, plain.Spec) {
		t.Errorf("something else of the pod changed:\n%+v\n%+v", orders.Spec, plain.Spec)
	}
	if len(plain.Spec.Containers[0].RestartPolicyRules) != 1 {
		t.Errorf("the API server itself does not keep restartPolicyRules")
	}
}

// A patched pod, created once more, is as it was: nothing is added twice.
func TestInjectedPodStaysAsItIs(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	c.must(t, podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	before := c.pod(t, ns, "orders")
	text := c.must(t, "", "get", "pod", "orders", "-n", ns, "-o", "json")
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	meta := object["metadata"].(map[string]any)
	meta["name"] = "again"
	delete(meta, "resourceVersion")
	delete(meta, "uid")
	delete(object, "status")
	copied, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	patched := strings.Count(c.webhook.text(), `"outcome":"patched"`)
	c.must(t, string(copied), "create", "-n", ns, "-f", "-")
	if after := c.pod(t, ns, "again"); !reflect.DeepEqual(after.Spec, before.Spec) {
		t.Errorf("the second time changed the pod:\n%+v\n%+v", after.Spec, before.Spec)
	}
	if now := strings.Count(c.webhook.text(), `"outcome":"patched"`); now != patched {
		t.Errorf("%d patches were made for a pod that needs none", now-patched)
	}
}

// In a namespace with a default a pod that does not say what it wants gets that, and one
// that wants nothing says so.
func TestNamespaceDefault(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled, "dbtether.io/inject-default=orders-api")
	c.user(t, ns, "orders-api", 3)
	c.user(t, ns, "analytics-ro", 1)
	c.seen(t, "USER-UNKNOWN", podNamed("x", "dbtether.io/inject: nobody"), ns)
	for _, p := range []struct{ name, annotations, inject, injected string }{
		{"silent", "", "orders-api", "orders-api@3:env+files"},
		{"says-how", "dbtether.io/as: libpq, dbtether.io/containers: app", "orders-api", "orders-api@3:libpq"},
		{"says-what", "dbtether.io/inject: 'r=analytics-ro'", "r=analytics-ro", "r=analytics-ro@1:env+files"},
		{"wants-nothing", "dbtether.io/inject: none", "none", ""},
	} {
		eventually(t, "pod "+p.name, func() error {
			_, err := c.kubectl(podNamed(p.name, p.annotations), "create", "-n", ns, "-f", "-")
			return err
		})
		got := c.pod(t, ns, p.name)
		if got.Annotations["dbtether.io/inject"] != p.inject || got.Annotations["dbtether.io/injected"] != p.injected {
			t.Errorf("%s has %v", p.name, got.Annotations)
		}
		if carried := len(got.Spec.Volumes) > 0; carried != (p.injected != "") {
			t.Errorf("%s has a volume: %v", p.name, carried)
		}
	}
	// No annotations at all: the API server sends none, either.
	c.must(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: bare}\nspec: {containers: [{name: app, image: registry.example/app:1}]}\n", "create", "-n", ns, "-f", "-")
	if got := c.pod(t, ns, "bare").Annotations["dbtether.io/injected"]; got != "orders-api@3:env+files" {
		t.Errorf("bare was given %q", got)
	}
	c.must(t, "", "label", "namespace", ns, "dbtether.io/inject-default=none", "--overwrite")
	eventually(t, "nothing is given by default", func() error {
		c.must(t, podNamed("ordinary"), "create", "-n", ns, "-f", "-")
		got := c.pod(t, ns, "ordinary").Annotations
		c.must(t, "", "delete", "pod", "ordinary", "-n", ns, "--grace-period=0", "--force")
		if got["dbtether.io/inject"] != "" {
			return fmt.Errorf("it has %v", got)
		}
		return nil
	})
	c.must(t, "", "label", "namespace", ns, "dbtether.io/inject-default=orders-api", "--overwrite")
	// A kubelet shows the API server what it has from a file, which can have no Secret.
	c.must(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: static, annotations: {kubernetes.io/config.mirror: x}}\nspec: {nodeName: node-1, containers: [{name: app, image: registry.example/app:1}]}\n", "create", "-n", ns, "-f", "-")
	if got := c.pod(t, ns, "static").Annotations["dbtether.io/injected"]; got != "" {
		t.Errorf("a static pod was given %q", got)
	}
	c.must(t, "", "label", "namespace", ns, "dbtether.io/inject-default=nobody", "--overwrite")
	eventually(t, "a default that does not exist is said", func() error {
		_, err := c.kubectl(podNamed("lost"), "create", "--dry-run=server", "-n", ns, "-f", "-")
		if err == nil || !strings.Contains(err.Error(), `USER-UNKNOWN: user "nobody" does not exist in namespace "`+ns+`"`) {
			return fmt.Errorf("it says: %w", err)
		}
		return nil
	})
}

// A pod that may start without its credential is taken before there is one.
func TestOptionalCredential(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 0)
	c.setUser(t, ns, "orders-api", 0, "False")
	c.seen(t, "USER-NOT-READY", podNamed("x", "dbtether.io/inject: orders-api"), ns)
	c.must(t, podNamed("early", "dbtether.io/inject: orders-api", "dbtether.io/optional: 'true'"), "create", "-n", ns, "-f", "-")
	pod := c.pod(t, ns, "early")
	if got := pod.Annotations["dbtether.io/injected"]; got != "orders-api@0:env+files" {
		t.Errorf("dbtether.io/injected is %q", got)
	}
	for _, v := range pod.Spec.InitContainers[0].Env {
		if v.ValueFrom != nil && (v.ValueFrom.SecretKeyRef.Optional == nil || !*v.ValueFrom.SecretKeyRef.Optional) {
			t.Errorf("%s is not optional", v.Name)
		}
	}
	if source := pod.Spec.Volumes[0].Projected.Sources[0].Secret; source.Optional == nil || !*source.Optional {
		t.Error("the volume is not optional")
	}
	if _, err := c.kubectl(podNamed("lost", "dbtether.io/inject: nobody", "dbtether.io/optional: 'true'"), "create", "-n", ns, "-f", "-"); err == nil || !strings.Contains(err.Error(), "USER-UNKNOWN") {
		t.Errorf("a user that does not exist: %v", err)
	}
}

// What is wrong with a credential keeps nobody from looking into a pod that gets nothing
// of it that way.
func TestDebuggingWhenTheUserIsGone(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "gone-api", 3)
	c.seen(t, "USER-UNKNOWN", podNamed("x", `dbtether.io/inject: "gone-api,a=nobody"`), ns)
	c.must(t, podNamed("files", "dbtether.io/inject: gone-api", "dbtether.io/as: files"), "create", "-n", ns, "-f", "-")
	c.must(t, podNamed("app-only", "dbtether.io/inject: gone-api", "dbtether.io/containers: app"), "create", "-n", ns, "-f", "-")
	c.must(t, podNamed("all", "dbtether.io/inject: gone-api"), "create", "-n", ns, "-f", "-")
	c.must(t, "", "delete", "databaseuser", "gone-api", "-n", ns)
	c.seen(t, "USER-UNKNOWN", podNamed("x", "dbtether.io/inject: gone-api"), ns)
	for _, name := range []string{"files", "app-only"} {
		c.must(t, "", debugging(ns, name, "debugger")...)
	}
	if _, err := c.kubectl("", debugging(ns, "all", "debugger")...); err == nil || !strings.Contains(err.Error(), "USER-UNKNOWN") && !strings.Contains(err.Error(), "NOT-INJECTED") {
		t.Errorf("one that would get variables: %v", err)
	}
}

// kubectl debug adds a container to a running pod, through a subresource.
func TestEphemeralContainerIsInjected(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	c.must(t, podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	c.setUser(t, ns, "orders-api", 4, "True")
	c.must(t, "", "debug", "orders", "-n", ns, "--image=registry.example/tools:1", "--target=app", "--container=debugger", "--profile=restricted", "--quiet", "--", "true")
	pod := c.pod(t, ns, "orders")
	if len(pod.Spec.EphemeralContainers) != 1 {
		t.Fatalf("got %+v", pod.Spec.EphemeralContainers)
	}
	got := variables(corev1.Container(pod.Spec.EphemeralContainers[0].EphemeralContainerCommon))
	if len(got) < 6 || got[0] != "PGHOST<orders-api-credentials/host" {
		t.Errorf("the debugger has %v", got)
	}
}
