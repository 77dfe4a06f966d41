package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// worker works on one resource after the other until taking ends. What it has begun
// goes on until work ends.
func (r *runner) worker(taking, work context.Context) {
	for {
		k, over := r.queue.Get()
		if over {
			return
		}
		if taking.Err() == nil {
			r.busy.Add(1)
			r.one(work, k)
			r.busy.Add(-1)
		}
		r.queue.Done(k)
	}
}

// one works on one resource. A panic is a failure of this resource only.
func (r *runner) one(ctx context.Context, k key) {
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	ctx, traced := r.trace(ctx, k)
	defer traced.End()
	r.Log.Debug("working", "kind", k.kind, "namespace", k.namespace, "name", k.name, "tries", r.queue.NumRequeues(k))
	started := r.Provisioner.Now()
	defer func() {
		if cause := recover(); cause != nil {
			r.Log.Error("panic", "kind", k.kind, "namespace", k.namespace, "name", k.name, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			r.finish(ctx, k, failure(k, fmt.Errorf("panic: %v", cause)), nil, started)
		}
	}()
	switch k.kind {
	case v1alpha1.KindDBCluster:
		r.cluster(ctx, k, started)
	case provision.KindSecret:
		r.secret(ctx, k, started)
	default:
		r.resource(ctx, k, started)
	}
}

// failure returns the result of work that failed before package provision had one.
func failure(k key, err error) provision.Result {
	result := provision.Result{Kind: k.kind, Namespace: k.namespace, Name: k.name, Action: provision.ActionFailed, Err: err, Error: err.Error()}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		result.Hint = hinted.Hint()
	}
	return result
}

// resource works on a Database or a DatabaseUser as the API server has it now.
func (r *runner) resource(ctx context.Context, k key, started time.Time) {
	resource := v1alpha1.Databases
	if k.kind == v1alpha1.KindDatabaseUser {
		resource = v1alpha1.DatabaseUsers
	}
	object, err := r.Provisioner.Kube.Resource(resource).Namespace(k.namespace).Get(ctx, k.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		r.forget(k)
		r.events.forget(k)
		return
	}
	var all []key
	var waits bool
	if err != nil {
		err = fmt.Errorf("get %s %q: %w", resource.Resource, k.name, err)
	} else {
		all, waits, err = r.prepare(ctx, object)
	}
	switch {
	case err != nil:
		r.finish(ctx, k, failure(k, err), nil, started)
		return
	case waits: // a run of its Database asks for it; it comes again by itself, too
		r.queue.AddRateLimited(k)
		return
	case !r.claims.take(k, all):
		return
	}
	defer func() {
		for _, waited := range r.claims.release(all) {
			r.queue.Add(waited)
		}
	}()
	r.finish(ctx, k, r.Provisioner.ReconcileObject(ctx, object, r.down.all()), object, started)
}

// retry asks for another try of what has failed, later.
func (r *runner) retry(k key) {
	r.failing.add(k)
	r.queue.AddRateLimited(k)
}

// forget notes that nothing is wrong with a resource, or that it is gone: the next failure
// waits as the first one does.
func (r *runner) forget(k key) {
	r.failing.remove(k)
	r.queue.Forget(k)
}

// prepare returns what a run is about, for claims, and whether it has to wait for the run of a
// Database.
func (r *runner) prepare(ctx context.Context, object *unstructured.Unstructured) (all []key, waits bool, err error) {
	if object.GetKind() == v1alpha1.KindDatabase {
		db := &v1alpha1.Database{}
		if err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, db); err != nil {
			err = fmt.Errorf("read Database %q: %w", object.GetName(), err)
		}
		return claimsOfDatabase(db), false, err
	}
	user := &v1alpha1.DatabaseUser{}
	if err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, user); err != nil {
		return nil, false, fmt.Errorf("read DatabaseUser %q: %w", object.GetName(), err)
	}
	if user.DeletionTimestamp == nil && user.Status.ObservedGeneration != user.Generation {
		waits, err = r.Provisioner.AwaitsDatabase(ctx, user)
	}
	return claimsOfUser(user), waits, err
}

// finish tells a result, and decides when the resource's next turn comes. A failure of work
// that was interrupted says nothing, and is not told.
func (r *runner) finish(ctx context.Context, k key, result provision.Result, object *unstructured.Unstructured, started time.Time) {
	if errors.Is(ctx.Err(), context.Canceled) && result.Err != nil {
		return
	}
	r.tell(ctx, k, result, object, r.Provisioner.Now().Sub(started))
	tellSpan(ctx, result)
	if result.Err != nil {
		if provision.WhyOf(result.Err) == provision.WhyUnreachable {
			r.suspect(k)
		}
		r.retry(k)
		return
	}
	r.forget(k)
	if result.Action == provision.ActionDeleted {
		r.events.forget(k)
		return
	}
	r.queue.AddAfter(k, jitter(r.Resync))
	if known, found, _ := r.watch.users.GetStore().GetByKey(k.stored()); found && k.kind == v1alpha1.KindDatabaseUser {
		r.watch.schedule(known.(*v1alpha1.DatabaseUser))
	}
}

// suspect asks for a check of the cluster of a Database or DatabaseUser, whose server did not
// answer.
func (r *runner) suspect(k key) {
	store, name := r.watch.databases.GetStore(), ""
	if k.kind == v1alpha1.KindDatabaseUser {
		store = r.watch.users.GetStore()
	}
	object, _, _ := store.GetByKey(k.stored())
	switch one := object.(type) {
	case *v1alpha1.Database:
		name = one.Spec.ClusterRef.Name
	case *v1alpha1.DatabaseUser:
		name = one.Status.ClusterName
	}
	if name != "" && r.down.of(name) == nil {
		r.queue.Add(key{kind: v1alpha1.KindDBCluster, name: name})
	}
}

// cluster checks a server. Work on what stands on a server that does not answer fails without
// another connection to it, until it answers a check.
func (r *runner) cluster(ctx context.Context, k key, started time.Time) {
	result := provision.Result{Kind: k.kind, Name: k.name, Action: provision.ActionUnchanged}
	cluster, err := r.Provisioner.Cluster(ctx, k.name)
	if err == nil {
		_, err = r.Provisioner.CheckCluster(ctx, cluster, true)
	} else if _, there, _ := r.watch.clusters.GetStore().GetByKey(k.name); !there {
		r.forget(k)
		r.down.set(k.name, nil)
		return
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	unreachable := provision.WhyOf(err) == provision.WhyUnreachable
	if err != nil {
		result = failure(k, err)
	}
	switch {
	case unreachable:
		r.down.set(k.name, err)
	case r.down.of(k.name) != nil:
		r.down.set(k.name, nil)
		r.watch.onCluster(k.name)
	}
	r.finish(ctx, k, result, nil, started)
}

// tell passes a result on.
func (r *runner) tell(ctx context.Context, k key, result provision.Result, object *unstructured.Unstructured, took time.Duration) {
	r.metrics.add(result, took, r.Provisioner.Now())
	r.pass(result, took, r.events.tell(ctx, k, result, object))
}

// pass passes a result on. err is why its Event could not be written; nil: it was.
func (r *runner) pass(result provision.Result, took time.Duration, err error) {
	if err != nil {
		r.Log.Warn("write event", "error", err.Error())
	}
	r.telling.Lock()
	defer r.telling.Unlock()
	r.Done(result, took)
}
