package provision

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// deletable is a Database or a DatabaseUser.
type deletable interface {
	metav1.Object
	runtime.Object
}

// lock takes the locks, and checks anew: another run may have finished, or somebody
// changed the resource or the cluster, while this one waited.
func (d *Deletion) lock(ctx context.Context, cluster *v1alpha1.DBCluster, locks []string) error {
	err := d.server.Lock(ctx, locks, func(name string) { d.p.progress("waiting for another run that holds %s", name) })
	if err != nil {
		return err
	}
	if err := d.check(ctx); err != nil {
		return err
	}
	now, err := d.p.Cluster(ctx, cluster.Name)
	if err == nil && !isSame(now, cluster) {
		err = failed("run the command again", "cluster %q was %w", cluster.Name, errMoved)
	}
	return err
}

// reread reads the resource again, in place. One that is no longer what the deletion was
// opened for is an error, a *GoneError if it is another one or none.
func (d *Deletion) reread(ctx context.Context) error {
	name, was := d.object.GetName(), d.object.GetDeletionTimestamp() != nil
	now, err := d.client().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && !isMissingKind(err), err == nil && now.GetUID() != d.object.GetUID():
		return &GoneError{Kind: d.kind, Namespace: d.object.GetNamespace(), Name: name, Gone: true, Replaced: err == nil}
	case err != nil:
		return fmt.Errorf("get %s %q: %w", d.resource.Resource, name, err)
	case !isSame(now, d.object), (now.GetDeletionTimestamp() != nil) != was:
		return d.moved()
	}
	return typed(now, d.object)
}

// moved refuses what somebody has changed since it was read.
func (d *Deletion) moved() error {
	return failed("run the command again", "%s %q was %w", d.kind, d.object.GetName(), errMoved)
}

func (d *Deletion) client() dynamic.ResourceInterface {
	return d.p.Kube.Resource(d.resource).Namespace(d.object.GetNamespace())
}
