package provision_test

import (
	"context"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// A deletion that is interrupted before it has begun has found nothing out, and says
// nothing in the status.
func TestInterruptedDeletion(t *testing.T) {
	s := newSite(t)
	first := s.provisioner(t, "", nil)
	request := s.application()
	request.Users = nil
	request.Database.Spec.DeletionPolicy = v1alpha1.DeletionDelete
	if err := first.Provision(t.Context(), request, goOn); err != nil {
		t.Fatal(err)
	}
	databases := s.objects.Resource(v1alpha1.Databases).Namespace(s.id)
	holder, err := first.Open(t.Context(), request, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := databases.Delete(t.Context(), s.id, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	object, err := databases.Get(t.Context(), s.id, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	second := s.provisioner(t, "", func(said string) {
		if strings.HasPrefix(said, "waiting for another run") {
			cancel()
		}
	})
	if result := second.ReconcileObject(ctx, object, nil); result.Action != provision.ActionFailed {
		t.Errorf("interrupted: %+v", result)
	}
	holder.Close()
	db, err := first.Database(t.Context(), s.id, s.id)
	if err != nil || strings.Contains(db.Status.Message, "context canceled") {
		t.Errorf("the status says %q (%v)", db.Status.Message, err)
	}
	if result := first.ReconcileObject(t.Context(), object, nil); result.Action != provision.ActionDeleted {
		t.Errorf("finished: %+v", result)
	}
}
