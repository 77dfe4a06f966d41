package provision

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// Action is what reconciling did to a resource.
type Action string

// The actions.
const (
	ActionUnchanged   Action = "unchanged"
	ActionProvisioned Action = "provisioned"
	ActionDeleted     Action = "deleted"
	ActionFailed      Action = "failed"
)

// Result is what reconciling one resource came to.
type Result struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Action    Action `json:"action"`
	// Statements is how many SQL statements ran.
	Statements int `json:"statements"`
	// Error is what failed, and Hint what to do about it.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// ReconcileObject does for one Database or DatabaseUser what Reconcile does for all.
func (p *Provisioner) ReconcileObject(ctx context.Context, object *unstructured.Unstructured) Result {
	r := &reconciler{Provisioner: p, unreachable: map[string]error{}}
	if object.GetKind() == v1alpha1.KindDatabaseUser {
		return r.user(ctx, object)
	}
	return r.database(ctx, object)
}

// Reconcile brings every Database and DatabaseUser of a namespace ("" means all)
// into the state its resource asks for, and finishes deletions: users that are
// being deleted first, then databases, then what is to be provisioned. The status
// of the clusters concerned is refreshed before. One resource's failure does not
// stop the others; done is told of each. The error is set when the resources could
// not be listed.
func (p *Provisioner) Reconcile(ctx context.Context, namespace string, done func(Result)) error {
	databases, err := p.Kube.Resource(v1alpha1.Databases).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	users, err := p.Kube.Resource(v1alpha1.DatabaseUsers).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list databaseusers: %w", err)
	}
	r := &reconciler{Provisioner: p, unreachable: map[string]error{}}
	r.clusters(ctx, databases, done)
	steps := []struct {
		list     *unstructured.UnstructuredList
		deleting bool
		one      func(context.Context, *unstructured.Unstructured) Result
	}{
		{users, true, r.user}, {databases, true, r.database}, {databases, false, r.database}, {users, false, r.user},
	}
	for _, step := range steps {
		for i := range step.list.Items {
			object := &step.list.Items[i]
			if (object.GetDeletionTimestamp() != nil) != step.deleting {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			done(step.one(ctx, object))
		}
	}
	return nil
}

// reconciler is one run of Reconcile.
type reconciler struct {
	*Provisioner
	// unreachable holds the clusters that did not answer, so that each of their
	// databases need not find out anew.
	unreachable map[string]error
}

// clusters checks each cluster that a Database refers to, and tells of those that
// do not answer. Who may not write a cluster's status does without.
func (r *reconciler) clusters(ctx context.Context, databases *unstructured.UnstructuredList, done func(Result)) {
	seen := map[string]bool{}
	for i := range databases.Items {
		name, _, _ := unstructured.NestedString(databases.Items[i].Object, "spec", "clusterRef", "name")
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
			done(Result{Kind: v1alpha1.KindDBCluster, Name: name}.of(err))
		}
	}
}

func (r *reconciler) database(ctx context.Context, object *unstructured.Unstructured) Result {
	db := &v1alpha1.Database{}
	result := Result{Kind: v1alpha1.KindDatabase, Namespace: object.GetNamespace(), Name: object.GetName()}
	if err := typed(object, db); err != nil {
		return result.of(err)
	}
	if db.DeletionTimestamp != nil {
		d, err := r.OpenDatabaseDeletion(ctx, db, false)
		return r.finishDeletion(ctx, result, d, err)
	}
	return r.provision(ctx, Request{Database: db}, result)
}

func (r *reconciler) user(ctx context.Context, object *unstructured.Unstructured) Result {
	user := &v1alpha1.DatabaseUser{}
	result := Result{Kind: v1alpha1.KindDatabaseUser, Namespace: object.GetNamespace(), Name: object.GetName()}
	if err := typed(object, user); err != nil {
		return result.of(err)
	}
	if user.DeletionTimestamp != nil {
		d, err := r.OpenUserDeletion(ctx, user, false)
		return r.finishDeletion(ctx, result, d, err)
	}
	db, err := r.Database(ctx, user.Namespace, user.Spec.DatabaseRef.Name)
	switch {
	case apierrors.IsNotFound(err):
		err = failed("create it, or delete the DatabaseUser", "database %q does not exist in namespace %q", user.Spec.DatabaseRef.Name, user.Namespace)
	case err == nil && db.DeletionTimestamp != nil:
		err = failed("delete the DatabaseUser too", "database %q is being deleted", db.Name)
	}
	if err != nil {
		_ = r.userStatus(ctx, user, user.Status.ClusterName, user.Status.DatabaseName, 0, outcome{err: err})
		return result.of(err)
	}
	return r.provision(ctx, Request{Database: db, Users: []*v1alpha1.DatabaseUser{user}}, result)
}

// provision opens a job for existing resources and applies it. A job that cannot be
// opened is told in the status of the resource that result names.
func (r *reconciler) provision(ctx context.Context, request Request, result Result) Result {
	if err := r.unreachable[request.Database.Spec.ClusterRef.Name]; err != nil {
		r.tell(ctx, request, err)
		return result.of(err)
	}
	job, err := r.Open(ctx, request, false)
	if err != nil {
		r.tell(ctx, request, err)
		return result.of(err)
	}
	defer job.Close()
	result.Action = ActionProvisioned
	if job.Empty() {
		result.Action = ActionUnchanged
	}
	result.Statements = len(job.Plan.Steps)
	if err := job.Apply(ctx); err != nil {
		return result.of(err)
	}
	return result
}

// tell writes a failure to the status of the users of a request, or of its database
// if it has none.
func (r *reconciler) tell(ctx context.Context, request Request, err error) {
	o := outcome{err: err}
	for _, user := range request.Users {
		_ = r.userStatus(ctx, user, request.Database.Spec.ClusterRef.Name, request.Database.PostgresName(), 0, o)
	}
	if len(request.Users) == 0 {
		_ = r.databaseStatus(ctx, request.Database, o)
	}
}

func (r *reconciler) finishDeletion(ctx context.Context, result Result, d *Deletion, err error) Result {
	if err != nil {
		if d != nil {
			_ = d.status(ctx, outcome{err: err, deleting: true})
		}
		return result.of(err)
	}
	defer d.Close()
	result.Action, result.Statements = ActionDeleted, len(d.Plan.Steps)
	if err := d.Apply(ctx); err != nil {
		return result.of(err)
	}
	return result
}

func (r Result) of(err error) Result {
	r.Action, r.Error = ActionFailed, err.Error()
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		r.Hint = hinted.Hint()
	}
	var refused *postgres.RefusedError
	if errors.As(err, &refused) {
		r.Statements = 0
	}
	return r
}
