package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	kwhhttp "github.com/slok/kubewebhook/v2/pkg/http"
	kwhmodel "github.com/slok/kubewebhook/v2/pkg/model"
	kwhmutating "github.com/slok/kubewebhook/v2/pkg/webhook/mutating"
	kwhvalidating "github.com/slok/kubewebhook/v2/pkg/webhook/validating"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsjson "sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// Both benchmarks go from the bytes of a review of a 7 KB pod to the bytes of the
// answer. /ours is the handler as it runs, with its log and metrics; /baseline
// decodes what it needs of the pod and answers, without looking at the policies or
// making a patch; /typed is kubewebhook as it is meant to be used, with one field
// changed (inject) or looked at (enforce).

func BenchmarkInject(b *testing.B) {
	pod := benchmarkPod()
	body := benchmarkReview(b, pod)
	ours := benchmarkEntries(b, 0)["inject"]
	b.Run("ours", func(b *testing.B) { benchmarkHandler(b, ours, body, `"patchType":"JSONPatch"`) })
	b.Run("baseline", func(b *testing.B) { benchmarkHandler(b, http.HandlerFunc(narrow), body, `"allowed":true`) })
	b.Run("typed", func(b *testing.B) { benchmarkHandler(b, typedMutation(b), body, `"patchType":"JSONPatch"`) })
}

// The policies of users that are about other namespaces cost nothing: ours is as fast
// with 500 of them as with none.
func BenchmarkEnforce(b *testing.B) {
	body := benchmarkReview(b, injectedPod(b, benchmarkEntries(b, 0)["inject"]))
	for _, n := range []int{0, 10, 100, 500} {
		entries := benchmarkEntries(b, n)
		b.Run(fmt.Sprintf("policies=%d/ours", n), func(b *testing.B) { benchmarkHandler(b, entries["enforce"], body, `"allowed":true`) })
		b.Run(fmt.Sprintf("policies=%d/baseline", n), func(b *testing.B) { benchmarkHandler(b, http.HandlerFunc(narrow), body, `"allowed":true`) })
		b.Run(fmt.Sprintf("policies=%d/typed", n), func(b *testing.B) { benchmarkHandler(b, typedValidation(b), body, `"allowed":true`) })
	}
}

// A Database is reviewed for what policies of users are about most.
func BenchmarkResources(b *testing.B) {
	body := databaseReview("u1", "shop", "orders")
	for _, n := range []int{0, 10, 100, 500} {
		entries := benchmarkEntries(b, n)
		b.Run(fmt.Sprintf("policies=%d/ours", n), func(b *testing.B) { benchmarkHandler(b, entries["resources"], body, `"allowed":true`) })
		b.Run(fmt.Sprintf("policies=%d/baseline", n), func(b *testing.B) { benchmarkHandler(b, http.HandlerFunc(narrow), body, `"allowed":true`) })
	}
}

// The pod that the guard sees most often: it asks for what it was given.
func BenchmarkGuard(b *testing.B) {
	entries := benchmarkEntries(b, 0)
	body := benchmarkReview(b, injectedPod(b, entries["inject"]))
	b.Run("ours", func(b *testing.B) { benchmarkHandler(b, entries["guard"], body, `"allowed":true`) })
	b.Run("baseline", func(b *testing.B) { benchmarkHandler(b, http.HandlerFunc(narrow), body, `"allowed":true`) })
}

func benchmarkHandler(b *testing.B, handler http.Handler, body []byte, want string) {
	b.Helper()
	request := httptest.NewRequest(http.MethodPost, "/x?timeout=3s", nil)
	request.ContentLength = int64(len(body))
	w := &answerBuffer{header: http.Header{}}
	serve := func() {
		w.body = w.body[:0]
		request.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, request)
	}
	serve()
	if !bytes.Contains(w.body, []byte(want)) {
		b.Fatalf("the answer is not what is measured: %s", w.body)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		serve()
	}
}

// answerBuffer costs nothing, unlike httptest's recorder.
type answerBuffer struct {
	header http.Header
	body   []byte
}

func (w *answerBuffer) Header() http.Header { return w.header }
func (w *answerBuffer) WriteHeader(int)     {}
func (w *answerBuffer) Write(b []byte) (int, error) {
	w.body = append(w.body, b...)
	return len(b), nil
}

// benchmarkEntries are those of the server, in a cluster of size, with n policies of users
// that are about other namespaces.
func benchmarkEntries(b *testing.B, n int) map[string]*entry {
	b.Helper()
	in := newInProcess(b, io.Discard, 0.01)
	in.fill(b)
	in.load(b, policyMaps(n)...)
	return in.entries
}

