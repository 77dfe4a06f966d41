package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// removeDefinitions deletes the resources, and then their definitions, unless resources were
// made since. Nothing happens on PostgreSQL and Secrets stay, because finalizers and owner
// references are removed first.
func (u *uninstallation) removeDefinitions(ctx context.Context, w *installing, resources []ownResource) error {
	if err := w.keepSecrets(ctx, resources); err != nil {
		return err
	}
	for _, r := range resources {
		if err := u.deleteResource(ctx, w, r); err != nil {
			return err
		}
	}
	if err := w.refuseNew(ctx, resources); err != nil {
		return err
	}
	for _, object := range w.ofKind("CustomResourceDefinition") {
		standing, err := w.env.standing(ctx, object)
		if err != nil {
			return err
		}
		if standing == nil {
			continue
		}
		if whose := install.Foreign(standing); whose != "" {
			w.env.note("%s %s and stays", install.Title(standing), whose)
			continue
		}
		if err := w.delete(ctx, standing); err != nil {
			return err
		}
	}
	return nil
}

// refuseNew returns an error if there are resources that are not among those that were listed:
// nobody was asked about them, and their Secrets would go with them.
func (w *installing) refuseNew(ctx context.Context, listed []ownResource) error {
	now, err := w.listResources(ctx)
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(now, func(r ownResource) bool {
		return slices.ContainsFunc(listed, func(l ownResource) bool { return l.GetUID() == r.GetUID() })
	})
	if len(fresh) == 0 {
		return nil
	}
	return Hinted(fmt.Errorf("the definitions stay, as resources were made meanwhile: %s", firstOf(fresh)),
		"look at them, and run the command again if they are to go, too")
}

// keepSecrets removes the resources from the owners of Secrets, so that Kubernetes does not
// delete these with them. It reads metadata only.
func (w *installing) keepSecrets(ctx context.Context, resources []ownResource) error {
	config, err := w.env.RESTConfig()
	if err != nil {
		return err
	}
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	owners := map[types.UID]bool{}
	var namespaces []string
	for _, r := range resources {
		owners[r.GetUID()] = true
		if n := r.GetNamespace(); n != "" && !slices.Contains(namespaces, n) {
			namespaces = append(namespaces, n)
		}
	}
	for _, namespace := range namespaces {
		all, err := client.Resource(secretsResource).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("list the Secrets of namespace %q: %w", namespace, err)
		}
		for i := range all.Items {
			if err := w.disown(ctx, client, &all.Items[i], owners); err != nil {
				return err
			}
		}
	}
	return nil
}

// disown removes those owners from a Secret.
func (w *installing) disown(ctx context.Context, client metadata.Interface, secret *metav1.PartialObjectMetadata, owners map[types.UID]bool) error {
	kept := slices.DeleteFunc(slices.Clone(secret.OwnerReferences), func(o metav1.OwnerReference) bool { return owners[o.UID] })
	if len(kept) == len(secret.OwnerReferences) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"ownerReferences": kept, "resourceVersion": secret.ResourceVersion}})
	if err != nil {
		return err
	}
	_, err = client.Resource(secretsResource).Namespace(secret.Namespace).Patch(ctx, secret.Name, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, DryRun: w.dryRunOptions()})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("keep Secret %s/%s: %w", secret.Namespace, secret.Name, err)
	}
	return nil
}

// deleteResource deletes one resource without its finalizer, which would change PostgreSQL,
// and waits until it is gone.
func (u *uninstallation) deleteResource(ctx context.Context, w *installing, r ownResource) error {
	client, err := w.env.client(r.kind, r.GetNamespace())
	if err != nil {
		return err
	}
	if i := slices.Index(r.GetFinalizers(), v1alpha1.Finalizer); i >= 0 {
		kept := slices.Delete(slices.Clone(r.GetFinalizers()), i, i+1)
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"finalizers": kept, "uid": r.GetUID()}})
		if err != nil {
			return err
		}
		_, err = client.Patch(ctx, r.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, DryRun: w.dryRunOptions()})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("take the finalizer from %s: %w", install.Title(r.Unstructured), err)
		}
	}
	err = client.Delete(ctx, r.GetName(), metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(r.GetUID())), DryRun: w.dryRunOptions()})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", install.Title(r.Unstructured), err)
	}
	if err := w.show(r.Unstructured, "deleted"); err != nil || u.dryRun.on() {
		return err
	}
	return until(ctx, u.timeout, func(ctx context.Context) error {
		_, err := client.Get(ctx, r.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return Hinted(fmt.Errorf("%s is still there", install.Title(r.Unstructured)), "its metadata.finalizers say who has to act first")
	})
}
