package promises

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// site is a PostgreSQL server as one kind of administrator, registered under a name
// of its own, and what a test makes there. The cluster, its namespace and the prefix of
// all roles and databases are called by that name.
type site struct {
	*environment
	server *testenv.PostgreSQL
	super  bool
	name   string
	// passed is how far the clock is ahead.
	passed time.Duration
	*provision.Provisioner
}

// kinds are the two kinds of administrator, by their names in tests.
var kinds = map[string]bool{"superuser": true, "createrole": false}

func newSite(t *testing.T, e *environment, version int, super bool) *site {
	t.Helper()
	s := &site{environment: e, server: testenv.SharedPostgreSQL(t, version), super: super, name: "p" + letters(7)}
	s.Provisioner = &provision.Provisioner{
		Kube: e.objects, Secrets: e.core, Metadata: e.metadata, Random: rand.Reader,
		Now:       func() time.Time { return time.Now().Add(s.passed) },
		Author:    func(context.Context) (string, error) { return "admin", nil },
		Identity:  func(context.Context) (review.User, error) { return review.User{Username: "admin"}, nil },
		LookupEnv: func(string) (string, bool) { return "", false },
	}
	t.Cleanup(s.remove(t))
	s.namespace(t, s.name)
	login, password := s.server.Admin, s.server.AdminPassword
	if super {
		login, password = s.server.Superuser, s.server.SuperuserPassword
	}
	s.secret(t, "admin", map[string]string{"username": login, "password": password})
	s.create(t, v1alpha1.KindDBCluster, "", s.name, map[string]any{"endpoint": s.server.Host, "port": int64(s.server.Port),
		"credentialsSecretRef": map[string]any{"name": "admin", "namespace": s.name}})
	return s
}

// letters returns some that make a name its own.
func letters(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = "bcdfghjklmnpqrstvwxz"[mathrand.IntN(20)]
	}
	return string(text)
}

// in returns a name of the site in PostgreSQL, of in Kubernetes: both begin with the
// site's own.
func (s *site) in(name string) string { return s.name + "_" + name }

func (s *site) of(name string) string { return s.name + "-" + name }

func (s *site) namespace(t *testing.T, name string) {
	t.Helper()
	_, err := s.core.Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// secret creates a Secret in the site's namespace, as somebody else would.
func (s *site) secret(t *testing.T, name string, data map[string]string) {
	t.Helper()
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data}
	if _, err := s.core.Secrets(s.name).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

var resources = map[string]schema.GroupVersionResource{
	v1alpha1.KindDBCluster: v1alpha1.DBClusters, v1alpha1.KindDatabase: v1alpha1.Databases, v1alpha1.KindDatabaseUser: v1alpha1.DatabaseUsers}

// create creates a resource, as kubectl apply would.
func (s *site) create(t *testing.T, kind, namespace, name string, spec map[string]any) {
	t.Helper()
	if err := s.tryCreate(t, kind, namespace, name, spec); err != nil {
		t.Fatal(err)
	}
}

func (s *site) tryCreate(t *testing.T, kind, namespace, name string, spec map[string]any) error {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	object.SetName(name)
	object.SetNamespace(namespace)
	if namespace == "" {
		_, err := s.objects.Resource(resources[kind]).Create(t.Context(), object, metav1.CreateOptions{})
		return err
	}
	_, err := s.objects.Resource(resources[kind]).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{})
	return err
}

// database creates a Database of the site, with further fields of its spec.
func (s *site) database(t *testing.T, name string, fields map[string]any) {
	t.Helper()
	spec := map[string]any{"clusterRef": map[string]any{"name": s.name}, "deletionPolicy": "Delete"}
	for field, value := range fields {
		spec[field] = value
	}
	s.create(t, v1alpha1.KindDatabase, s.name, s.of(name), spec)
}

