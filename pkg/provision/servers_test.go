package provision_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// site is a namespace and a DBCluster of one test, both called id, on servers that all
// tests share. In the cluster's server everything that the test makes begins with prefix.
type site struct {
	api        *testenv.ControlPlane
	postgres   *testenv.PostgreSQL
	objects    dynamic.Interface
	id, prefix string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{api: testenv.SharedControlPlane(t), postgres: testenv.SharedPostgreSQL(t, 18), id: fmt.Sprintf("provision-%06x", mathrand.IntN(1<<24))}
	s.prefix = strings.ReplaceAll(s.id, "-", "_")
	if err := s.api.Apply("crd/*.yaml"); err != nil {
		t.Fatal(err)
	}
	s.objects = dynamic.NewForConfigOrDie(s.config(t, s.api.Kubeconfig))
	for _, resource := range []schema.GroupVersionResource{v1alpha1.DBClusters, v1alpha1.Databases, v1alpha1.DatabaseUsers} {
		s.served(t, resource)
	}
	s.namespace(t, s.id)
	cluster := &unstructured.Unstructured{Object: map[string]any{"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.KindDBCluster, "metadata": map[string]any{"name": s.id},
		"spec": map[string]any{"endpoint": s.postgres.Host, "port": int64(s.postgres.Port), "credentialsFromEnv": map[string]any{"username": "ADMIN", "password": "ADMIN_PASSWORD"}}}}
	if _, err := s.objects.Resource(v1alpha1.DBClusters).Create(t.Context(), cluster, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.objects.Resource(v1alpha1.DBClusters).Delete(context.Background(), s.id, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) namespace(t *testing.T, name string) {
	t.Helper()
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	if _, err := s.objects.Resource(namespaces).Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// served waits until the API server serves a resource that was just defined.
func (s *site) served(t *testing.T, resource schema.GroupVersionResource) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, err := s.objects.Resource(resource).List(t.Context(), metav1.ListOptions{Limit: 1})
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func (s *site) config(t *testing.T, kubeconfig string) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	return config
}

// grant lets a user do something, cluster-wide.
func (s *site) grant(t *testing.T, user string, rules ...any) {
	t.Helper()
	rbac := func(resource string) dynamic.ResourceInterface {
		return s.objects.Resource(rbacv1.SchemeGroupVersion.WithResource(resource))
	}
	object := func(kind string, fields map[string]any) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: fields}
		o.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind(kind))
		o.SetName(user)
		return o
	}
	role := object("ClusterRole", map[string]any{"rules": rules})
	binding := object("ClusterRoleBinding", map[string]any{"roleRef": map[string]any{"apiGroup": rbacv1.GroupName, "kind": "ClusterRole", "name": user},
		"subjects": []any{map[string]any{"apiGroup": rbacv1.GroupName, "kind": "User", "name": user}}})
	for resource, o := range map[string]*unstructured.Unstructured{"clusterroles": role, "clusterrolebindings": binding} {
		if _, err := rbac(resource).Create(t.Context(), o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := rbac(resource).Delete(context.Background(), user, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// rule allows verbs on resources of a group; names restricts it to objects of these.
func rule(group string, resources, verbs []any, names ...any) map[string]any {
	return map[string]any{"apiGroups": []any{group}, "resources": resources, "verbs": verbs, "resourceNames": names}
}

// awaitRights waits until the API server knows what was granted to a user.
func (s *site) awaitRights(t *testing.T, p *provision.Provisioner) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, err := p.Cluster(t.Context(), s.id)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// patch merges fields into an object.
func (s *site) patch(t *testing.T, resource schema.GroupVersionResource, namespace, name string, fields map[string]any) {
	t.Helper()
	patch, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.objects.Resource(resource).Namespace(namespace).Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// provisioner returns one that works as a user of the API server, "" for the
// administrator, and has the credential of the server's administrator.
func (s *site) provisioner(t *testing.T, user string, progress func(string)) *provision.Provisioner {
	t.Helper()
	kubeconfig, groups := s.api.Kubeconfig, []string{"system:masters"}
	if user != "" {
		var err error
		if kubeconfig, err = s.api.KubeconfigFor(user); err != nil {
			t.Fatal(err)
		}
		groups = nil
	}
	config := s.config(t, kubeconfig)
	p := &provision.Provisioner{
		Kube: dynamic.NewForConfigOrDie(config), Secrets: kubernetes.NewForConfigOrDie(config).CoreV1(), Metadata: metadata.NewForConfigOrDie(config),
		Now: time.Now, Random: rand.Reader, Progress: progress,
		Author:   func(context.Context) (string, error) { return user, nil },
		Identity: func(context.Context) (review.User, error) { return review.User{Username: user, Groups: groups}, nil },
		LookupEnv: func(name string) (string, bool) {
			value, known := map[string]string{"ADMIN": s.postgres.Admin, "ADMIN_PASSWORD": s.postgres.AdminPassword}[name]
			return value, known
		},
	}
	t.Cleanup(p.Close)
	return p
}

// application returns a Database and its DatabaseUser, which do not exist yet.
func (s *site) application() provision.Request {
	db := &v1alpha1.Database{ObjectMeta: metav1.ObjectMeta{Namespace: s.id, Name: s.id}, Spec: v1alpha1.DatabaseSpec{ClusterRef: v1alpha1.ClusterReference{Name: s.id}}}
	user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: s.id, Name: s.id + "-api"},
		Spec: v1alpha1.DatabaseUserSpec{DatabaseRef: &v1alpha1.DatabaseAccess{Name: s.id}}}
	return provision.Request{Database: db, Users: []*v1alpha1.DatabaseUser{user}}
}

// reconcile does what is to be done about a user, as it stands.
func (s *site) reconcile(t *testing.T, p *provision.Provisioner, user *v1alpha1.DatabaseUser) error {
	t.Helper()
	object, err := s.objects.Resource(v1alpha1.DatabaseUsers).Namespace(user.Namespace).Get(t.Context(), user.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p.ReconcileObject(t.Context(), object, nil).Err
}

// isMember reports whether the login of the application is a member of a group.
func (s *site) isMember(t *testing.T, group string) (is bool) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.postgres.SuperuserURL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), "SELECT pg_has_role($1, $2, 'MEMBER')", s.prefix+"_api", group).Scan(&is); err != nil {
		t.Fatal(err)
	}
	return is
}
