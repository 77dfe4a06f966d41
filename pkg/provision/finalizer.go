package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// finalizersFor returns the finalizers with ours added or taken away: it stands
// only where PostgreSQL has to be touched at deletion.
func finalizersFor(policy v1alpha1.DeletionPolicy, have []string) []string {
	rest := slices.DeleteFunc(slices.Clone(have), func(f string) bool { return f == v1alpha1.Finalizer })
	if policy == v1alpha1.DeletionDelete {
		rest = append(rest, v1alpha1.Finalizer)
	}
	return rest
}

// syncFinalizer makes an existing resource carry our finalizer if its policy asks
// for one, before PostgreSQL is touched for it.
func (p *Provisioner) syncFinalizer(ctx context.Context, resource schema.GroupVersionResource, object metav1.Object, policy v1alpha1.DeletionPolicy) error {
	has := slices.Contains(object.GetFinalizers(), v1alpha1.Finalizer)
	if has == (policy == v1alpha1.DeletionDelete) {
		return nil
	}
	return p.setFinalizers(ctx, resource, object, policy)
}

// dropFinalizer lets a resource that is being deleted go.
func (p *Provisioner) dropFinalizer(ctx context.Context, resource schema.GroupVersionResource, object metav1.Object) error {
	if !slices.Contains(object.GetFinalizers(), v1alpha1.Finalizer) {
		return nil
	}
	err := p.setFinalizers(ctx, resource, object, v1alpha1.DeletionRetain)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// setFinalizers replaces the list by the one that a policy asks for, bound to the
// version of the object that was read: a list has no smaller patch that is safe against
// another writer. After such a writer it begins anew.
func (p *Provisioner) setFinalizers(ctx context.Context, resource schema.GroupVersionResource, object metav1.Object, policy v1alpha1.DeletionPolicy) error {
	client := p.Kube.Resource(resource).Namespace(object.GetNamespace())
	for attempt := 1; ; attempt++ {
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
			"finalizers": finalizersFor(policy, object.GetFinalizers()), "resourceVersion": object.GetResourceVersion(), "uid": object.GetUID(),
		}})
		if err != nil {
			return fmt.Errorf("patch %s %q: %w", resource.Resource, object.GetName(), err)
		}
		now, err := client.Patch(ctx, object.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
		written := err == nil
		if apierrors.IsConflict(err) && attempt < attempts {
			now, err = client.Get(ctx, object.GetName(), metav1.GetOptions{})
			if err == nil && now.GetUID() != object.GetUID() { // another one of the same name
				err = apierrors.NewNotFound(resource.GroupResource(), object.GetName())
			}
		}
		if err != nil {
			return fmt.Errorf("patch %s %q: %w", resource.Resource, object.GetName(), err)
		}
		object.SetFinalizers(now.GetFinalizers())
		object.SetResourceVersion(now.GetResourceVersion())
		if written {
			return nil
		}
	}
}
