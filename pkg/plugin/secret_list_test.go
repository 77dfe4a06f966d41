package plugin_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/pkg/plugin"
)

// requests records what a command asks the API server for.
type requests struct {
	mu   sync.Mutex
	sent []string // METHOD path, and whether only metadata were asked for
}

func (r *requests) watch(config *rest.Config) *rest.Config {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(request *http.Request) (*http.Response, error) {
			line := request.Method + " " + request.URL.Path
			if strings.Contains(request.Header.Get("Accept"), "as=PartialObjectMetadata") {
				line += " metadata"
			}
			r.mu.Lock()
			r.sent = append(r.sent, line)
			r.mu.Unlock()
			return next.RoundTrip(request)
		})
	})
	return config
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// inProcess runs a command in this process, and returns what it said and asked for.
func inProcess(tb testing.TB, kubeconfig string, args ...string) (string, []string) {
	tb.Helper()
	var out, errOut bytes.Buffer
	env := plugin.NewEnvironment(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}, "v0.0.0-test")
	sent := &requests{}
	tuned := env.Config.WrapConfigFn
	env.Config.WrapConfigFn = func(config *rest.Config) *rest.Config { return sent.watch(tuned(config)) }
	root := plugin.New(env)
	root.SetArgs(append([]string{"--kubeconfig", kubeconfig}, args...))
	if err := root.ExecuteContext(tb.Context()); err != nil {
		tb.Fatalf("%v\n%s", err, errOut.String())
	}
	return out.String(), sent.sent
}

// manySecrets creates Secrets with revisions, as the plugin leaves them.
func manySecrets(tb testing.TB, create func(*corev1.Secret) error, secrets, revisions int) {
	tb.Helper()
	var names []string
	for i := range secrets {
		names = append(names, fmt.Sprintf("app-%04d", i))
	}
	atOnce(16, names, func(name string) {
		notes := map[string]string{"dbtether.io/revision": fmt.Sprint(revisions), "dbtether.io/keys": "A,B"}
		values := map[string][]byte{"A": []byte("canary"), "B": []byte("canary")}
		all := []*corev1.Secret{{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: notes, Labels: map[string]string{"dbtether.io/managed": "true"}}, Data: values}}
		for n := range revisions {
			all = append(all, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s.v%d", name, n+1), Labels: map[string]string{"dbtether.io/revision-of": name},
				Annotations: map[string]string{"dbtether.io/revision": fmt.Sprint(n + 1), "dbtether.io/author": "alice", "dbtether.io/keys": "A,B"}}, Type: "dbtether.io/revision", Data: values})
		}
		for _, one := range all {
			if err := create(one); err != nil {
				tb.Error(err)
			}
		}
	})
}

// TestListAsksForMetadataOnce lists few Secrets and many: the requests are the same, and
// no value is among what is asked for.
func TestListAsksForMetadataOnce(t *testing.T) {
	p, client, few := benchNamespace(t)
	many := newBenchNamespace(t, client)
	for namespace, secrets := range map[string]int{few: 2, many: 60} {
		manySecrets(t, func(s *corev1.Secret) error {
			_, err := client.Secrets(namespace).Create(t.Context(), s, metav1.CreateOptions{})
			return err
		}, secrets, 10)
	}
	said, one := inProcess(t, p.server.Kubeconfig, "secret", "list", "-n", few)
	if !strings.Contains(said, "app-0001   A,B    10") {
		t.Errorf("it says\n%s", said)
	}
	said, other := inProcess(t, p.server.Kubeconfig, "secret", "list", "-n", many)
	if strings.Count(said, "\n") != 61 || strings.Contains(said, "canary") {
		t.Errorf("it says\n%s", said)
	}
	if len(one) != len(other) || len(one) == 0 {
		t.Errorf("few took %q, many %q", one, other)
	}
	for _, line := range other {
		if strings.Contains(line, "/secrets") && !strings.HasSuffix(line, "metadata") {
			t.Errorf("asked for values: %s", line)
		}
	}
}

// BenchmarkListSecrets lists 1,000 Secrets with 10 revisions each.
func BenchmarkListSecrets(b *testing.B) {
	p, client, namespace := benchNamespace(b)
	manySecrets(b, func(s *corev1.Secret) error {
		_, err := client.Secrets(namespace).Create(b.Context(), s, metav1.CreateOptions{})
		return err
	}, 1000, 10)
	count := 0
	for b.Loop() {
		said, sent := inProcess(b, p.server.Kubeconfig, "secret", "list", "-n", namespace)
		if count = len(sent); strings.Count(said, "\n") != 1001 {
			b.Fatalf("it says\n%s", said)
		}
	}
	b.ReportMetric(float64(count), "requests")
}
