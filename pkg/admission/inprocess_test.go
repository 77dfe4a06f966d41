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
	"sync"
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
	in := &inProcess{metrics: newMetrics()}
	if in.index, err = newIndex(config); err != nil {
		tb.Fatal(err)
	}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	in.library, err = newLibrary(core, systemNamespace, newPolicyStatus(core, systemNamespace, "replica", "v0.1.0", logger), logger, in.metrics)
	if err != nil {
		tb.Fatal(err)
	}
	// A machine that is busy with other things denies nothing here.
	in.library.options = policy.Options{Timeout: time.Minute}
	if in.entries, err = entries(in.library.reviewer, in.index, decisionLog{logger, allows}, in.metrics); err != nil {
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

// setOf returns two ConfigMaps of a policy each, which object to every DatabaseUser with
// codes that only this set has.
func setOf(number int) []*corev1.ConfigMap {
	var configs []*corev1.ConfigMap
	for _, half := range []string{"A", "B"} {
		code := fmt.Sprintf("SET-%d-%s", number, half)
		name := "half_" + strings.ToLower(half)
		configs = append(configs, policyMap(strings.ReplaceAll(name, "_", "-"), policy.LabelPolicyRules, map[string]string{
			"p.rego": `# METADATA
# custom:
#   area: resources
package dbtether.user.all.` + name + `

# METADATA
# custom:
#   code: ` + code + `
deny contains {"code": "` + code + `", "message": sprintf("database %q", [input.database.name]), "fix": "no"} if input.request.kind == "DatabaseUser"
`,
			"p_test.rego": `package dbtether.user.all.` + name + `_test

test_denied if count(data.dbtether.user.all.` + name + `.deny) == 1 with input as {"request": {"kind": "DatabaseUser"}, "database": {"name": "x"}}
`}))
	}
	return configs
}

// lockedText is a log that many write to.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// TestReviewsWhileSetsChange reviews a user of three databases, 200 times at once and
// again and again, while sets of policies replace each other, one of them broken, and the
// watches bring changes. Every decision is that of one whole set, for all three databases.
func TestReviewsWhileSetsChange(t *testing.T) {
	const together, rounds, sets = 200, 5, 3
	var log lockedText
	in := newInProcess(t, &log, 1)
	const namespace = "shop"
	for _, object := range []error{
		in.index.namespaces.GetIndexer().Add(namespaceOf(namespace)),
		in.index.clusters.GetIndexer().Add(&v1alpha1.DBCluster{ObjectMeta: metav1.ObjectMeta{Name: "main"}}),
		in.index.databases.GetIndexer().Add(databaseOf(namespace, "a", "main")),
		in.index.databases.GetIndexer().Add(databaseOf(namespace, "b", "main")),
		in.index.databases.GetIndexer().Add(databaseOf(namespace, "c", "main")),
	} {
		if object != nil {
			t.Fatal(object)
		}
	}
	revisions := map[string]int{}
	for set := range sets {
		in.load(t, setOf(set)...)
		revisions[in.library.engine.Load().Revision()] = set
	}
	broken := setOf(0)
	broken[1].Data["p.rego"], broken[1].ResourceVersion = "package dbtether.user.all.half_b\n\ndeny if true\n", "broken"

	answers := make([]map[string]string, together+1) // by UID
	ask := func(i, n int) {
		if answers[i] == nil {
			answers[i] = map[string]string{}
		}
		uid := fmt.Sprintf("%d-%d", i, n)
		answers[i][uid] = in.post("resources", resourceReview(uid, "DatabaseUser", "databaseusers", namespace, "late", `{"databaseRefs":[{"name":"a"},{"name":"b"},{"name":"c"}]}`))
	}
	done := make(chan bool)
	var begun, changing, reviewing sync.WaitGroup
	begun.Add(together)
	changing.Go(func() {
		// However busy the machine is, some are of the set that is there, and one is of the
		// next.
		begun.Wait()
		for n := 0; ; n++ {
			select {
			case <-done:
				if n > 0 {
					return
				}
			default:
			}
			set := n % (sets + 1)
			if set == sets {
				in.reload(t, broken...)
				continue
			}
			if in.reload(t, setOf(set)...); in.library.trouble.failure != "" {
				t.Error(in.library.trouble.failure)
			}
			if n == 0 {
				ask(together, 0)
			}
		}
	})
	changing.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
			}
			changed := namespaceOf(namespace)
			changed.Labels["n"] = fmt.Sprint(n)
			if err := in.index.namespaces.GetIndexer().Update(changed); err != nil {
				t.Error(err)
			}
			if err := in.index.users.GetIndexer().Add(userOf(fmt.Sprintf("tenant-%d", n%100), "orders-api", "a")); err != nil {
				t.Error(err)
			}
			runtime.Gosched()
		}
	})
	for i := range together {
		reviewing.Go(func() {
			for n := range rounds {
				if ask(i, n); n == 0 {
					begun.Done()
				}
			}
		})
	}
	reviewing.Wait()
	close(done)
	changing.Wait()

	said, seen := 0, map[int]bool{}
	for line := range strings.Lines(log.text.String()) {
		var review struct {
			Msg, UID, Revision string
			Codes              struct{ Deny []string }
		}
		if err := json.Unmarshal([]byte(line), &review); err != nil {
			t.Fatal(err)
		}
		if review.Msg != "review" {
			continue
		}
		said++
		set, ok := revisions[review.Revision]
		if !ok {
			t.Fatalf("a decision of a set that was never loaded: %s", line)
		}
		seen[set] = true
		if want := []string{fmt.Sprintf("SET-%d-A", set), fmt.Sprintf("SET-%d-B", set)}; !slices.Equal(review.Codes.Deny, want) {
			t.Errorf("revision %s found %v, not %v", review.Revision, review.Codes.Deny, want)
		}
		var who, round int
		if _, err := fmt.Sscanf(review.UID, "%d-%d", &who, &round); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, half := range []string{"A", "B"} {
			for _, database := range []string{"a", "b", "c"} {
				want = append(want, fmt.Sprintf(`SET-%d-%s: database \"%s\". No`, set, half, database))
			}
		}
		if answer := answers[who][review.UID]; !strings.Contains(answer, `"message":"`+strings.Join(want, "; ")+`."`) {
			t.Errorf("revision %s answered %s", review.Revision, answer)
		}
	}
	if said != together*rounds+1 || len(seen) < 2 {
		t.Errorf("%d decisions of %d reviews, of the sets %v", said, together*rounds+1, seen)
	}
}

