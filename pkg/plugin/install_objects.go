package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// installing is an installation or an uninstallation that is under way.
type installing struct {
	env      *Environment
	print    *printFlags
	dryRun   *dryRun
	force    bool
	back     bool // whether it may go back to an earlier version
	progress *progress
	objects  []*unstructured.Unstructured

	// inert are the webhook configurations that applyInert made. They are reported as created
	// when they get their final form.
	inert []*unstructured.Unstructured
	// recordBefore is the record as it stood, nil where there was none.
	recordBefore *unstructured.Unstructured
	// shown is what -o json and yaml print at the end.
	shown []unstructured.Unstructured
}

// ofKind returns those of the objects that are of a kind, in their order.
func (w *installing) ofKind(kind string) []*unstructured.Unstructured {
	return slices.DeleteFunc(slices.Clone(w.objects), func(o *unstructured.Unstructured) bool { return o.GetKind() != kind })
}

// dryRunOptions returns what a writing request carries. Both kinds of dry run ask the API
// server, which then stores nothing.
func (w *installing) dryRunOptions() []string {
	if !w.dryRun.on() {
		return nil
	}
	return []string{metav1.DryRunAll}
}

// installedClient returns the client for the kind and namespace of an object. It connects
// to nothing.
func (e *Environment) installedClient(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	resource, err := install.ResourceOf(object)
	if err != nil {
		return nil, err
	}
	all, err := e.Dynamic()
	if err != nil {
		return nil, err
	}
	if resource.Namespaced {
		return all.Resource(resource.GroupVersionResource).Namespace(object.GetNamespace()), nil
	}
	return all.Resource(resource.GroupVersionResource), nil
}

// standing reads the object of the cluster that has the kind, namespace and name of this
// one; nil where there is none.
func (e *Environment) standing(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	client, err := e.installedClient(object)
	if err != nil {
		return nil, err
	}
	found, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", install.Title(object), err)
	}
	return found, nil
}

// apply writes one object and returns it before, nil where it was not there, and after.
func (w *installing) apply(ctx context.Context, object *unstructured.Unstructured) (before, after *unstructured.Unstructured, err error) {
	client, err := w.env.installedClient(object)
	if err != nil {
		return nil, nil, err
	}
	if before, err = w.env.standing(ctx, object); err != nil {
		return nil, nil, err
	}
	body, err := object.MarshalJSON()
	if err != nil {
		return nil, nil, err
	}
	after, err = client.Patch(ctx, object.GetName(), types.ApplyPatchType, body, w.patchOptions(w.force))
	if w.dryRun.server() && object.GetNamespace() != "" && apierrors.IsNotFound(err) {
		// What it would stand on is not there yet, and no dry run makes it.
		return before, object, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("apply %s: %w", install.Title(object), err)
	}
	return before, after, nil
}

// applyAll applies the objects that are chosen, and shows what became of each.
func (w *installing) applyAll(ctx context.Context, chosen func(*unstructured.Unstructured) bool) error {
	for n, object := range w.objects {
		if !chosen(object) {
			continue
		}
		w.progress.step("applying %d of %d: %s …", n+1, len(w.objects), install.Title(object))
		before, after, err := w.apply(ctx, object)
		if err != nil {
			return err
		}
		if slices.Contains(w.inert, object) {
			before = nil
		}
		if err := w.show(after, install.Outcome(before, after)); err != nil {
			return err
		}
	}
	return nil
}

// applyInert creates the webhook configurations that are missing in a form that refuses
// nothing while the webhook does not answer. It returns whether one in the cluster has that
// form now, made by this run or by one that was interrupted.
func (w *installing) applyInert(ctx context.Context) (fresh bool, err error) {
	for _, object := range w.objects {
		inert := install.Inert(object)
		if inert == nil || w.dryRun.server() {
			continue
		}
		standing, err := w.env.standing(ctx, object)
		if err != nil {
			return false, err
		}
		if standing == nil {
			if _, standing, err = w.apply(ctx, inert); err != nil {
				return false, err
			}
			w.inert = append(w.inert, object)
		}
		fresh = fresh || install.PassesOver(standing)
	}
	return fresh, nil
}

// prune deletes what an earlier installation made and this one does not have.
func (w *installing) prune(ctx context.Context, objects []*unstructured.Unstructured) error {
	for i := len(objects) - 1; i >= 0; i-- {
		if install.Stays(objects[i]) {
			continue
		}
		if err := w.remove(ctx, objects[i]); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes an object if it is still there and the command install made it.
func (w *installing) remove(ctx context.Context, object *unstructured.Unstructured) error {
	standing, err := w.env.standing(ctx, object)
	if err != nil || standing == nil {
		return err
	}
	if standing.GetLabels()[install.LabelManagedBy] != install.ManagedBy {
		w.env.note("%s was not made by this command and stays", install.Title(standing))
		return nil
	}
	return w.delete(ctx, standing)
}

// delete deletes the very object that was read.
func (w *installing) delete(ctx context.Context, standing *unstructured.Unstructured) error {
	client, err := w.env.installedClient(standing)
	if err != nil {
		return err
	}
	w.progress.step("deleting %s …", install.Title(standing))
	background := metav1.DeletePropagationBackground
	err = client.Delete(ctx, standing.GetName(), metav1.DeleteOptions{
		Preconditions: metav1.NewUIDPreconditions(string(standing.GetUID())), PropagationPolicy: &background, DryRun: w.dryRunOptions(),
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", install.Title(standing), err)
	}
	return w.show(standing, "deleted")
}

// show prints an object and what became of it, or keeps it for the end.
func (w *installing) show(object *unstructured.Unstructured, operation string) error {
	w.progress.done()
	if !w.print.human() && !strings.HasPrefix(w.print.output, "name") {
		w.shown = append(w.shown, *object)
		return nil
	}
	return w.print.print(w.env, object, w.dryRun.said(operation))
}

// printAll prints what was kept for the end.
func (w *installing) printAll() error {
	if len(w.shown) == 0 {
		return nil
	}
	return w.print.print(w.env, asList(w.shown), "")
}

// ofSystem returns an object of dbtether's namespace with nothing but its kind and name.
func ofSystem(apiVersion, kind, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	object.SetNamespace(v1alpha1.SystemNamespace)
	object.SetName(name)
	return object
}
