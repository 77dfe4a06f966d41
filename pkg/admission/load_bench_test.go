package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