// What is as it was is not loaded again, unless it could not be: that is tried again, and
// said once.
func TestLibraryTriesAgain(t *testing.T) {
	var log lockedText
	in := newInProcess(t, &log, 0)
	failures := func() string {
		_, after, _ := strings.Cut(scrape(in.metrics), "\ndbtether_webhook_policy_load_failures_total ")
		return after[:1]
	}
	broken := setOf(0)
	broken[0].Data["p_test.rego"], broken[0].ResourceVersion = "", "broken"
	for n := range 3 {
		in.reload(t, broken...)
		if got := failures(); got != fmt.Sprint(n+1) {
			t.Errorf("after %d times: %s failures", n+1, got)
		}
	}
	if err := in.library.ready(); err != nil {
		t.Error(err)
	}
	for range 3 {
		in.load(t, setOf(1)...)
	}
	for message, want := range map[string]int{"policies cannot be loaded": 1, "policies loaded": 1} {
		if got := strings.Count(log.text.String(), `"msg":"`+message+`"`); got != want {
			t.Errorf("%q is said %d times:\n%s", message, got, log.text.String())
		}
	}
}

// An exception ends at its time, and nothing is loaded again for that.
func TestExceptionEndsByItself(t *testing.T) {
	in := newInProcess(t, io.Discard, 0)
	in.fill(t)
	now := time.Now()
	in.library.now = func() time.Time { return now }
	expires := now.Add(time.Hour).Truncate(time.Second)
	in.load(t, policyMap("team", policy.LabelPolicyRules, teamPolicy("shop", "NO-X")), policyMap("legacy", policy.LabelPolicyException,
		map[string]string{"policy": "NO-X", "namespace": "shop", "reason": "older", "expires": expires.Format(time.RFC3339)}))
	engine := in.library.engine.Load()
	if got := in.post("resources", databaseReview("u1", "shop", "x")); !strings.Contains(got, `"allowed":true`) || !strings.Contains(got, "Allowed until "+expires.UTC().Format(time.RFC3339)) {
		t.Errorf("before: %s", got)
	}
	now = expires
	if got := in.post("resources", databaseReview("u1", "shop", "x")); !strings.Contains(got, `"allowed":false`) || !strings.Contains(got, "NO-X: ") || in.library.engine.Load() != engine {
		t.Errorf("after: %s", got)
	}
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
