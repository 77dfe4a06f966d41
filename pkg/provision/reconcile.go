package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

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
	// Those of managed Secrets.
	ActionRotated Action = "rotated"
	ActionExpired Action = "expired"
	ActionPruned  Action = "pruned"
)

// Result is what reconciling one resource came to.
type Result struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Action    Action `json:"action"`
	// Statements is how many SQL statements ran.
	Statements int `json:"statements"`
	// Warnings are what could not be done, or waits for something.
	Warnings []string `json:"warnings,omitempty"`
	// Restarted are the workloads that were, because they have an older credential in
	// their environment and ask for it.
	Restarted []string `json:"restarted,omitempty"`
	// Revision is that of a managed Secret, and Keys are those that got new values.
	Revision int64    `json:"revision,omitempty"`
	Keys     []string `json:"keys,omitempty"`
	// Error is what failed, and Hint what to do about it.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`

	// Err is the error that Error is the text of.
	Err error `json:"-"`
	// UID is that of a managed Secret, ExpiredAt since when it is not to be used, Author
	// and Reason are those of the revision with the new values.
	UID            types.UID `json:"-"`
	ExpiredAt      time.Time `json:"-"`
	Author, Reason string    `json:"-"`
}

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

func (r *reconciler) database(ctx context.Context, object *unstructured.Unstructured) Result {
	db := &v1alpha1.Database{}
	result := Result{Kind: v1alpha1.KindDatabase, Namespace: object.GetNamespace(), Name: object.GetName()}
	if err := typed(object, db); err != nil {
		return result.of(err)
	}
	if db.DeletionTimestamp != nil {
		d, err := r.OpenDatabaseDeletion(ctx, db, DeletionOptions{})
		return r.finishDeletion(ctx, result, d, err)
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

func (r *reconciler) user(ctx context.Context, object *unstructured.Unstructured) Result {
	user := &v1alpha1.DatabaseUser{}
	result := Result{Kind: v1alpha1.KindDatabaseUser, Namespace: object.GetNamespace(), Name: object.GetName()}
	if err := typed(object, user); err != nil {
		return result.of(err)
	}
	if user.DeletionTimestamp != nil {
		d, err := r.OpenUserDeletion(ctx, user, DeletionOptions{})
		return r.finishDeletion(ctx, result, d, err)
	}
	if r.isUnchanged(result) {
		result.Action = ActionUnchanged
		return result
	}
	return r.provision(ctx, Request{Users: []*v1alpha1.DatabaseUser{user}, PlanHash: r.bulk.PlanHash, fingerprints: r.bulk.Quick, inNamespace: r.inNamespace}, result)
}

func (r Result) of(err error) Result {
	r.Action, r.Err, r.Error = ActionFailed, err, err.Error()
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

// list reads all objects of a resource in a namespace, in chunks.
func (p *Provisioner) list(ctx context.Context, resource resourceKind, namespace string) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	options := metav1.ListOptions{Limit: 500}
	for {
		chunk, err := p.Kube.Resource(resource).Namespace(namespace).List(ctx, options)
		switch {
		case apierrors.IsResourceExpired(err) && options.Continue != "": // it took too long: once more, in one piece
			all, options = nil, metav1.ListOptions{}
			continue
		case err != nil:
			return nil, fmt.Errorf("list %s: %w", resource.Resource, err)
		}
		all = append(all, chunk.Items...)
		if options.Continue = chunk.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}