// narrow decodes the review and, of the pod, its annotations and its containers'
// variables: what nobody who injects can do without.
func narrow(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var reviewed struct {
		Request struct {
			UID    string          `json:"uid"`
			Object json.RawMessage `json:"object"`
		} `json:"request"`
	}
	var pod struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			Containers []struct {
				Name string `json:"name"`
				Env  []struct {
					Name string `json:"name"`
				} `json:"env"`
			} `json:"containers"`
		} `json:"spec"`
	}
	if err == nil {
		err = sigsjson.UnmarshalCaseSensitivePreserveInts(body, &reviewed)
	}
	if err == nil {
		err = sigsjson.UnmarshalCaseSensitivePreserveInts(reviewed.Request.Object, &pod)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprintf(w, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":%q,"allowed":true}}`, reviewed.Request.UID)
}

func typedMutation(b *testing.B) http.Handler {
	b.Helper()
	webhook, err := kwhmutating.NewWebhook(kwhmutating.WebhookConfig{ID: "typed", Obj: &corev1.Pod{},
		Mutator: kwhmutating.MutatorFunc(func(_ context.Context, _ *kwhmodel.AdmissionReview, object metav1.Object) (*kwhmutating.MutatorResult, error) {
			pod := object.(*corev1.Pod)
			for i := range pod.Spec.Containers {
				pod.Spec.Containers[i].Env = append(pod.Spec.Containers[i].Env, corev1.EnvVar{Name: "PGHOST", Value: "x"})
			}
			return &kwhmutating.MutatorResult{MutatedObject: pod}, nil
		})})
	if err != nil {
		b.Fatal(err)
	}
	return kwhhttp.MustHandlerFor(kwhhttp.HandlerConfig{Webhook: webhook})
}

func typedValidation(b *testing.B) http.Handler {
	b.Helper()
	webhook, err := kwhvalidating.NewWebhook(kwhvalidating.WebhookConfig{ID: "typed", Obj: &corev1.Pod{},
		Validator: kwhvalidating.ValidatorFunc(func(_ context.Context, _ *kwhmodel.AdmissionReview, object metav1.Object) (*kwhvalidating.ValidatorResult, error) {
			return &kwhvalidating.ValidatorResult{Valid: object.GetAnnotations() != nil}, nil
		})})
	if err != nil {
		b.Fatal(err)
	}
	return kwhhttp.MustHandlerFor(kwhhttp.HandlerConfig{Webhook: webhook})
}

// benchmarkPod returns a pod of about 7 KB as a Deployment makes it.
func benchmarkPod() map[string]any {
	container := func(name string) map[string]any {
		var env, mounts []any
		for i := range 12 {
			env = append(env, map[string]any{"name": fmt.Sprintf("SETTING_%02d", i), "value": fmt.Sprintf("https://service-%02d.shop.svc:8443/path", i)})
		}
		for i := range 4 {
			mounts = append(mounts, map[string]any{"name": fmt.Sprintf("config-%d", i), "mountPath": fmt.Sprintf("/etc/%s/config-%d", name, i), "readOnly": true})
		}
		probe := map[string]any{"httpGet": map[string]any{"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}
		return map[string]any{"name": name, "image": "registry.example/shop/" + name + "@sha256:3f5a", "imagePullPolicy": "IfNotPresent", "env": env, "volumeMounts": mounts,
			"livenessProbe": probe, "readinessProbe": probe, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
			"resources":       map[string]any{"requests": map[string]any{"cpu": "100m", "memory": "128Mi"}, "limits": map[string]any{"memory": "256Mi"}},
			"securityContext": map[string]any{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []any{"ALL"}}}}
	}
	var volumes []any
	for i := range 4 {
		volumes = append(volumes, map[string]any{"name": fmt.Sprintf("config-%d", i), "configMap": map[string]any{"name": fmt.Sprintf("orders-config-%d", i), "defaultMode": 420}})
	}
	return map[string]any{"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"generateName": "orders-7d4b9c-", "namespace": "shop",
			"annotations":     map[string]any{"dbtether.io/inject": "orders-api", "prometheus.io/scrape": "true"},
			"labels":          map[string]any{"app": "orders", "pod-template-hash": "7d4b9c"},
			"ownerReferences": []any{map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "orders-7d4b9c", "uid": "2f1c", "controller": true}}},
		"spec": map[string]any{"serviceAccountName": "orders", "containers": []any{container("app"), container("metrics"), container("proxy")}, "volumes": volumes,
			"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": 30, "schedulerName": "default-scheduler"}}
}

func benchmarkReview(b testing.TB, pod any) []byte {
	b.Helper()
	body, err := json.Marshal(map[string]any{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": map[string]any{
		"uid": "3f0c4d0e-6b1f-4f0e-9a52-0a6d3b3b6d4f", "kind": map[string]any{"group": "", "version": "v1", "kind": "Pod"},
		"resource": map[string]any{"group": "", "version": "v1", "resource": "pods"}, "requestKind": map[string]any{"group": "", "version": "v1", "kind": "Pod"},
		"requestResource": map[string]any{"group": "", "version": "v1", "resource": "pods"}, "namespace": "shop", "operation": "CREATE",
		"userInfo": map[string]any{"username": "system:serviceaccount:kube-system:replicaset-controller", "uid": "77", "groups": []any{"system:serviceaccounts", "system:authenticated"}},
		"object":   pod, "oldObject": nil, "dryRun": false, "options": map[string]any{"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}}})
	if err != nil {
		b.Fatal(err)
	}
	return body
}

// injectedPod returns the pod with the patch that the entry makes for it.
func injectedPod(b testing.TB, inject *entry) json.RawMessage {
	b.Helper()
	pod, err := json.Marshal(benchmarkPod())
	if err != nil {
		b.Fatal(err)
	}
	request, err := review.Decode(benchmarkReview(b, benchmarkPod()))
	if err != nil {
		b.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(inject.answer(context.Background(), request).Patch)
	if err != nil {
		b.Fatal(err)
	}
	pod, err = patch.Apply(pod)
	if err != nil {
		b.Fatal(err)
	}
	return pod
}
