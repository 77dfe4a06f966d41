package crash_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// site is one run: proxies, a namespace and names of its own.
type site struct {
	env      *environment
	name     string // of the namespace, of the cluster, and part of all others
	database string // the Database
	user     string // the DatabaseUser
	admin    string // the role that provisions
	journal  *crash.Journal
	postgres *crash.PostgreSQL
	home     testenv.Home // whose kubeconfig leads to the proxy
	session  *pgx.Conn    // of the user, where the command has to end it
}

const adminSecret = "admin"

func newSite(t *testing.T, e *environment, asCreateRole bool) *site {
	t.Helper()
	s := &site{env: e, name: fmt.Sprintf("crash%08x", rand.Uint32()), journal: &crash.Journal{}}
	s.database, s.user = s.name+"-db", s.name+"-app"
	kubernetes, err := crash.ServeKubernetes(s.journal, e.kube)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kubernetes.Close() })
	if s.postgres, err = crash.ServePostgreSQL(s.journal, net.JoinHostPort(e.postgres.Host, strconv.Itoa(e.postgres.Port))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.postgres.Close() })
	s.writeKubeconfig(t, kubernetes.URL)
	t.Cleanup(func() { s.remove(t) })
	s.register(t, asCreateRole)
	return s
}

func (s *site) databaseName() string { return s.name + "_db" }

func (s *site) userName() string { return s.name + "_app" }

func (s *site) writeKubeconfig(t *testing.T, url string) {
	t.Helper()
	s.home = s.env.home
	s.home.Kubeconfig = filepath.Join(s.home.Dir, s.name+".kubeconfig")
	config := clientcmdapi.NewConfig()
	config.Clusters["proxy"] = &clientcmdapi.Cluster{Server: url}
	config.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy", Namespace: s.name}
	config.CurrentContext = "proxy"
	if err := clientcmd.WriteToFile(*config, s.home.Kubeconfig); err != nil {
		t.Fatal(err)
	}
}

// register makes the namespace, and in it the cluster whose server is the proxy.
func (s *site) register(t *testing.T, asCreateRole bool) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.name}}
	if _, err := s.env.core.Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	server := s.env.postgres
	s.admin = server.Superuser
	password := server.SuperuserPassword
	if asCreateRole {
		s.admin, password = server.Admin, server.AdminPassword
	}
	credential := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: adminSecret}, StringData: map[string]string{"username": s.admin, "password": password}}
	if _, err := s.env.core.Secrets(s.name).Create(t.Context(), credential, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.create(t, v1alpha1.DBClusters, v1alpha1.KindDBCluster, s.name, map[string]any{
		"endpoint": s.postgres.Host, "port": int64(s.postgres.Port), "sslMode": "disable",
		"credentialsSecretRef": map[string]any{"name": adminSecret, "namespace": s.name}})
}

// create creates a resource past the proxies, as kubectl apply would.
func (s *site) create(t *testing.T, resource schema.GroupVersionResource, kind, name string, spec map[string]any) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	object.SetName(name)
	var err error
	if resource == v1alpha1.DBClusters {
		_, err = s.env.objects.Resource(resource).Create(t.Context(), object, metav1.CreateOptions{})
	} else {
		_, err = s.env.objects.Resource(resource).Namespace(s.name).Create(t.Context(), object, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// patch changes a resource past the proxies.
func (s *site) patch(t *testing.T, resource schema.GroupVersionResource, name string, kind types.PatchType, patch string) {
	t.Helper()
	if _, err := s.env.objects.Resource(resource).Namespace(s.name).Patch(t.Context(), name, kind, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// list returns the site's resources of a kind.
func (s *site) list(t *testing.T, resource schema.GroupVersionResource) []unstructured.Unstructured {
	t.Helper()
	list, err := s.env.objects.Resource(resource).Namespace(s.name).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// secrets returns the site's Secrets but the administrator's.
func (s *site) secrets(t *testing.T) []corev1.Secret {
	t.Helper()
	list, err := s.env.core.Secrets(s.name).List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name!=" + adminSecret})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// asSuperuser connects past the proxies.
func (s *site) asSuperuser(t *testing.T, database string, do func(*pgx.Conn)) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.env.postgres.SuperuserURL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	do(conn)
}

// execute runs statements of the superuser.
func (s *site) execute(t *testing.T, database string, statements ...string) {
	t.Helper()
	s.asSuperuser(t, database, func(conn *pgx.Conn) {
		for _, statement := range statements {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	})
}

// waitForNoSessions returns when the server has noticed the end of the last
// session in the database, which is a moment after its client has.
func (s *site) waitForNoSessions(t *testing.T) {
	t.Helper()
	s.asSuperuser(t, "postgres", func(conn *pgx.Conn) {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			var sessions int
			err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usesysid IS NOT NULL", s.databaseName()).Scan(&sessions)
			if err != nil {
				t.Fatal(err)
			}
			if sessions == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d sessions stay in database %s", sessions, s.databaseName())
			}
		}
	})
}
