package plugin_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// BenchmarkCopyAll copies the 500 Secrets of a namespace, as `kubectl dbtether secret copy
// --all`, against the floor of 500 plain creates through client-go: one after the other,
// and as many at a time as the command has. A copy is two Secrets, as its first revision
// stands beside it.
func BenchmarkCopyAll(b *testing.B) {
	const secrets = 500
	p, client, from := benchNamespace(b)
	values := map[string][]byte{"DATABASE_URL": []byte("postgresql://orders@db/orders"), "API_TOKEN": make([]byte, 512), "SESSION_KEY": make([]byte, 64)}
	var names []string
	for i := range secrets {
		names = append(names, fmt.Sprintf("app-%03d", i))
	}
	create := func(namespace string, name string) {
		object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "shop"}}, Data: values}
		if _, err := client.Secrets(namespace).Create(b.Context(), object, metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	atOnce(16, names, func(name string) { create(from, name) })
	var sequential, concurrent, copied time.Duration
	for b.Loop() {
		target := newBenchNamespace(b, client)
		started := time.Now()
		for _, name := range names {
			create(target, name)
		}
		sequential += time.Since(started)

		target = newBenchNamespace(b, client)
		started = time.Now()
		atOnce(16, names, func(name string) { create(target, name) })
		concurrent += time.Since(started)

		target = newBenchNamespace(b, client)
		started = time.Now()
		command := exec.CommandContext(b.Context(), filepath.Join(p.bin, "kubectl-dbtether"), "secret", "copy", "--all", "-n", from, "--to-namespace", target)
		command.Env = append(os.Environ(), "KUBECONFIG="+p.server.Kubeconfig)
		if out, err := command.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		copied += time.Since(started)
	}
	b.ReportMetric(float64(copied)/float64(sequential), "×sequential")
	b.ReportMetric(float64(copied)/float64(concurrent), "×concurrent")
	b.ReportMetric(float64(copied.Milliseconds())/float64(b.N), "ms/copy")
}

// atOnce does something for each name, n at a time.
func atOnce(n int, names []string, do func(name string)) {
	next := make(chan string)
	var workers sync.WaitGroup
	for range n {
		workers.Go(func() {
			for name := range next {
				do(name)
			}
		})
	}
	for _, name := range names {
		next <- name
	}
	close(next)
	workers.Wait()
}

func benchNamespace(b testing.TB) (program, *corev1client.CoreV1Client, string) {
	b.Helper()
	p := installed(b)
	config, err := clientcmd.BuildConfigFromFlags("", p.server.Kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	config.QPS = -1
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	return p, client, newBenchNamespace(b, client)
}

func newBenchNamespace(b testing.TB, client *corev1client.CoreV1Client) string {
	b.Helper()
	made, err := client.Namespaces().Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-"}}, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return made.Name
}
