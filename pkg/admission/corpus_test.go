package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
)

// podMaker creates pods in one namespace of the API server, and stores none.
type podMaker struct {
	client    dynamic.ResourceInterface
	namespace string
}

func newPodMaker(t *testing.T, c *cluster, labels ...string) podMaker {
	t.Helper()
	ns := c.namespace(t, labels...)
	config := c.unlimited(t)
	config.WarningHandler = rest.NoWarnings{} // fields that this API server does not know
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return podMaker{client.Resource(podResource).Namespace(ns), ns}
}

// users makes every DatabaseUser that the pods ask for, and waits until the webhook knows
// all of them.
func (m podMaker) users(t *testing.T, c *cluster, pods map[string]map[string]any) {
	t.Helper()
	names := map[string]bool{}
	for _, pod := range pods {
		ask, _ := inject.Parse((&unstructured.Unstructured{Object: pod}).GetAnnotations())
		if ask == nil {
			continue
		}
		for _, user := range ask.Users {
			names[user.Name] = true
		}
	}
	var asked []string
	for i, name := range slices.Sorted(maps.Keys(names)) {
		c.user(t, m.namespace, name, i+1)
		asked = append(asked, fmt.Sprintf("a%d=%s", i, name))
	}
	eventually(t, "the webhook knows all users", func() error {
		_, err := c.kubectl(podNamed("x", `dbtether.io/inject: "`+strings.Join(asked, ",")+`"`), "create", "--dry-run=server", "-n", m.namespace, "-f", "-")
		return err
	})
}

var podResource = corev1.SchemeGroupVersion.WithResource("pods")

// create returns the pod as the API server would store it.
func (m podMaker) create(ctx context.Context, pod map[string]any) (map[string]any, error) {
	object := &unstructured.Unstructured{Object: pod}
	object = object.DeepCopy()
	object.SetNamespace(m.namespace)
	made, err := m.client.Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return nil, err
	}
	return made.Object, nil
}

