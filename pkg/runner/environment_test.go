package runner_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/manifests"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// clients are those of one user of the API server.
type clients struct {
	name    string
	groups  []string
	objects dynamic.Interface
	kube    kubernetes.Interface
	meta    metadata.Interface
}

func newClients(t *testing.T, kubeconfig, name string, groups ...string) clients {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	config.Wrap(tracing.Transport)
	c := clients{name: name, groups: groups}
	if c.objects, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if c.kube, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if c.meta, err = metadata.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	return c
}

// site is what one test works on: names of its own on the servers that all share.
type site struct {
	server   *testenv.ControlPlane
	postgres *testenv.PostgreSQL
	admin    clients
	id       string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{server: testenv.SharedControlPlane(t), postgres: testenv.SharedPostgreSQL(t, 18)}
	s.admin = newClients(t, s.server.Kubeconfig, "admin", "system:masters")
	letters := make([]byte, 6)
	for i := range letters {
		letters[i] = "bcdfghjklmnpqrstvwxz"[mathrand.IntN(20)]
	}
	s.id = string(letters)
	s.define(t)
	s.namespace(t, v1alpha1.SystemNamespace)
	t.Cleanup(func() { s.dropAll(t) })
	return s
}

// define installs the resource definitions, as other packages' tests may have done.
func (s *site) define(t *testing.T) {
	t.Helper()
	definitions := s.admin.objects.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	files, err := fs.Glob(manifests.FS, "crd/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions: %v", err)
	}
	for _, file := range files {
		definition := s.manifest(t, file)[0]
		if _, err := definitions.Create(t.Context(), definition, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
		eventually(t, definition.GetName()+" is established", func() error {
			now, err := definitions.Get(t.Context(), definition.GetName(), metav1.GetOptions{})
			if err == nil && statusOf(now, "Established") != "True" {
				err = errors.New("it is not")
			}
			return err
		})
	}
}

// statusOf returns the status of a condition of an object.
func statusOf(object *unstructured.Unstructured, kind string) string {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, c := range conditions {
		if condition, is := c.(map[string]any); is && condition["type"] == kind {
			return fmt.Sprint(condition["status"])
		}
	}
	return "not there"
}

// manifest reads the documents of an embedded file.
func (s *site) manifest(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	text, err := fs.ReadFile(manifests.FS, file)
	if err != nil {
		t.Fatal(err)
	}
	var all []*unstructured.Unstructured
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatal(err)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
	return all
}

// namespace makes one, unless it is there; one of the test's own goes with it.
func (s *site) namespace(t *testing.T, name string) {
	t.Helper()
	namespaces := s.admin.kube.CoreV1().Namespaces()
	_, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"site": s.id}}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// cluster registers the server with its superuser as administrator, which bars nothing
// by itself.
func (s *site) cluster(t *testing.T, name, secretNamespace string, spec map[string]any) {
	t.Helper()
	credential := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name + "-admin"}, StringData: map[string]string{"username": s.postgres.Superuser, "password": s.postgres.SuperuserPassword}}
	if _, err := s.admin.kube.CoreV1().Secrets(secretNamespace).Create(t.Context(), credential, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"endpoint": s.postgres.Host, "port": int64(s.postgres.Port), "credentialsSecretRef": map[string]any{"name": name + "-admin", "namespace": secretNamespace}}
	for field, value := range spec {
		all[field] = value
	}
	if err := s.create(t, v1alpha1.KindDBCluster, "", name, all); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.admin.objects.Resource(v1alpha1.DBClusters).Delete(context.Background(), name, metav1.DeleteOptions{})
	})
}

func resourceOf(kind string) schema.GroupVersionResource {
	switch kind {
	case v1alpha1.KindDBCluster:
		return v1alpha1.DBClusters
	case v1alpha1.KindDatabase:
		return v1alpha1.Databases
	default:
		return v1alpha1.DatabaseUsers
	}
}

// create writes a resource as the administrator of the API server, and returns what that
// says.
func (s *site) create(t *testing.T, kind, namespace, name string, spec map[string]any) error {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	object.SetName(name)
	return s.createObject(t, s.admin, namespace, object)
}

func (s *site) createObject(t *testing.T, by clients, namespace string, object *unstructured.Unstructured) error {
	t.Helper()
	_, err := by.objects.Resource(resourceOf(object.GetKind())).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	return err
}

func (s *site) get(t *testing.T, kind, namespace, name string) (*unstructured.Unstructured, error) {
	t.Helper()
	return s.admin.objects.Resource(resourceOf(kind)).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
}

