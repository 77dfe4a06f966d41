package provision_test

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// A cluster that takes its namespaces back while a run waits for a lock is no longer the
// one that the run has read: the policies are asked about what it is now.
func TestClusterChangesWhileARunWaits(t *testing.T) {
	s := newSite(t)
	first := s.provisioner(t, "", nil)
	request := s.application()
	if err := first.Provision(t.Context(), request, goOn); err != nil {
		t.Fatal(err)
	}
	users := provision.Request{Users: request.Users}
	holder, err := first.Open(t.Context(), users, false)
	if err != nil {
		t.Fatal(err)
	}
	waits := false
	second := s.provisioner(t, "", func(said string) {
		if waits || !strings.HasPrefix(said, "waiting for another run") {
			return
		}
		waits = true
		_, err := s.objects.Resource(v1alpha1.DBClusters).Patch(t.Context(), s.id, types.MergePatchType, []byte(`{"spec":{"allowedNamespaces":[]}}`), metav1.PatchOptions{})
		if err != nil {
			t.Error(err)
		}
		holder.Close()
	})
	err = second.Provision(t.Context(), users, goOn)
	var denied *provision.DeniedError
	if !errors.As(err, &denied) || !strings.Contains(err.Error(), "CLUSTER-NOT-ALLOWED") || !waits {
		t.Errorf("waited: %v, got %v", waits, err)
	}
}
