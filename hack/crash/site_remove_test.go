package crash_test

import (
	"context"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// remove takes from the shared servers what the run has left there. The namespace
// stays: nobody would finish its deletion.
func (s *site) remove(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if s.session != nil {
		_ = s.session.Close(ctx)
	}
	s.removeObjects(ctx, t)
	if err := s.env.postgres.DropAll(ctx, s.name); err != nil {
		t.Error(err)
	}
}

func (s *site) removeObjects(ctx context.Context, t *testing.T) {
	for _, resource := range []schema.GroupVersionResource{v1alpha1.DatabaseUsers, v1alpha1.Databases} {
		client := s.env.objects.Resource(resource).Namespace(s.name)
		list, err := client.List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, object := range list.Items {
			_, err := client.Patch(ctx, object.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
			if err == nil {
				err = client.Delete(ctx, object.GetName(), metav1.DeleteOptions{})
			}
			if err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		}
	}
	if err := s.env.core.Secrets(s.name).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	if err := s.env.objects.Resource(v1alpha1.DBClusters).Delete(ctx, s.name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}