func (s *site) patch(t *testing.T, kind, namespace, name, patch string) {
	t.Helper()
	if _, err := s.admin.objects.Resource(resourceOf(kind)).Namespace(namespace).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// status returns the phase and the message of a resource; "" while no run has looked at
// it as it is.
func (s *site) status(t *testing.T, kind, namespace, name string) (phase, message string) {
	t.Helper()
	object, err := s.get(t, kind, namespace, name)
	if err != nil {
		return "", err.Error()
	}
	observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	if observed != object.GetGeneration() {
		return "", ""
	}
	phase, _, _ = unstructured.NestedString(object.Object, "status", "phase")
	message, _, _ = unstructured.NestedString(object.Object, "status", "message")
	return phase, message
}

func (s *site) waitPhase(t *testing.T, kind, namespace, name, want string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s %s/%s is %s", kind, namespace, name, want), func() error {
		phase, message := s.status(t, kind, namespace, name)
		if phase != want {
			return fmt.Errorf("it is %q: %s", phase, message)
		}
		return nil
	})
}

// execute runs statements of the superuser.
func (s *site) execute(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.postgres.SuperuserURL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// query returns the one column of a query as lines.
func (s *site) query(t *testing.T, query string, args ...any) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.postgres.SuperuserURL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// dropAll removes what the test has made on the server.
func (s *site) dropAll(t *testing.T) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.postgres.SuperuserURL(""))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	for _, list := range []struct{ names, drop string }{
		{"SELECT datname FROM pg_database WHERE datname LIKE '%' || $1 || '%'", "DROP DATABASE %s WITH (FORCE)"},
		{"SELECT rolname FROM pg_roles WHERE rolname LIKE '%' || $1 || '%' ORDER BY oid DESC", "DROP ROLE %s"},
	} {
		rows, _ := conn.Query(ctx, list.names, s.id)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, name := range names {
			_, dropErr := conn.Exec(ctx, fmt.Sprintf(list.drop, pgx.Identifier{name}.Sanitize()))
			err = errors.Join(err, dropErr)
		}
		if err != nil {
			t.Errorf("clean up: %v", err)
		}
	}
}

// atWork is a runner of this process.
type atWork struct {
	t    *testing.T
	end  context.CancelFunc
	over chan error

	mu      sync.Mutex
	results []provision.Result
	log     bytes.Buffer
}

// Write takes the log.
func (w *atWork) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

// said returns the log, the failures and the warnings.
func (w *atWork) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.ReplaceAll(w.log.String(), `\"`, `"`)
	for _, r := range w.results {
		if r.Err != nil {
			text += fmt.Sprintf("%s %s/%s: %s\n", r.Kind, r.Namespace, r.Name, r.Error)
		}
		text += strings.Join(r.Warnings, "\n")
	}
	return text
}

// start begins to work as a user of the API server. It ends with the test.
func (s *site) start(t *testing.T, as clients, change func(*runner.Options)) *atWork {
	t.Helper()
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	w := &atWork{t: t, end: end, over: make(chan error, 1)}
	options := runner.Options{Provisioner: s.provisioner(as), Resync: time.Hour, Events: as.kube.CoreV1(), Identity: as.name + "-" + s.id,
		Log: slog.New(slog.NewJSONHandler(w, nil)),
		Done: func(result provision.Result, _ time.Duration) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.results = append(w.results, result)
		}}
	change(&options)
	go func() { w.over <- runner.Run(ctx, options) }()
	t.Cleanup(w.stop)
	return w
}

// stop ends it, as SIGTERM does, and expects that it ends well.
func (w *atWork) stop() {
	if w.over == nil {
		return
	}
	w.end()
	select {
	case err := <-w.over:
		if err != nil {
			w.t.Errorf("the runner failed: %v", err)
		}
	case <-time.After(time.Minute):
		w.t.Error("the runner does not end")
	}
	w.over = nil
	if w.t.Failed() {
		w.t.Log(w.said())
	}
}

func (s *site) provisioner(as clients) *provision.Provisioner {
	return &provision.Provisioner{
		Kube: as.objects, Secrets: as.kube.CoreV1(), Metadata: as.meta, Now: time.Now, Random: rand.Reader, Runner: true,
		Author: func(context.Context) (string, error) { return as.name, nil },
		Identity: func(context.Context) (review.User, error) {
			return review.User{Username: as.name, Groups: as.groups}, nil
		},
		LookupEnv: os.LookupEnv,
	}
}

// eventually waits until it is so.
func eventually(t *testing.T, what string, is func() error) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := is()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not so after a minute: %s: %v", what, err)
		}
	}
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
