package provision_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// goOn lets every plan be carried out.
func goOn(*provision.Job) error { return nil }

// whenWaiting returns what to do with the progress of a run: act once, when it waits for a
// lock. waited is whether it did.
func whenWaiting(act func()) (progress func(string), waited func() bool) {
	did := false
	return func(said string) {
		if !did && strings.HasPrefix(said, "waiting for another run") {
			did = true
			act()
		}
	}, func() bool { return did }
}

// change merges a patch into an object of the site. It may be called from any goroutine.
func (s *site) change(t *testing.T, resource schema.GroupVersionResource, name, patch string) {
	t.Helper()
	var client dynamic.ResourceInterface = s.objects.Resource(resource)
	if resource != v1alpha1.DBClusters {
		client = s.objects.Resource(resource).Namespace(s.id)
	}
	if _, err := client.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Error(err)
	}
}

// stands reports whether the server has the site's database, and the login of its user.
func (s *site) stands(t *testing.T) (database, login bool) {
	t.Helper()
	endpoint := postgres.Endpoint{Name: s.id, Host: s.postgres.Host, Port: int32(s.postgres.Port), SSLMode: "disable"}
	admin := postgres.Login{Username: s.postgres.Admin, Password: secret.NewValue([]byte(s.postgres.AdminPassword))}
	server, err := postgres.Dial(t.Context(), endpoint, admin, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	user := s.prefix + "_api"
	state, err := server.Observe(t.Context(), postgres.Scope{Named: true, References: []string{s.prefix}, Logins: []string{user}})
	if err != nil {
		t.Fatal(err)
	}
	_, database = state.Databases[s.prefix]
	_, login = state.Roles[user]
	return database, login
}

// recreate deletes an object of the site, and creates it anew as it was.
func (s *site) recreate(t *testing.T, resource schema.GroupVersionResource, name string) {
	t.Helper()
	client := s.objects.Resource(resource).Namespace(s.id)
	object, err := client.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	if err := client.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	again := &unstructured.Unstructured{Object: map[string]any{"spec": object.Object["spec"]}}
	again.SetGroupVersionKind(object.GroupVersionKind())
	again.SetName(name)
	if _, err := client.Create(t.Context(), again, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
}
