package provision

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// ReconcileObject does for one Database or DatabaseUser, as the API server has it now,
// what Reconcile does for each of many. It fails at once where its cluster is among the
// unreachable ones, with the error that they are known by. The status of the cluster is
// left as it is.
func (p *Provisioner) ReconcileObject(ctx context.Context, object *unstructured.Unstructured, unreachable map[string]error) Result {
	r := &reconciler{Provisioner: p, unreachable: unreachable}
	if object.GetKind() == v1alpha1.KindDatabaseUser {
		return r.user(ctx, object)
	}
	return r.database(ctx, object)
}

// AwaitsDatabase reports whether a DatabaseUser refers to a Database that no run has
// looked at so far: that one's turn comes first. It reads the Databases.
func (p *Provisioner) AwaitsDatabase(ctx context.Context, user *v1alpha1.DatabaseUser) (bool, error) {
	for _, ref := range user.Access() {
		db, err := p.Database(ctx, ref.Namespace, ref.Name)
		switch {
		case apierrors.IsNotFound(err): // its own run says so
		case err != nil:
			return false, err
		case db.DeletionTimestamp == nil && db.Status.ObservedGeneration == 0:
			return true, nil
		}
	}
	return false, nil
}

// database does what is to be done about one Database: finish its deletion, or provision it.
func (r *reconciler) database(ctx context.Context, object *unstructured.Unstructured) Result {
	db := &v1alpha1.Database{}
	result := Result{Kind: v1alpha1.KindDatabase, Namespace: object.GetNamespace(), Name: object.GetName()}
	if err := typed(object, db); err != nil {
		return result.of(err)
	}
	if db.DeletionTimestamp != nil {
		return r.finishDeletion(ctx, result, db, func() (*Deletion, error) { return r.OpenDatabaseDeletion(ctx, db, DeletionOptions{}) })
	}
	if r.isUnchanged(result) {
		result.Action = ActionUnchanged
		return result
	}
	request := Request{Database: db, Recreate: r.bulk.Recreate, PlanHash: r.bulk.PlanHash, fingerprints: r.bulk.Quick, inNamespace: r.inNamespace}
	if owner, err := r.owner(ctx, db); err == nil && owner != nil {
		request.Users = []*v1alpha1.DatabaseUser{owner}
	}
	return r.provision(ctx, request, result)
}

// owner returns the DatabaseUser that spec.owner names, if it stands already: it has
// to join the database's owner group. Otherwise its own turn comes.
func (r *reconciler) owner(ctx context.Context, db *v1alpha1.Database) (*v1alpha1.DatabaseUser, error) {
	if db.Spec.Owner == "" {
		return nil, nil
	}
	owner, err := r.User(ctx, db.Namespace, db.Spec.Owner)
	if err != nil || owner.DeletionTimestamp != nil || owner.Status.Phase != v1alpha1.PhaseReady {
		return nil, err
	}
	return owner, nil
}

// user does what is to be done about one DatabaseUser.
func (r *reconciler) user(ctx context.Context, object *unstructured.Unstructured) Result {
	user := &v1alpha1.DatabaseUser{}
	result := Result{Kind: v1alpha1.KindDatabaseUser, Namespace: object.GetNamespace(), Name: object.GetName()}
	if err := typed(object, user); err != nil {
		return result.of(err)
	}
	if user.DeletionTimestamp != nil {
		return r.finishDeletion(ctx, result, user, func() (*Deletion, error) { return r.OpenUserDeletion(ctx, user, DeletionOptions{}) })
	}
	if r.isUnchanged(result) {
		result.Action = ActionUnchanged
		return result
	}
	return r.provision(ctx, Request{Users: []*v1alpha1.DatabaseUser{user}, PlanHash: r.bulk.PlanHash, fingerprints: r.bulk.Quick, inNamespace: r.inNamespace}, result)
}

