package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// inProcess is what a webhook is made of, without its server: what its watches would
// bring is put into the stores. Nothing listens where its API server should be.
type inProcess struct {
	index   *index
	library *library
	entries map[string]*entry
	metrics *metrics
}

func newInProcess(tb testing.TB, log io.Writer, allows float64) *inProcess {
	tb.Helper()
	config := &rest.Config{Host: "https://127.0.0.1:1"}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		tb.Fatal(err)
	}
	in := &inProcess{metrics: newMetrics("test")}
	if in.index, err = newIndex(config, in.metrics); err != nil {
		tb.Fatal(err)
	}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	in.library, err = newLibrary(core, systemNamespace, newPolicyStatus(core, systemNamespace, "replica", "v0.1.0", logger), logger, in.metrics)
	if err != nil {
		tb.Fatal(err)
	}
	// A machine that is busy with other things denies nothing here.
	in.library.options = policy.Options{Timeout: time.Minute}
	if in.entries, err = entries(in.library.reviewer, in.index, decisionLog{logger, allows}, in.metrics, nil); err != nil {
		tb.Fatal(err)
	}
	return in
}

// load makes what the ConfigMaps hold the policies that decide.
func (in *inProcess) load(tb testing.TB, configs ...*corev1.ConfigMap) {
	tb.Helper()
	in.reload(tb, configs...)
	if failure := in.library.trouble.failure; failure != "" {
		tb.Fatal(failure)
	}
}

// reload tries to.
func (in *inProcess) reload(tb testing.TB, configs ...*corev1.ConfigMap) {
	tb.Helper()
	objects := make([]any, len(configs))
	for i, config := range configs {
		objects[i] = config
	}
	if err := in.library.informer.GetStore().Replace(objects, ""); err != nil {
		tb.Error(err)
	}
	in.library.refresh(tb.Context())
}

func policyMap(name, label string, data map[string]string) *corev1.ConfigMap {
	text, _ := json.Marshal(data) // strings always marshal
	return &corev1.ConfigMap{Data: data, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: systemNamespace, UID: types.UID(name), ResourceVersion: string(text),
		Labels: map[string]string{policy.LabelPolicy: label}, CreationTimestamp: metav1.Now()}}
}

// policyMaps returns n policies of users, about a namespace each.
func policyMaps(n int) (configs []*corev1.ConfigMap) {
	for i := range n {
		namespace := fmt.Sprintf("tenant-%d", i)
		configs = append(configs, policyMap(namespace, policy.LabelPolicyRules, teamPolicy(namespace, "NO-X")))
	}
	return configs
}

// The size of a large cluster.
const (
	manyNamespaces = 10_000
	manyClusters   = 1_000
	manyUsers      = 5_000
)

// fill puts a large cluster into the stores, and namespace shop with a ready user.
func (in *inProcess) fill(tb testing.TB) {
	tb.Helper()
	add := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	namespaces, clusters, databases, users := in.index.namespaces.GetIndexer(), in.index.clusters.GetIndexer(), in.index.databases.GetIndexer(), in.index.users.GetIndexer()
	for i := range manyNamespaces {
		add(namespaces.Add(namespaceOf(fmt.Sprintf("tenant-%d", i))))
	}
	for i := range manyClusters {
		cluster := &v1alpha1.DBCluster{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("cluster-%d", i), UID: types.UID(fmt.Sprintf("c-%032d", i))}}
		cluster.Spec.Endpoint = fmt.Sprintf("cluster-%d.db.example.com", i)
		for n := range 10 {
			cluster.Spec.AllowedNamespaces = append(cluster.Spec.AllowedNamespaces, fmt.Sprintf("tenant-%d", i*10+n))
		}
		add(clusters.Add(cluster))
	}
	for i := range manyUsers {
		namespace := fmt.Sprintf("tenant-%d", i)
		add(databases.Add(databaseOf(namespace, "orders", fmt.Sprintf("cluster-%d", i/10))))
		add(users.Add(userOf(namespace, "orders-api", "orders")))
	}
	add(namespaces.Add(namespaceOf("shop")))
	add(clusters.Add(&v1alpha1.DBCluster{ObjectMeta: metav1.ObjectMeta{Name: "main"}, Spec: v1alpha1.DBClusterSpec{Endpoint: "db", AllowedNamespaces: []string{"shop"}}}))
	add(databases.Add(databaseOf("shop", "orders", "main")))
	add(users.Add(userOf("shop", "orders-api", "orders")))
}

