package promises

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// remove returns what takes away whatever the site has left on the shared servers. The
// namespaces stay: nobody would finish their deletion.
func (s *site) remove(t *testing.T) func() {
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.Close()
		for _, resource := range []schema.GroupVersionResource{v1alpha1.DatabaseUsers, v1alpha1.Databases} {
			list, err := s.objects.Resource(resource).List(ctx, metav1.ListOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			for _, one := range list.Items {
				if strings.HasPrefix(one.GetNamespace(), s.name) {
					client := s.objects.Resource(resource).Namespace(one.GetNamespace())
					_, _ = client.Patch(ctx, one.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
					_ = client.Delete(ctx, one.GetName(), metav1.DeleteOptions{})
				}
			}
		}
		if err := s.objects.Resource(v1alpha1.DBClusters).Delete(ctx, s.name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		if err := s.server.DropAll(ctx, s.name); err != nil {
			t.Error(err)
		}
	}
}
