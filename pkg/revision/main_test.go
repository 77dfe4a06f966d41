package revision_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// fixture is a namespace of its own in a real API server.
type fixture struct {
	*testing.T
	config    *rest.Config
	core      *corev1client.CoreV1Client
	store     revision.Store
	namespace string
	writes    *recorder
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", testenv.SharedControlPlane(t).Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	f := fixture{T: t, writes: &recorder{}, config: rest.CopyConfig(config)}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			f.writes.record(request)
			return next.RoundTrip(request)
		})
	})
	if f.core, err = corev1client.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	namespace, err := f.core.Namespaces().Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "revision-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	f.namespace, f.store = namespace.Name, revision.Store{Secrets: f.core, Metadata: objects}
	f.writes.take()
	return f
}

// recorder keeps the requests that would change something, and what was asked for
// as metadata.
type recorder struct {
	mu       sync.Mutex
	sent     []write
	metadata []url.Values
}

type write struct{ method, path, body string }

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func (r *recorder) record(request *http.Request) {
	if request.Method == http.MethodGet {
		if strings.Contains(request.Header.Get("Accept"), "as=PartialObjectMetadataList") {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.metadata = append(r.metadata, request.URL.Query())
		}
		return
	}
	var body []byte
	if request.Body != nil {
		body, _ = io.ReadAll(request.Body)
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, write{request.Method, request.URL.Path, string(body)})
}

// take returns what was sent since the last call.
func (r *recorder) take() []write {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	return sent
}

// target is the Secret of a resource with that UID.
func (f fixture) target(name, uid string) revision.Target {
	return revision.Target{Namespace: f.namespace, Name: name, Type: v1alpha1.SecretTypeCredential, OwnerUID: types.UID(uid),
		OwnerReference: &metav1.OwnerReference{APIVersion: "dbtether.io/v1alpha1", Kind: "DatabaseUser", Name: "orders", UID: types.UID(uid)}}
}

func (f fixture) read(target revision.Target) revision.History {
	f.Helper()
	history, err := f.store.Read(context.Background(), target.Namespace, target.Name)
	if err != nil {
		f.Fatal(err)
	}
	return history
}

func (f fixture) stage(target revision.Target, number int64, data secret.Data) revision.Revision {
	f.Helper()
	r, err := f.store.Stage(context.Background(), target, number, data, "alice", "test")
	if err != nil {
		f.Fatal(err)
	}
	return r
}

// write stages data behind the newest revision and makes it live.
func (f fixture) write(target revision.Target, data secret.Data) revision.Revision {
	f.Helper()
	history := f.read(target)
	r := f.stage(target, history.LastNumber(), data)
	if _, err := f.store.Promote(context.Background(), target, history.Live, r); err != nil {
		f.Fatal(err)
	}
	return r
}

// foreign creates a Secret that somebody else needs.
func (f fixture) foreign(object corev1.Secret) {
	f.Helper()
	if _, err := f.core.Secrets(f.namespace).Create(context.Background(), &object, metav1.CreateOptions{FieldManager: "someone"}); err != nil {
		f.Fatal(err)
	}
	f.writes.take()
}

func (f fixture) get(name string) *corev1.Secret {
	f.Helper()
	s, err := f.core.Secrets(f.namespace).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		f.Fatal(err)
	}
	return s
}

// patch changes a Secret behind our back.
func (f fixture) patch(name, body string) {
	f.Helper()
	if _, err := f.core.Secrets(f.namespace).Patch(context.Background(), name, types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: "someone"}); err != nil {
		f.Fatal(err)
	}
	f.writes.take()
}

// names returns the names of all Secrets of the namespace.
func (f fixture) names() []string {
	f.Helper()
	list, err := f.core.Secrets(f.namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		f.Fatal(err)
	}
	var names []string
	for _, s := range list.Items {
		names = append(names, s.Name)
	}
	return names
}

// data returns a Secret's content of "key=value" pairs.
func data(pairs ...string) secret.Data {
	d := secret.Data{}
	for _, p := range pairs {
		key, value, _ := strings.Cut(p, "=")
		d[key] = []byte(value)
	}
	return d
}

func decode(t *testing.T, body string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return m
}