func namespaceOf(name string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"},
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("n-" + name), ResourceVersion: "1", CreationTimestamp: metav1.Now(), Labels: map[string]string{
			"kubernetes.io/metadata.name": name, v1alpha1.LabelInjection: "enabled", "team": name, "pod-security.kubernetes.io/enforce": "restricted"}}}
}

func databaseOf(namespace, name, cluster string) *v1alpha1.Database {
	return &v1alpha1.Database{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("d-" + namespace)},
		Spec: v1alpha1.DatabaseSpec{ClusterRef: v1alpha1.ClusterReference{Name: cluster}}}
}

func userOf(namespace, name string, databases ...string) *v1alpha1.DatabaseUser {
	user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("u-" + namespace)}}
	for _, database := range databases {
		user.Spec.DatabaseRefs = append(user.Spec.DatabaseRefs, v1alpha1.DatabaseAccess{Name: database})
	}
	user.Status.Phase, user.Status.SecretName, user.Status.SecretRevision = v1alpha1.PhaseReady, name+"-credentials", 3
	user.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionCredentialsReady, Status: metav1.ConditionTrue, Reason: "LoggedIn"}}
	return user
}

// resourceReview returns the review of the CREATE of one of our resources.
func resourceReview(uid, kind, resource, namespace, name, spec string) []byte {
	return fmt.Appendf(nil, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":%q,"kind":{"group":"dbtether.io","version":"v1alpha1","kind":%q},`+
		`"resource":{"group":"dbtether.io","version":"v1alpha1","resource":%q},"operation":"CREATE","namespace":%q,"name":%q,`+
		`"userInfo":{"username":"ann","groups":["system:authenticated"]},"object":{"metadata":{"name":%[5]q},"spec":%s}}}`, uid, kind, resource, namespace, name, spec)
}

func databaseReview(uid, namespace, name string) []byte {
	return resourceReview(uid, "Database", "databases", namespace, name, `{"clusterRef":{"name":"main"}}`)
}

// post returns what an entry answers.
func (in *inProcess) post(entry string, body []byte) string {
	w := httptest.NewRecorder()
	in.entries[entry].ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/"+entry+"?timeout=30s", bytes.NewReader(body)))
	return w.Body.String()
}

// What a review and a large cluster may cost.
const (
	mostAllocations = 500
	mostBytes       = 40 << 10
	mostHeap        = 100 << 20
)

// The policies that are about other namespaces cost a review nothing, and all that is kept
// in memory for a large cluster has its bound.
func TestLargeClusterCostsLittle(t *testing.T) {
	before := heap()
	in := newInProcess(t, io.Discard, 0)
	in.fill(t)
	in.load(t)
	bodies := map[string][]byte{"resources": databaseReview("u1", "shop", "orders"), "enforce": benchmarkReview(t, injectedPod(t, in.entries["inject"]))}
	for _, n := range []int{0, 10, 100, 500} {
		in.load(t, policyMaps(n)...)
		for entry, body := range bodies {
			if got := in.post(entry, body); !strings.Contains(got, `"allowed":true`) || strings.Contains(got, "warnings") {
				t.Fatalf("got %s", got)
			}
			allocations, size := cost(t, in.entries[entry], body)
			t.Logf("%d policies of users, %s: %d allocations, %d bytes for one of %d", n, entry, allocations, size, len(body))
			if allocations > mostAllocations || size > mostBytes {
				t.Errorf("%d policies of users, %s: %d allocations, %d bytes for one of %d", n, entry, allocations, size, len(body))
			}
		}
	}
	kept := heap() - before
	t.Logf("%d MiB of heap in use", kept>>20)
	if kept > mostHeap {
		t.Errorf("%d MiB of heap in use", kept>>20)
	}
	runtime.KeepAlive(in)
}

// heap returns the bytes in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools kept
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// cost returns what one answer of a handler allocates that finds its pools filled: the
// least of many.
func cost(t *testing.T, handler http.Handler, body []byte) (allocations, size uint64) {
	t.Helper()
	const times = 200
	request := httptest.NewRequest(http.MethodPost, "/x?timeout=30s", nil)
	request.ContentLength = int64(len(body))
	w := &answerBuffer{header: http.Header{}}
	reader := bytes.NewReader(body)
	var all, sizes []uint64
	for range times {
		var before, after runtime.MemStats
		w.body = w.body[:0]
		reader.Reset(body)
		request.Body = io.NopCloser(reader)
		runtime.ReadMemStats(&before)
		handler.ServeHTTP(w, request)
		runtime.ReadMemStats(&after)
		all, sizes = append(all, after.Mallocs-before.Mallocs), append(sizes, after.TotalAlloc-before.TotalAlloc)
	}
	return slices.Min(all), slices.Min(sizes)
}
