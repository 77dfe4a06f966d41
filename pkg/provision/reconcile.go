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

// Reconcile brings every Database and DatabaseUser of a namespace ("" means all)
// into the state its resource asks for, and finishes deletions: users that are
// being deleted first, then databases, then what is to be provisioned. One
// resource's failure does not stop the others; it is told of each as it is done.
// The error is set when the resources could not be listed.
func (p *Provisioner) Reconcile(ctx context.Context, namespace string, done func(Result)) error {
	databases, err := p.Kube.Resource(v1alpha1.Databases).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	users, err := p.Kube.Resource(v1alpha1.DatabaseUsers).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list databaseusers: %w", err)
	}
	steps := []struct {
		list     *unstructured.UnstructuredList
		deleting bool
		one      func(context.Context, *unstructured.Unstructured) Result
	}{
		{users, true, p.reconcileUser}, {databases, true, p.reconcileDatabase},
		{databases, false, p.reconcileDatabase}, {users, false, p.reconcileUser},
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

func (p *Provisioner) reconcileDatabase(ctx context.Context, object *unstructured.Unstructured) Result {
	db := &v1alpha1.Database{}
	result := Result{Kind: v1alpha1.KindDatabase, Namespace: object.GetNamespace(), Name: object.GetName()}
	if err := typed(object, db); err != nil {
		return result.of(err)
	}
	if db.DeletionTimestamp != nil {
		d, err := p.OpenDatabaseDeletion(ctx, db, false)
		return p.finishDeletion(ctx, result, d, err)
	}
	return p.ReconcileOne(ctx, Request{Database: db}, result)
}

func (p *Provisioner) reconcileUser(ctx context.Context, object *unstructured.Unstructured) Result {
	user := &v1alpha1.DatabaseUser{}
	result := Result{Kind: v1alpha1.KindDatabaseUser, Namespace: object.GetNamespace(), Name: object.GetName()}
	if err := typed(object, user); err != nil {
		return result.of(err)
	}
	if user.DeletionTimestamp != nil {
		d, err := p.OpenUserDeletion(ctx, user, false)
		return p.finishDeletion(ctx, result, d, err)
	}
	db, err := p.Database(ctx, user.Namespace, user.Spec.DatabaseRef.Name)
	switch {
	case apierrors.IsNotFound(err):
		err = failed("create it, or delete the DatabaseUser", "database %q does not exist in namespace %q", user.Spec.DatabaseRef.Name, user.Namespace)
	case err == nil && db.DeletionTimestamp != nil:
		err = failed("delete the DatabaseUser too", "database %q is being deleted", db.Name)
	}
	if err != nil {
		_ = p.userStatus(ctx, user, user.Status.ClusterName, user.Status.DatabaseName, 0, outcome{err: err})
		return result.of(err)
	}
	return p.ReconcileOne(ctx, Request{Database: db, Users: []*v1alpha1.DatabaseUser{user}}, result)
}

// ReconcileOne opens a job for existing resources and applies it. A job that cannot
// be opened is told in the status of the resource that result names.
func (p *Provisioner) ReconcileOne(ctx context.Context, request Request, result Result) Result {
	job, err := p.Open(ctx, request, false)
	if err != nil {
		p.tell(ctx, request, err)
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
func (p *Provisioner) tell(ctx context.Context, request Request, err error) {
	o := outcome{err: err}
	for _, user := range request.Users {
		_ = p.userStatus(ctx, user, request.Database.Spec.ClusterRef.Name, request.Database.PostgresName(), 0, o)
	}
	if len(request.Users) == 0 {
		_ = p.databaseStatus(ctx, request.Database, o)
	}
}

func (p *Provisioner) finishDeletion(ctx context.Context, result Result, d *Deletion, err error) Result {
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