// corpusOfPods returns the pods of pkg/inject by their names. Those that only a decoder
// can be given are left out: the API server says which they are.
func corpusOfPods(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "inject", "testdata", "pods", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	pods := map[string]map[string]any{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if filepath.Ext(name) != "" { // .patch and .old
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		// client-go copies integers of 64 bits only.
		if object.UnmarshalJSON(text) == nil && object.GetKind() == "Pod" {
			pods[name] = object.Object
		}
	}
	return pods
}

// silent returns the pod without our annotations.
func silent(pod map[string]any) map[string]any {
	object := (&unstructured.Unstructured{Object: pod}).DeepCopy()
	annotations := object.GetAnnotations()
	maps.DeleteFunc(annotations, func(key, _ string) bool { return strings.HasPrefix(key, "dbtether.io/") })
	object.SetAnnotations(annotations)
	return object.Object
}

// TestCorpusIsAccepted creates every pod of the corpus: what the API server takes without
// our annotations it takes with them, injected, and with nothing lost or changed. Where
// Pod Security admits the one under the profile restricted, it admits the other.
func TestCorpusIsAccepted(t *testing.T) {
	c := newCluster(t)
	const profile = "pod-security.kubernetes.io/enforce=restricted"
	corpus := corpusOfPods(t)
	without, with := newPodMaker(t, c), newPodMaker(t, c, enabled)
	strictWithout, strictWith := newPodMaker(t, c, profile), newPodMaker(t, c, enabled, profile)
	with.users(t, c, corpus)
	strictWith.users(t, c, corpus)
	accepted, restricted := 0, 0
	for _, name := range slices.Sorted(maps.Keys(corpus)) {
		pod := corpus[name]
		before, err := without.create(t.Context(), silent(pod))
		if err != nil {
			t.Logf("left out: %s: %v", name, err)
			continue
		}
		accepted++
		after, err := with.create(t.Context(), pod)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := injectedWell(pod, before, after); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := strictWithout.create(t.Context(), silent(pod)); err != nil {
			continue
		}
		restricted++
		if _, err := strictWith.create(t.Context(), pod); err != nil {
			t.Errorf("%s, where Pod Security enforces restricted: %v", name, err)
		}
	}
	t.Logf("%d pods of %d were accepted, %d of them under the profile restricted", accepted, len(corpus), restricted)
	if accepted < 250 || restricted < 40 {
		t.Error("those are too few")
	}
}

// injectedWell compares a stored pod with what would have been stored without us: it has
// what it asks for, and has lost nothing.
func injectedWell(pod, before, after map[string]any) error {
	ask, problems := inject.Parse((&unstructured.Unstructured{Object: pod}).GetAnnotations())
	if len(problems) > 0 {
		return fmt.Errorf("accepted with %v", problems)
	}
	injected := (&unstructured.Unstructured{Object: after}).GetAnnotations()[v1alpha1.AnnotationInjected]
	if (ask != nil) != (injected != "") {
		return fmt.Errorf("asks %v and was given %q", ask != nil, injected)
	}
	if lost := lost("", before["spec"], after["spec"]); lost != "" {
		return fmt.Errorf("lost or changed: %s", lost)
	}
	return nil
}

// lost returns the path of a value that is not, or not as it was, in what came of it;
// arrays may have more elements at their end.
func lost(path string, before, after any) string {
	switch before := before.(type) {
	case map[string]any:
		after, _ := after.(map[string]any)
		for key, value := range before {
			if lost := lost(path+"/"+key, value, after[key]); lost != "" {
				return lost
			}
		}
	case []any:
		after, _ := after.([]any)
		if len(after) < len(before) {
			return path
		}
		for i := range before {
			if lost := lost(fmt.Sprint(path, "/", i), before[i], after[i]); lost != "" {
				return lost
			}
		}
	default:
		if before != after {
			return path
		}
	}
	return ""
}

// howMany is how many pods with random annotations are created.
const howMany = 1000

// TestRandomAnnotations creates pods of the corpus with annotations that are right, nearly
// right and nonsense: each is accepted with what it had, or refused with our words; never
// does anybody fail on it.
func TestRandomAnnotations(t *testing.T) {
	c := newCluster(t)
	without, m := newPodMaker(t, c), newPodMaker(t, c, enabled)
	var pods []map[string]any
	var befores []map[string]any
	corpus := corpusOfPods(t)
	m.users(t, c, corpus)
	for _, name := range slices.Sorted(maps.Keys(corpus)) {
		pod := silent(corpus[name])
		if before, err := without.create(t.Context(), pod); err == nil {
			pods, befores = append(pods, pod), append(befores, before)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d, %d pods", seed, len(pods))
	outcomes := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for client := range loadClients {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			for range howMany / loadClients {
				n := r.IntN(len(pods))
				outcome, err := m.random(t.Context(), r, pods[n], befores[n])
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				outcomes[outcome]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Logf("%v", outcomes)
	if outcomes["accepted"] < howMany/10 || outcomes["refused"] < howMany/10 {
		t.Error("nearly all of them come to the same")
	}
	if text := c.webhook.text(); strings.Contains(text, `"msg":"panic"`) {
		t.Errorf("a panic:\n%s", text)
	}
}

// random creates a pod with random annotations, and returns what came of it. An error says
// that this may not be.
func (m podMaker) random(ctx context.Context, r *rand.Rand, pod, before map[string]any) (string, error) {
	object := (&unstructured.Unstructured{Object: pod}).DeepCopy()
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, randomAnnotations(r, containerNames(pod)))
	object.SetAnnotations(annotations)
	after, err := m.create(ctx, object.Object)
	text, _ := json.Marshal(annotations)
	if err == nil {
		if err := injectedWell(object.Object, before, after); err != nil {
			return "wrong", fmt.Errorf("%s: %w", text, err)
		}
		return "accepted", nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return "failed", fmt.Errorf("%s: %w", text, err)
	}
	switch ours := strings.Contains(err.Error(), "dbtether.io"); {
	case status.Status().Code == http.StatusForbidden && ours:
		return "refused", nil
	case status.Status().Code == http.StatusUnprocessableEntity && strings.Contains(err.Error(), "metadata.annotations"):
		return "no annotation of Kubernetes'", nil // a key that it takes from nobody
	default:
		return "failed", fmt.Errorf("%s: %d %w", text, status.Status().Code, err)
	}
}

func containerNames(pod map[string]any) (names []string) {
	for _, list := range []string{"initContainers", "containers"} {
		containers, _, _ := unstructured.NestedSlice(pod, "spec", list)
		for _, container := range containers {
			name, _, _ := unstructured.NestedString(container.(map[string]any), "name")
			names = append(names, name)
		}
	}
	return names
}

// randomAnnotations makes some up that are mostly right, so that they come far.
func randomAnnotations(r *rand.Rand, containers []string) map[string]string {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	one := func(values ...string) string { // now and then with a letter changed
		text := pick(values...)
		if r.IntN(12) > 0 || text == "" {
			return text
		}
		at := r.IntN(len(text))
		return text[:at] + pick("", "x", "=", ",", ".", "-", "é", "\x00", "\n", "'", "/../", "$(A)", strings.Repeat("y", 300)) + text[at+1:]
	}
	list := func(item func() string) string {
		var items []string
		for range 1 + r.IntN(3) {
			items = append(items, item())
		}
		return strings.Join(items, pick(",", ", "))
	}
	key := func() string {
		return one("host", "port", "database", "username", "password", "uri", "jdbc-uri", "sslmode")
	}
	annotations := map[string]string{v1alpha1.AnnotationInject: one("orders-api", "r=analytics-ro", "orders-api,r=analytics-ro", "orders-api,r=analytics.ro,b=billing", "none")}
	for annotation, value := range map[string]func() string{
		v1alpha1.AnnotationAs: func() string { return one("env", "files", "both", "libpq") },
		v1alpha1.AnnotationEnv: func() string {
			return list(func() string { return one("DATABASE_URL", "A", "B_C") + "=" + pick("", "r.") + key() })
		},
		v1alpha1.AnnotationFiles: func() string {
			return list(func() string { return one("user", "pass.txt", "x") + "=" + pick("", "r.") + key() })
		},
		v1alpha1.AnnotationPath:                     func() string { return one("/etc/database", "/run/x/", "/bindings", "/tmp") },
		v1alpha1.AnnotationFileMode:                 func() string { return one("0440", "0444", "400", "0644") },
		v1alpha1.AnnotationOptional:                 func() string { return one("true", "false") },
		v1alpha1.AnnotationContainers:               func() string { return list(func() string { return one(containers...) }) },
		v1alpha1.AnnotationPoolSize:                 func() string { return one("1", "10", "100") },
		v1alpha1.AnnotationInjected:                 func() string { return one("none", "orders-api@1:env+files") },
		"dbtether.io/" + one("injekt", "pool", "x"): func() string { return "" },
	} {
		odds := 4
		if annotation == v1alpha1.AnnotationInjected || !slices.Contains(known, annotation) {
			odds = 25
		}
		if r.IntN(odds) == 0 {
			annotations[annotation] = value()
		}
	}
	return annotations
}

var known = []string{v1alpha1.AnnotationAs, v1alpha1.AnnotationEnv, v1alpha1.AnnotationFiles, v1alpha1.AnnotationPath, v1alpha1.AnnotationFileMode,
	v1alpha1.AnnotationOptional, v1alpha1.AnnotationContainers, v1alpha1.AnnotationPoolSize}
