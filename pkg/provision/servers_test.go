package provision_test

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": s.id}}}
	if _, err := s.objects.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
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

// grant lets a user do something to the resources of one name, cluster-wide.
func (s *site) grant(t *testing.T, user, verb, resource string) {
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
	role := object("ClusterRole", map[string]any{"rules": []any{map[string]any{"apiGroups": []any{v1alpha1.GroupVersion.Group}, "resources": []any{resource}, "verbs": []any{verb}}}})
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
