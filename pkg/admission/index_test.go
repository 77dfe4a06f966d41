package admission

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// What belongs together is applied together, and then the second object is under
// review before the watches have brought the first. The index here has not been
// filled at all.
func TestFactsAreAskedForWhenTheIndexLags(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, "tenant=a")
	c.must(t, manifestOf("Database", ns, "orders", "{clusterRef: {name: "+ns+"}}"), "create", "-f", "-")
	c.user(t, ns, "orders-api", 3)
	c.must(t, manifestOf("DBCluster", "", ns, "{endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}, allowedNamespaces: []}"), "create", "-f", "-")
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := newIndex(config, newMetrics("test"))
	if err != nil {
		t.Fatal(err)
	}
	f := &facts{index: empty, ctx: t.Context()}

	if namespace, ok := f.Namespace(ns); !ok || namespace.Labels["tenant"] != "a" {
		t.Errorf("namespace: %v %+v", ok, namespace)
	}
	if cluster, ok := f.Cluster(ns); !ok || cluster.Spec.AllowedNamespaces == nil || len(cluster.Spec.AllowedNamespaces) != 0 {
		t.Errorf("cluster: %v %+v", ok, cluster)
	}
	if database, ok := f.Database(ns, "orders"); !ok || database.Spec.ClusterRef.Name != ns {
		t.Errorf("database: %v %+v", ok, database)
	}
	if user, ok := f.User(ns, "orders-api"); !ok || !review.CredentialsReady(user) {
		t.Errorf("user: %v %+v", ok, user)
	}
	if _, ok := f.User(ns, "nobody"); ok {
		t.Error("a user that does not exist is found")
	}
	if _, ok := f.Namespace("nowhere-" + ns); ok {
		t.Error("a namespace that does not exist is found")
	}

	if err := f.Err(); err != nil {
		t.Errorf("what is not there is a failure: %v", err)
	}

	stale := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: "orders-api", Namespace: ns}}
	if err := empty.users.GetIndexer().Add(stale); err != nil {
		t.Fatal(err)
	}
	if user, ok := f.User(ns, "orders-api"); !ok || !review.CredentialsReady(user) {
		t.Errorf("the user that was not ready a moment ago: %v %+v", ok, user)
	}
	for name, want := range map[string]int{"orders-api-credentials": 1, "orders-api": 0} {
		if got := f.UsersOfSecret(ns, name); len(got) != want || len(f.UsersOfSecret("other", name)) != 0 {
			t.Errorf("users of Secret %s: %+v", name, got)
		}
	}
	if got := f.UsersNamed("orders-api"); !reflect.DeepEqual(got, []string{ns}) {
		t.Errorf("users of that name are in %v", got)
	}
}

// Somebody who names many objects that are not there does not make others wait.
func TestFactsAreNotRationed(t *testing.T) {
	config, err := connection(Options{Kubeconfig: newCluster(t).kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := newIndex(config, newMetrics("test"))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			f := &facts{index: empty, ctx: t.Context()}
			for n := range 20 {
				if _, ok := f.Database("default", fmt.Sprintf("none-%d", n)); ok || f.Err() != nil {
					t.Errorf("found %v, %v", ok, f.Err())
					return
				}
			}
		})
	}
	all.Wait()
}

// That nobody could be asked does not mean that nothing is there.
func TestFactsThatCannotBeHad(t *testing.T) {
	c := newCluster(t)
	kubeconfig, err := c.KubeconfigFor("nobody")
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := newIndex(config, newMetrics("test"))
	if err != nil {
		t.Fatal(err)
	}
	for what, ask := range map[string]func(*facts) bool{
		`namespaces "x"`:    func(f *facts) bool { _, ok := f.Namespace("x"); return ok },
		`dbclusters "x"`:    func(f *facts) bool { _, ok := f.Cluster("x"); return ok },
		`databases "x"`:     func(f *facts) bool { _, ok := f.Database("default", "x"); return ok },
		`databaseusers "x"`: func(f *facts) bool { _, ok := f.User("default", "x"); return ok },
	} {
		f := &facts{index: empty, ctx: t.Context()}
		if ask(f) {
			t.Errorf("%s is found", what)
		}
		if err := f.Err(); err == nil || !strings.Contains(err.Error(), "look up "+what+": ") || !strings.Contains(err.Error(), "forbidden") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestTransforms(t *testing.T) {
	object := func(spec any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "dbtether.io/v1alpha1", "kind": "Database",
			"metadata": map[string]any{"name": "orders", "namespace": "shop", "managedFields": []any{map[string]any{"manager": "x"}}}, "spec": spec}}
	}
	got, err := typed[v1alpha1.Database](object(map[string]any{"clusterRef": map[string]any{"name": "main"}}))
	database, ok := got.(*v1alpha1.Database)
	if err != nil || !ok || database.Spec.ClusterRef.Name != "main" || database.ManagedFields != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if again, err := typed[v1alpha1.Database](got); err != nil || again != got {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	// One object that is not of the schema must not stop the others from being read.
	got, err = typed[v1alpha1.Database](object(map[string]any{"clusterRef": "main", "connectionLimit": int64(5)}))
	if database, ok := got.(*v1alpha1.Database); err != nil || !ok || database.Name != "orders" || database.Namespace != "shop" || !reflect.DeepEqual(database.Spec, v1alpha1.DatabaseSpec{}) {
		t.Errorf("of another schema: %+v, %v", got, err)
	}

	// A cluster that says of nobody that he may use it would be for everybody.
	got, err = typed[v1alpha1.DBCluster](object("main"))
	if cluster, ok := got.(*v1alpha1.DBCluster); err != nil || !ok || cluster.Name != "orders" || cluster.Spec.AllowedNamespaces == nil {
		t.Errorf("a cluster of another schema: %+v, %v", got, err)
	}

	namespace := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"team": "a"},
		Annotations:   map[string]string{"dbtether.io/allow-users-from": "*", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "x"}}}}
	got, err = keepNamespace(namespace)
	want := metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"dbtether.io/allow-users-from": "*"}}
	if meta, ok := got.(*metav1.PartialObjectMetadata); err != nil || !ok || !reflect.DeepEqual(meta.ObjectMeta, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}
