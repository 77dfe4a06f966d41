package plugin

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// counted is a transport that counts requests.
type counted struct {
	http.RoundTripper
	requests *atomic.Int64
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// secretsOfNamespace returns the environment of a new namespace, its client, and how many
// requests were sent by way of the environment.
func secretsOfNamespace(t *testing.T) (env *Environment, core *corev1client.CoreV1Client, namespace string, requests *atomic.Int64) {
	t.Helper()
	server := testenv.SharedControlPlane(t)
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	env, requests = NewEnvironment(streams, "v0"), &atomic.Int64{}
	kubeconfig := server.Kubeconfig
	env.Config.KubeConfig = &kubeconfig
	own, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	own.QPS = -1
	if core, err = corev1client.NewForConfig(own); err != nil {
		t.Fatal(err)
	}
	made, err := core.Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "usage-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	namespace = made.Name
	env.Config.Namespace = &namespace
	env.Config.WrapConfigFn = func(config *rest.Config) *rest.Config {
		config = env.tuned(config)
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counted{next, requests} })
		return config
	}
	return env, core, namespace, requests
}

// eachOf calls do for each number below n, some at a time.
func eachOf(t *testing.T, n int, do func(i int) error) {
	t.Helper()
	numbers := make(chan int, n)
	for i := range n {
		numbers <- i
	}
	close(numbers)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := range numbers {
				if err := do(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
}

// The number of requests does not grow with what there is, but for a page of a list.
func TestSecretUsageRequests(t *testing.T) {
	env, core, namespace, requests := secretsOfNamespace(t)
	usage := secretUsage{}
	sent := func() int64 {
		before := requests.Load()
		if err := usage.showAll(t.Context(), env, namespace); err != nil {
			t.Fatal(err)
		}
		return requests.Load() - before
	}
	empty := sent()
	if empty > 25 {
		t.Errorf("%d requests about an empty namespace", empty)
	}
	const secrets, pods = 1000, 300
	name := func(i int) string { return fmt.Sprintf("secret-%04d", i) }
	eachOf(t, secrets, func(i int) error {
		_, err := core.Secrets(namespace).Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name(i)}, StringData: map[string]string{"key": "value"}}, metav1.CreateOptions{})
		return err
	})
	no := false
	if _, err := core.ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eachOf(t, pods, func(i int) error {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("pod-%03d", i)}, Spec: corev1.PodSpec{AutomountServiceAccountToken: &no, Containers: []corev1.Container{{Name: "app", Image: "web:1",
			EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name(i)}}},
				{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name(0)}}}}}}}}
		_, err := core.Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{})
		return err
	})
	begun := time.Now()
	full := sent()
	t.Logf("%d requests about %d Secrets and %d pods, %s", full, secrets, pods, time.Since(begun).Round(time.Millisecond))
	if full != empty+secrets/listChunk-1 {
		t.Errorf("%d requests, %d about an empty namespace", full, empty)
	}
	before := requests.Load()
	counts, coverage, err := env.secretConsumers(t.Context(), namespace)
	if err != nil || !coverage.Certain {
		t.Fatal(coverage, err)
	}
	if sent := requests.Load() - before; sent != empty-1 { // the Secrets are not read
		t.Errorf("%d requests to count, want %d", sent, empty-1)
	}
	for i, want := range map[int]int{0: pods, 1: 1, pods - 1: 1, pods: 0} {
		if got := counts[name(i)]; got != want {
			t.Errorf("%s: %d objects refer to it, want %d", name(i), got, want)
		}
	}
}
