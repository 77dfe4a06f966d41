package notify_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/notify"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// fixture is a namespace of its own in a real API server, and a clock that only sleeping
// moves.
type fixture struct {
	*testing.T
	config    *rest.Config
	kube      *kubernetes.Clientset
	namespace string
	asked     *paths
	clock     *clock
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", testenv.SharedControlPlane(t).Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	f := fixture{T: t, config: config, asked: &paths{}, clock: &clock{now: time.Now().Truncate(time.Second)}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			f.asked.add(request.Method + " " + request.URL.Path)
			return next.RoundTrip(request)
		})
	})
	if f.kube, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	f.namespace = f.newNamespace()
	return f
}

func (f fixture) newNamespace() string {
	f.Helper()
	namespace, err := f.kube.CoreV1().Namespaces().Create(f.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "notify-"}}, metav1.CreateOptions{})
	if err != nil {
		f.Fatal(err)
	}
	return namespace.Name
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// paths are the requests to the API server.
type paths struct {
	mu  sync.Mutex
	all []string
}

func (p *paths) add(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, path)
}

func (p *paths) count(suffix string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, path := range p.all {
		if strings.HasSuffix(path, suffix) {
			n++
		}
	}
	return n
}

// clock stands still, but for sleeps, which it keeps.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

// zeros make every wait half of its backoff.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// notifier tells as the administrator of the API server.
func (f fixture) notifier() *notify.Notifier {
	core := f.kube.CoreV1()
	return &notify.Notifier{Secrets: core, Events: core, Component: "dbtether-test", Instance: "one", Now: f.clock.Now, Random: zeros{}, Sleep: f.clock.sleep}
}

// as returns the client of a user who has only these rights in the namespace.
func (f fixture) as(user string, rules ...rbacv1.PolicyRule) corev1client.CoreV1Interface {
	f.Helper()
	roles := f.kube.RbacV1()
	if _, err := roles.Roles(f.namespace).Create(f.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}, metav1.CreateOptions{}); err != nil {
		f.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: user}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}}}
	if _, err := roles.RoleBindings(f.namespace).Create(f.Context(), binding, metav1.CreateOptions{}); err != nil {
		f.Fatal(err)
	}
	config := rest.CopyConfig(f.config)
	config.Impersonate.UserName = user
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		f.Fatal(err)
	}
	// Rights are there when the API server's own cache has them.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := client.CoreV1().Secrets(f.namespace).Get(f.Context(), "ready", metav1.GetOptions{}); err == nil {
			return client.CoreV1()
		} else if time.Now().After(deadline) {
			f.Fatalf("%s has no rights after a minute: %v", user, err)
		}
	}
}

// configure writes the configuration of the namespace.
func (f fixture) configure(data map[string]string) {
	f.Helper()
	f.secret(notify.ConfigurationName, data)
}

func (f fixture) secret(name string, data map[string]string) *corev1.Secret {
	f.Helper()
	object, err := f.kube.CoreV1().Secrets(f.namespace).Create(f.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data}, metav1.CreateOptions{})
	if err != nil {
		f.Fatal(err)
	}
	return object
}

// change is one of the Secret api.
func (f fixture) change() notify.Change {
	return notify.Change{Kind: notify.Changed, Namespace: f.namespace, Name: "api", UID: "0d9f", ResourceVersion: "41",
		Revision: 7, Author: "jane", Reason: "new provider", Added: []string{"TOKEN"}, Changed: []string{"URL"}}
}

// events returns the Events about an object.
func (f fixture) events(name string) []corev1.Event {
	f.Helper()
	list, err := f.kube.CoreV1().Events(f.namespace).List(f.Context(), metav1.ListOptions{FieldSelector: "involvedObject.kind=Secret,involvedObject.name=" + name})
	if err != nil {
		f.Fatal(err)
	}
	return list.Items
}