// provision opens a job for existing resources and applies it. A job that cannot be
// opened is told in the status of the resource that result names.
func (r *reconciler) provision(ctx context.Context, request Request, result Result) Result {
	if err := r.unreachable[r.clusterOf(ctx, request)]; err != nil {
		r.refused(ctx, request, err)
		return result.of(err)
	}
	var last *Job
	err := r.Provision(ctx, request, func(job *Job) error {
		last = job
		if result.Action == "" {
			result.Action = ActionUnchanged
		}
		if !job.Empty() {
			result.Action = ActionProvisioned
		}
		result.Statements, result.Warnings = result.Statements+len(job.Plan.Steps), job.Plan.Warnings
		if r.bulk.Planned != nil {
			r.bulk.Planned(job)
		}
		return nil
	})
	var gone *GoneError
	switch {
	case errors.As(err, &gone):
		return r.gone(ctx, request, result, gone)
	case err != nil && (last == nil || !last.told):
		r.refused(ctx, request, err)
	}
	if last != nil {
		result = result.with(last.Restarts())
	}
	if err != nil {
		return result.of(err)
	}
	return result
}

// gone goes on where somebody has deleted a resource after it was listed.
func (r *reconciler) gone(ctx context.Context, request Request, result Result, gone *GoneError) Result {
	switch {
	case gone.Kind != result.Kind: // the owner: the database does without
		request.Users = nil
		return r.provision(ctx, request, result)
	case gone.Gone:
		result.Action = ActionDeleted
		return result
	}
	object, err := r.get(ctx, result)
	switch {
	case apierrors.IsNotFound(err):
		result.Action = ActionDeleted
		return result
	case err != nil:
		return result.of(err)
	case result.Kind == v1alpha1.KindDatabaseUser:
		return r.user(ctx, object)
	default:
		return r.database(ctx, object)
	}
}

// get reads the resource that a result is about.
func (r *reconciler) get(ctx context.Context, result Result) (*unstructured.Unstructured, error) {
	resource := v1alpha1.Databases
	if result.Kind == v1alpha1.KindDatabaseUser {
		resource = v1alpha1.DatabaseUsers
	}
	object, err := r.Kube.Resource(resource).Namespace(result.Namespace).Get(ctx, result.Name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get %s %q: %w", resource.Resource, result.Name, err)
	}
	return object, nil
}

// clusterOf returns the name of the cluster that a request is about; empty where it
// cannot be told without asking.
func (r *reconciler) clusterOf(ctx context.Context, request Request) string {
	if request.Database != nil {
		return request.Database.Spec.ClusterRef.Name
	}
	if len(r.unreachable) == 0 {
		return ""
	}
	user := request.Users[0]
	if user.Status.ClusterName != "" {
		return user.Status.ClusterName
	}
	for _, ref := range user.Access() {
		if db, err := r.Database(ctx, ref.Namespace, ref.Name); err == nil {
			return db.Spec.ClusterRef.Name
		}
	}
	return ""
}

// refused writes a failure to the status of the database of a request, or of its
// users if it has none. Who was interrupted has found nothing out.
func (r *reconciler) refused(ctx context.Context, request Request, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	o := outcome{err: err}
	if request.Database != nil {
		_ = r.failedDatabase(ctx, request.Database, o)
		return
	}
	for _, user := range request.Users {
		_ = r.failedUser(ctx, user, o)
	}
}

// finishDeletion opens a deletion and carries it out, or writes to the status why that could
// not be. Who was interrupted has found nothing out. It begins anew where somebody has changed
// something since it was read.
func (r *reconciler) finishDeletion(ctx context.Context, result Result, object deletable, open func() (*Deletion, error)) Result {
	d, err := open()
	for attempt := 1; errors.Is(err, errMoved) && attempt < attempts; attempt++ {
		now, getting := r.get(ctx, result)
		switch {
		case apierrors.IsNotFound(getting), getting == nil && now.GetUID() != object.GetUID():
			result.Action = ActionDeleted
			return result
		case getting == nil:
			getting = typed(now, object)
		}
		if getting != nil {
			return result.of(getting)
		}
		d, err = open()
	}
	var gone *GoneError
	switch {
	case errors.As(err, &gone):
		result.Action = ActionDeleted
		return result
	case err != nil:
		if d != nil && !errors.Is(ctx.Err(), context.Canceled) {
			_ = d.status(ctx, outcome{err: err, deleting: true})
		}
		return result.of(err)
	}
	defer d.Close()
	result.Action, result.Statements, result.Warnings = ActionDeleted, len(d.Plan.Steps), d.Plan.Warnings
	if err := d.Apply(ctx); err != nil {
		return result.of(err)
	}
	return result
}
