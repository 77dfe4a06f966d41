package admission

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// mostMemory is how much memory the webhook may take beside the largest cluster, under
// load, in MiB.
const mostMemory = 60

// sizingLoad is how long pods are created at each size.
const sizingLoad = 15 * time.Second

// BenchmarkSizing fills an API server with clusters of three sizes, each with 5,000
// DatabaseUsers, and looks at what a webhook costs that starts beside them: its memory
// when it is ready, after a load of pods that ask for a credential, and at its most, and
// its processor time for each of those pods. docs/sizing.md has what came of it. ns/op says nothing.
func BenchmarkSizing(b *testing.B) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		b.Skip("the system does not say what a process costs")
	}
	group := newMemoryGroup(b) // it ends after all that runs in it
	c := newClusterOf(b, testenv.ControlPlaneOptions{})
	c.group = group
	fill := newFilling(b, c)
	for _, namespaces := range []int{100, 1_000, manyNamespaces} {
		c.running(b) // our resources are written through it
		fill.to(b, namespaces)
		if err := c.webhook.stop(); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("namespaces=%d", namespaces), func(b *testing.B) {
			for b.Loop() {
				c.size(b)
			}
		})
	}
}

// size starts a webhook, looks, creates pods, and looks again.
func (c *cluster) size(b *testing.B) {
	b.Helper()
	c.running(b)
	defer func() {
		if err := c.webhook.stop(); err != nil {
			b.Error(err)
		}
	}()
	ns := c.namespace(b, enabled)
	c.user(b, ns, "orders-api", 3)
	time.Sleep(5 * time.Second) // what starting took is given back
	c.tellMemory(b, "ready")
	b.ReportMetric(c.webhook.memory(b, "RssFile"), "MiB-program")
	pods, err := corev1client.NewForConfig(c.unlimited(b))
	if err != nil {
		b.Fatal(err)
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal([]byte(podNamed("x", "dbtether.io/inject: orders-api")), &pod); err != nil {
		b.Fatal(err)
	}
	pod.Name, pod.GenerateName = "", "load-"
	before := c.webhook.processor(b)
	took, err := createFor(b.Context(), sizingLoad, pods.Pods(ns), &pod, "orders-api@3:env+files", metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric((c.webhook.processor(b)-before).Seconds()*1000/float64(len(took)), "cpu-ms/pod")
	b.ReportMetric(float64(len(took))/sizingLoad.Seconds(), "pods/s")
	if most := c.tellMemory(b, "loaded"); most > mostMemory {
		b.Errorf("the webhook takes %.0f MiB under load, more than %d", most, mostMemory)
	}
	b.ReportMetric(c.webhook.memory(b, "VmHWM"), "MiB-most")
}

// tellMemory reports what the webhook takes now, and returns the larger figure: what its
// process has of its own, and where that can be known what a node would count.
func (c *cluster) tellMemory(b *testing.B, when string) float64 {
	b.Helper()
	own := c.webhook.memory(b, "RssAnon")
	b.ReportMetric(own, "MiB-own-"+when)
	if c.group == nil {
		return own
	}
	counted := c.group.workingSet(b)
	b.ReportMetric(counted, "MiB-working-set-"+when)
	return max(own, counted)
}

// memory returns a line of what the system says of the process, in MiB.
func (w *webhook) memory(b *testing.B, line string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	match := regexp.MustCompile(`(?m)^` + line + `:\s+(\d+) kB$`).FindSubmatch(text)
	if err != nil || match == nil {
		b.Fatalf("read the memory of the webhook: %v\n%s", err, text)
	}
	kilobytes, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024
}

// processor returns the time that the process had of the processor.
func (w *webhook) processor(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	// utime and stime are the 14th and 15th fields, in hundredths of a second; the second
	// may hold anything, in brackets (proc(5)).
	_, rest, _ := strings.Cut(string(text), ") ")
	var ticks int64
	for _, field := range strings.Fields(rest)[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// filling makes what a large cluster has, as much as is asked for.
type filling struct {
	core       corev1client.CoreV1Interface
	objects    dynamic.Interface
	namespaces int
}

func newFilling(b *testing.B, c *cluster) *filling {
	b.Helper()
	config := c.unlimited(b)
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	return &filling{core: core, objects: objects}
}

// to makes namespaces up to so many; with the first, the clusters, Databases and
// DatabaseUsers.
func (f *filling) to(b *testing.B, namespaces int) {
	b.Helper()
	first := f.namespaces
	many(b, namespaces-first, func(ctx context.Context, i int) error {
		name := fmt.Sprintf("tenant-%d", first+i)
		_, err := f.core.Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: namespaceOf(name).Labels,
			Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": strings.Repeat("x", 300)}}}, metav1.CreateOptions{})
		return err
	})
	f.namespaces = namespaces
	if first > 0 {
		return
	}
	const clusters = 100
	many(b, clusters, func(ctx context.Context, i int) error {
		return f.create(ctx, v1alpha1.DBClusters, v1alpha1.KindDBCluster, "", fmt.Sprintf("cluster-%d", i), map[string]any{"endpoint": "db.example.com",
			"credentialsSecretRef": map[string]any{"name": "admin", "namespace": systemNamespace}}, nil)
	})
	many(b, manyUsers, func(ctx context.Context, i int) error {
		namespace, name := fmt.Sprintf("tenant-%d", i%namespaces), fmt.Sprintf("orders-%d", i/namespaces)
		err := f.create(ctx, v1alpha1.Databases, v1alpha1.KindDatabase, namespace, name, map[string]any{"clusterRef": map[string]any{"name": fmt.Sprintf("cluster-%d", i%clusters)}},
			map[string]any{"phase": "Ready", "message": "as it should be", "observedGeneration": 1, "conditions": conditions("Ready", "Synced")})
		if err != nil {
			return err
		}
		return f.create(ctx, v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, namespace, name+"-api",
			map[string]any{"databaseRef": map[string]any{"name": name}, "username": fmt.Sprintf("api_%d", i), "privileges": "readwrite", "rotation": map[string]any{"days": 30}},
			map[string]any{"phase": "Ready", "message": "as it should be", "observedGeneration": 1, "clusterName": fmt.Sprintf("cluster-%d", i%clusters),
				"secretName": name + "-api-credentials", "secretRevision": 3, "conditions": conditions("Ready", "Synced", "CredentialsReady")})
	})
}

// conditions returns those of a resource that has been worked on.
func conditions(kinds ...string) (all []any) {
	for _, kind := range kinds {
		all = append(all, map[string]any{"type": kind, "status": "True", "reason": "AsItShouldBe", "message": "what the resource asks for is there",
			"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1})
	}
	return all
}

// create makes an object as kubectl apply does, and writes its status.
func (f *filling) create(ctx context.Context, resource schema.GroupVersionResource, kind, namespace, name string, spec, status map[string]any) error {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": v1alpha1.GroupVersion.String(), "kind": kind,
		"metadata": map[string]any{"name": name, "labels": map[string]any{"app.kubernetes.io/part-of": "shop", "team": "a"},
			"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": strings.Repeat("x", 500)}},
		"spec": spec}}
	client := f.objects.Resource(resource).Namespace(namespace)
	made, err := client.Create(ctx, object, metav1.CreateOptions{})
	if err != nil || status == nil {
		return err
	}
	made.Object["status"] = status
	_, err = client.UpdateStatus(ctx, made, metav1.UpdateOptions{})
	return err
}

// many does something so many times, some at once.
func many(b *testing.B, times int, do func(ctx context.Context, i int) error) {
	b.Helper()
	errs := make([]error, loadClients)
	var all sync.WaitGroup
	for client := range loadClients {
		all.Go(func() {
			for i := client; i < times && errs[client] == nil; i += loadClients {
				errs[client] = do(b.Context(), i)
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
}
