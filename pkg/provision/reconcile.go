package provision

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// Bulk says how many resources are reconciled.
type Bulk struct {
	// Quick takes a resource for unchanged when neither it nor what the server tells at
	// a glance has changed since the last run; otherwise everything is read.
	Quick bool
	// Recreate makes databases anew that somebody deleted.
	Recreate bool
	// PlanHash is the hash of the plan that was reviewed, where there is one resource.
	PlanHash string
	// Planned is told of each plan before it is carried out, by several callers at a
	// time; it may be nil.
	Planned func(*Job)
	// Done is told of each result, in the order of the resources, by one caller at a
	// time. Progress, if it is set, of how many there are and how many are done.
	Done     func(Result)
	Progress func(done, total int)
}

// Reconcile brings every Database and DatabaseUser of a namespace ("" means all)
// into the state its resource asks for, and finishes deletions: users that are
// being deleted first, then databases, then what is to be provisioned, several at a
// time. The status of the clusters concerned is refreshed before. One resource's
// failure does not stop the others. The error is set when the resources could not be
// listed, or ctx ended before all were done.
func (p *Provisioner) Reconcile(ctx context.Context, namespace string, bulk Bulk) error {
	databases, err := p.list(ctx, v1alpha1.Databases, namespace)
	if err != nil {
		return err
	}
	users, err := p.list(ctx, v1alpha1.DatabaseUsers, namespace)
	if err != nil {
		return err
	}
	return p.reconcile(ctx, databases, users, bulk)
}

// ReconcileObjects does for the given Databases and DatabaseUsers what Reconcile does
// for all.
func (p *Provisioner) ReconcileObjects(ctx context.Context, objects []unstructured.Unstructured, bulk Bulk) error {
	var databases, users []unstructured.Unstructured
	for _, object := range objects {
		switch object.GetKind() {
		case v1alpha1.KindDatabase:
			databases = append(databases, object)
		case v1alpha1.KindDatabaseUser:
			users = append(users, object)
		}
	}
	return p.reconcile(ctx, databases, users, bulk)
}

func (p *Provisioner) reconcile(ctx context.Context, databases, users []unstructured.Unstructured, bulk Bulk) error {
	r := &reconciler{Provisioner: p, bulk: bulk, unreachable: map[string]error{}, total: len(databases) + len(users)}
	r.clusters(ctx, databases)
	if bulk.Quick {
		if err := r.glance(ctx, databases, users); err != nil {
			return err
		}
	}
	steps := []struct {
		objects  []unstructured.Unstructured
		deleting bool
		one      func(context.Context, *unstructured.Unstructured) Result
	}{
		{users, true, r.user}, {databases, true, r.database}, {databases, false, r.database}, {users, false, r.user},
	}
	for _, step := range steps {
		var objects []*unstructured.Unstructured
		for i := range step.objects {
			if (step.objects[i].GetDeletionTimestamp() != nil) == step.deleting {
				objects = append(objects, &step.objects[i])
			}
		}
		r.each(ctx, objects, step.one)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// reconciler is one run of Reconcile.
type reconciler struct {
	*Provisioner
	bulk Bulk
	// unreachable holds the clusters that did not answer, so that each of their
	// databases need not find out anew.
	unreachable map[string]error
	// unchanged holds what a glance found to be as it should, by kind and key.
	unchanged map[string]bool
	// siblings are the Databases by namespace, read once.
	siblings siblings

	total, done int
}

// each runs one for every object, several at a time, and tells the results in the
// order of the objects. What was interrupted has come to nothing that could be told.
func (r *reconciler) each(ctx context.Context, objects []*unstructured.Unstructured, one func(context.Context, *unstructured.Unstructured) Result) {
	inOrder(ctx, len(objects), func(i int) Result { return one(ctx, objects[i]) }, func(result Result) {
		if ctx.Err() == nil || !errors.Is(result.Err, context.Canceled) {
			r.tell(result)
		}
	})
}

// tell hands on one result, and how far the run is.
func (r *reconciler) tell(result Result) {
	if result.Kind != v1alpha1.KindDBCluster {
		r.done++
	}
	r.bulk.Done(result)
	if r.bulk.Progress != nil {
		r.bulk.Progress(r.done, r.total)
	}
}

// clusters checks each cluster that a Database refers to, and tells of those that
// do not answer. Who may not write a cluster's status does without.
func (r *reconciler) clusters(ctx context.Context, databases []unstructured.Unstructured) {
	seen := map[string]bool{}
	for i := range databases {
		name, _, _ := unstructured.NestedString(databases[i].Object, "spec", "clusterRef", "name")
		if seen[name] || ctx.Err() != nil {
			continue
		}
		seen[name] = true
		cluster, err := r.Cluster(ctx, name)
		if err == nil {
			_, err = r.CheckCluster(ctx, cluster, true)
		}
		var unreachable *postgres.ConnectError
		if errors.As(err, &unreachable) {
			r.unreachable[name] = err
			r.tell(Result{Kind: v1alpha1.KindDBCluster, Name: name}.of(err))
		}
	}
}
