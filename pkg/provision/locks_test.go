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

// A run that waited goes by who owns the Databases then: what the many resources of a
// run share was read before.
func TestOwnerChangesWhileARunWaits(t *testing.T) {
	for name, becomes := range map[string]bool{"the user becomes the owner": true, "the user was the owner": false} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			first := s.provisioner(t, "", nil)
			request := s.application()
			user, owned := request.Users[0], request.Database.DeepCopy()
			owned.Name += "-owned"
			if err := errors.Join(first.Provision(t.Context(), request, goOn), first.Provision(t.Context(), provision.Request{Database: owned}, goOn)); err != nil {
				t.Fatal(err)
			}
			owner := func(is bool) {
				t.Helper()
				spec := map[string]any{"owner": nil}
				if is {
					spec["owner"] = user.Name
				}
				s.patch(t, v1alpha1.Databases, s.id, owned.Name, map[string]any{"spec": spec})
			}
			owner(!becomes)
			if err := s.reconcile(t, first, user); err != nil || s.isMember(t, s.prefix+"_owned_owner") == becomes {
				t.Fatalf("before: %v", err)
			}
			holder, err := first.Open(t.Context(), provision.Request{Users: request.Users}, false)
			if err != nil {
				t.Fatal(err)
			}
			progress, waited := whenWaiting(func() {
				owner(becomes)
				holder.Close()
			})
			second := s.provisioner(t, "", progress)
			if err := s.reconcile(t, second, user); err != nil || !waited() || s.isMember(t, s.prefix+"_owned_owner") != becomes {
				t.Errorf("waited: %v, member: %v, got %v", waited(), !becomes, err)
			}
		})
	}
}

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
