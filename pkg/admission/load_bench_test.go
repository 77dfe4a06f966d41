package admission

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// How long BenchmarkPodCreation creates pods, and how many clients do so at once.
const (
	loadDuration = 30 * time.Second
	loadClients  = 8
)

// BenchmarkPodCreation creates pods through the API server as fast as it takes them.
// /ours are pods with our annotation, which the API server sends through inject and
// enforce, to a webhook that has one core; /baseline are the same pods without it, which
// it sends nowhere. A pod that is refused, or that does not carry its credential, fails
// it. ns/op says nothing; the metrics do.
func BenchmarkPodCreation(b *testing.B) {
	c := newCluster(b)
	c.onOneCore(b)
	ns := c.namespace(b, enabled)
	c.user(b, ns, "orders-api", 3)
	pods, err := corev1client.NewForConfig(c.unlimited(b))
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []struct {
		name, injected string
		annotations    []string
	}{
		{"ours", "orders-api@3:env+files", []string{"dbtether.io/inject: orders-api"}},
		{"baseline", "", nil},
	} {
		b.Run(kind.name, func(b *testing.B) {
			var pod corev1.Pod
			if err := yaml.Unmarshal([]byte(podNamed("x", kind.annotations...)), &pod); err != nil {
				b.Fatal(err)
			}
			pod.Name, pod.GenerateName = "", "load-"+kind.name+"-"
			for b.Loop() {
				took, err := createFor(b.Context(), loadDuration, pods.Pods(ns), &pod, kind.injected, metav1.CreateOptions{})
				if err != nil {
					b.Fatalf("%v\n%s", err, c.webhook.text())
				}
				report(b, took)
			}
		})
	}
}

// onOneCore starts the webhook again with one core, until the benchmark ends.
func (c *cluster) onOneCore(b *testing.B) {
	b.Helper()
	restart := func() {
		if err := c.webhook.stop(); err != nil {
			b.Error(err)
		}
		c.running(b)
	}
	b.Cleanup(restart) // with what stood in the environment before
	b.Setenv("GOMAXPROCS", "1")
	restart()
}

// unlimited returns how to reach the API server as cluster-admin, as fast as it goes.
func (c *cluster) unlimited(b testing.TB) *rest.Config {
	b.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	config.QPS = -1
	return config
}

// createFor creates pods for a while, and returns how long each took.
func createFor(ctx context.Context, d time.Duration, client corev1client.PodInterface, pod *corev1.Pod, injected string, options metav1.CreateOptions) ([]time.Duration, error) {
	took := make([][]time.Duration, loadClients)
	errs := make([]error, loadClients)
	end := time.Now().Add(d)
	var all sync.WaitGroup
	for i := range loadClients {
		all.Go(func() {
			for errs[i] == nil && time.Now().Before(end) {
				started := time.Now()
				made, err := client.Create(ctx, pod, options)
				took[i] = append(took[i], time.Since(started))
				if err == nil {
					err = carries(made, injected)
				}
				errs[i] = err
			}
		})
	}
	all.Wait()
	return slices.Concat(took...), errors.Join(errs...)
}

// carries returns an error unless all of the pod's containers have the credential that
// was injected, or none if there was none.
func carries(pod *corev1.Pod, injected string) error {
	if got := pod.Annotations[v1alpha1.AnnotationInjected]; got != injected {
		return fmt.Errorf("pod %s: %s is %q, not %q", pod.Name, v1alpha1.AnnotationInjected, got, injected)
	}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if has := slices.Contains(variables(container), "PGPASSWORD<orders-api-credentials/password"); has != (injected != "") {
			return fmt.Errorf("pod %s: container %s has a password: %v", pod.Name, container.Name, has)
		}
	}
	return nil
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(float64(len(took)-1)*share)]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(.50), "p50-ms")
	b.ReportMetric(at(.99), "p99-ms")
	b.ReportMetric(float64(len(took))/loadDuration.Seconds(), "pods/s")
}

// mostResident is how much memory the webhook may have, in MiB.
const mostResident = 100

// BenchmarkResidentMemory fills the API server with a large cluster, and looks at how much
// memory a webhook has that starts on it. The system says so on Linux only.
func BenchmarkResidentMemory(b *testing.B) {
	c := newCluster(b)
	config := c.unlimited(b)
	namespaces, err := corev1client.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	many(b, manyNamespaces, func(ctx context.Context, i int) error {
		name := fmt.Sprintf("tenant-%d", i)
		_, err := namespaces.Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: namespaceOf(name).Labels}}, metav1.CreateOptions{})
		return err
	})
	many(b, manyClusters, func(ctx context.Context, i int) error {
		_, err := objects.Resource(v1alpha1.DBClusters).Create(ctx, &unstructured.Unstructured{Object: map[string]any{"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.KindDBCluster,
			"metadata": map[string]any{"name": fmt.Sprintf("cluster-%d", i)},
			"spec":     map[string]any{"endpoint": "db.example.com", "credentialsSecretRef": map[string]any{"name": "admin", "namespace": systemNamespace}, "allowedNamespaces": []any{"shop"}}}}, metav1.CreateOptions{})
		return err
	})
	many(b, manyUsers, func(ctx context.Context, i int) error {
		_, err := objects.Resource(v1alpha1.DatabaseUsers).Namespace(fmt.Sprintf("tenant-%d", i)).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.KindDatabaseUser, "metadata": map[string]any{"name": "orders-api"},
			"spec": map[string]any{"databaseRef": map[string]any{"name": "orders"}}}}, metav1.CreateOptions{})
		return err
	})
	for b.Loop() {
		if err := c.webhook.stop(); err != nil {
			b.Fatal(err)
		}
		c.running(b)
		b.ReportMetric(c.webhook.resident(b), "MiB")
	}
	if got := c.webhook.resident(b); got > mostResident {
		b.Errorf("the webhook has %.0f MiB", got)
	}
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

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// resident returns the memory of the process in MiB.
func (w *webhook) resident(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if errors.Is(err, os.ErrNotExist) {
		b.Skip("the system does not say how much memory a process has")
	}
	match := residentLine.FindSubmatch(text)
	if err != nil || match == nil {
		b.Fatalf("read the memory of the webhook: %v\n%s", err, text)
	}
	kilobytes, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024
}