// user creates a DatabaseUser of one database, with further fields of its spec.
func (s *site) user(t *testing.T, name, database, privileges string, fields map[string]any) {
	t.Helper()
	spec := map[string]any{"databaseRef": map[string]any{"name": s.of(database)}, "privileges": privileges}
	for field, value := range fields {
		spec[field] = value
	}
	s.create(t, v1alpha1.KindDatabaseUser, s.name, s.of(name), spec)
}

// patch changes a resource of the site, as kubectl patch would.
func (s *site) patch(t *testing.T, kind, name, patch string) {
	t.Helper()
	_, err := s.objects.Resource(resources[kind]).Namespace(s.name).Patch(t.Context(), s.of(name), types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// get reads a resource of the site into a typed one.
func (s *site) get(t *testing.T, kind, name string, into runtime.Object) *unstructured.Unstructured {
	t.Helper()
	object, err := s.objects.Resource(resources[kind]).Namespace(s.name).Get(t.Context(), s.of(name), metav1.GetOptions{})
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into)
	}
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// reconcile brings everything in some namespaces, or in the site's own, into shape, and
// returns what came of it by the name of the resource, without the site's.
func (s *site) reconcile(t *testing.T, namespaces ...string) map[string]provision.Result {
	t.Helper()
	if len(namespaces) == 0 {
		namespaces = []string{s.name}
	}
	results := map[string]provision.Result{}
	for _, namespace := range namespaces {
		bulk := provision.Bulk{Done: func(r provision.Result) { results[strings.TrimPrefix(r.Name, s.name+"-")] = r }}
		if err := s.Reconcile(t.Context(), namespace, bulk); err != nil {
			t.Fatal(err)
		}
	}
	return results
}

// settle reconciles, and ends the test if something failed.
func (s *site) settle(t *testing.T, namespaces ...string) {
	t.Helper()
	for name, r := range s.reconcile(t, namespaces...) {
		if r.Action == provision.ActionFailed {
			t.Fatalf("%s %q: %s (%s)", r.Kind, name, r.Error, r.Hint)
		}
	}
}

// credential returns what is in a user's Secret.
func (s *site) credential(t *testing.T, namespace, secret string) map[string]string {
	t.Helper()
	object, err := s.core.Secrets(namespace).Get(t.Context(), secret, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]string{}
	for key, value := range object.Data {
		data[key] = string(value)
	}
	return data
}

// password returns that of the Secret of a user of the site's namespace.
func (s *site) password(t *testing.T, user string) string {
	t.Helper()
	return s.credential(t, s.name, s.of(user)+"-credentials")["password"]
}

// connect opens a session of a role.
func (s *site) connect(t *testing.T, role, password, database string) (*pgx.Conn, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.server.URL(role, password, database))
	if err == nil {
		t.Cleanup(func() { closeSession(conn) })
	}
	return conn, err
}

// login opens a session of a user of the site's namespace with the uri of its Secret,
// and with nothing else.
func (s *site) login(t *testing.T, user string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.credential(t, s.name, s.of(user)+"-credentials")["uri"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSession(conn) })
	return conn
}

// asSuperuser opens a session of the superuser.
func (s *site) asSuperuser(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := s.connect(t, s.server.Superuser, s.server.SuperuserPassword, database)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// do runs statements of the superuser.
func (s *site) do(t *testing.T, database string, statements ...string) {
	t.Helper()
	conn := s.asSuperuser(t, database)
	defer closeSession(conn)
	must(t, conn, statements...)
}

// ask returns the first column, which is text, of a query of the superuser.
func (s *site) ask(t *testing.T, database, query string, args ...any) []string {
	t.Helper()
	conn := s.asSuperuser(t, database)
	defer closeSession(conn)
	return lines(t, conn, query, args...)
}

func closeSession(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// must runs statements that have to work.
func must(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// lines returns the first column of a query, which is text.
func lines(t *testing.T, conn *pgx.Conn, query string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}
