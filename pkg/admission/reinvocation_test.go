package admission

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

// mesh is another mutating webhook, as those of service meshes are.
type mesh struct {
	calls atomic.Int64
	// patch returns what it does to a pod, nil for nothing.
	patch func(pod *corev1.Pod) []map[string]any
}

// newMesh registers one under a name, for the pods of one namespace. Those before
// "dbtether" in the alphabet are asked before us.
func newMesh(t *testing.T, c *cluster, name, namespace string, patch func(*corev1.Pod) []map[string]any) *mesh {
	t.Helper()
	m := &mesh{patch: patch}
	pair := newPair(t, time.Now())
	server := httptest.NewUnstartedServer(m)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair.tls}}
	server.StartTLS()
	t.Cleanup(server.Close)
	bundle, err := json.Marshal(pair.bundlePEM)
	if err != nil {
		t.Fatal(err)
	}
	c.must(t, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: %s}
webhooks:
  - name: mesh.example.com
    admissionReviewVersions: [v1]
    clientConfig: {url: "%s/", caBundle: %s}
    rules: [{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}]
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}
    sideEffects: None
    reinvocationPolicy: IfNeeded
`, name, server.URL, bundle, namespace), "create", "-f", "-")
	t.Cleanup(func() { c.must(t, "", "delete", "mutatingwebhookconfiguration", name) })
	eventually(t, "the API server asks "+name, func() error {
		calls := m.calls.Load()
		if _, err := c.kubectl(podNamed("x"), "create", "--dry-run=server", "-n", namespace, "-f", "-"); err != nil {
			return err
		}
		if m.calls.Load() == calls {
			return fmt.Errorf("it does not")
		}
		return nil
	})
	return m
}

func (m *mesh) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.calls.Add(1)
	body, err := io.ReadAll(r.Body)
	var review admissionv1.AdmissionReview
	var pod corev1.Pod
	if err == nil {
		err = json.Unmarshal(body, &review)
	}
	if err == nil {
		err = json.Unmarshal(review.Request.Object.Raw, &pod)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if operations := m.patch(&pod); operations != nil {
		kind := admissionv1.PatchTypeJSONPatch
		review.Response.PatchType = &kind
		review.Response.Patch, _ = json.Marshal(operations) // texts and numbers
	}
	review.Request = nil
	_ = json.NewEncoder(w).Encode(review) // who asked has gone
}

// proxied adds a container once.
func proxied(pod *corev1.Pod) []map[string]any {
	if slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == "proxy" }) {
		return nil
	}
	return []map[string]any{{"op": "add", "path": "/spec/containers/-", "value": map[string]any{"name": "proxy", "image": "registry.example/proxy:1"}}}
}

// Whoever is asked first: what another webhook adds has its credentials, and nothing is
// there twice.
func TestAnotherWebhookAddsAContainer(t *testing.T) {
	c := newCluster(t)
	for _, x := range []struct{ name, mesh, label, annotations string }{
		{"after us", "zz-mesh", enabled, "dbtether.io/inject: orders-api"},
		{"before us", "aa-mesh", enabled, "dbtether.io/inject: orders-api"},
		{"after us, by default", "zz-mesh", "dbtether.io/inject-default=orders-api", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			ns := c.namespace(t, enabled)
			c.user(t, ns, "orders-api", 3)
			c.seen(t, "USER-UNKNOWN", podNamed("x", `dbtether.io/inject: "orders-api,a=nobody"`), ns)
			newMesh(t, c, x.mesh, ns, proxied)
			c.must(t, "", "label", "namespace", ns, x.label, "--overwrite")
			eventually(t, "the pod is injected", func() error {
				if _, err := c.kubectl(podNamed("orders", x.annotations), "create", "-n", ns, "-f", "-"); err != nil {
					return err
				}
				if c.pod(t, ns, "orders").Annotations["dbtether.io/injected"] == "" {
					c.must(t, "", "delete", "pod", "orders", "-n", ns, "--grace-period=0", "--force")
					return errors.New("the API server does not know of the namespace's default yet")
				}
				return nil
			})
			pod := c.pod(t, ns, "orders")
			if len(pod.Spec.Containers) != 2 || len(pod.Spec.Volumes) != 1 {
				t.Fatalf("%d containers, %d volumes", len(pod.Spec.Containers), len(pod.Spec.Volumes))
			}
			for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
				names := map[string]int{}
				for _, v := range container.Env {
					names[v.Name]++
				}
				for _, name := range []string{"PGHOST", "PGPASSWORD", "SERVICE_BINDING_ROOT"} {
					if names[name] != 1 {
						t.Errorf("%s has %s %d times", container.Name, name, names[name])
					}
				}
				if len(container.VolumeMounts) != 1 || container.VolumeMounts[0].MountPath != "/bindings/orders-api" {
					t.Errorf("%s mounts %+v", container.Name, container.VolumeMounts)
				}
			}
		})
	}
}

// Two that undo each other's work: the pod is refused with our words, not created without.
func TestAnotherWebhookTakesAway(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	newMesh(t, c, "zz-mesh", ns, func(pod *corev1.Pod) []map[string]any {
		if len(pod.Spec.InitContainers[0].Env) == 0 {
			return nil
		}
		return []map[string]any{{"op": "remove", "path": "/spec/initContainers/0/env"}}
	})
	c.seen(t, "USER-UNKNOWN", podNamed("x", `dbtether.io/inject: "orders-api,a=nobody"`), ns)
	_, err := c.kubectl(podNamed("orders", "dbtether.io/inject: orders-api"), "create", "-n", ns, "-f", "-")
	// Asked again once, the API server asks nobody a third time: the other has the last word.
	switch {
	case err == nil:
		t.Errorf("created with %v", variables(c.pod(t, ns, "orders").Spec.InitContainers[0]))
	case !strings.Contains(err.Error(), "NOT-INJECTED: ") || !strings.Contains(err.Error(), "another webhook changed the pod after it"):
		t.Errorf("refused with: %v", err)
	}
}
