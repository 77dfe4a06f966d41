package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// Deletion is the end of a resource, planned: nothing has been written. Close must
// be called.
type Deletion struct {
	// Plan is what Apply will run on the server; empty under policy Retain.
	Plan postgres.Plan
	// Retains is whether what the resource describes stays behind.
	Retains bool
	// Cluster is the name of the DBCluster concerned.
	Cluster string

	p        *Provisioner
	server   *postgres.Server // nil when PostgreSQL need not be touched
	resource schema.GroupVersionResource
	object   metav1.Object
	policy   v1alpha1.DeletionPolicy
	secret   *revision.Target
	status   func(context.Context, outcome) error
}

// OpenUserDeletion plans the deletion of a DatabaseUser. It works when its
// Database is gone already.
func (p *Provisioner) OpenUserDeletion(ctx context.Context, user *v1alpha1.DatabaseUser, readOnly bool) (*Deletion, error) {
	d := &Deletion{p: p, resource: v1alpha1.DatabaseUsers, object: user, policy: user.Spec.DeletionPolicy, Cluster: user.Status.ClusterName,
		Retains: user.Spec.DeletionPolicy == v1alpha1.DeletionRetain}
	d.status = func(ctx context.Context, o outcome) error {
		return p.userStatus(ctx, user, user.Status.ClusterName, user.Status.DatabaseName, 0, o)
	}
	if d.Retains {
		return d, nil
	}
	d.secret = &revision.Target{Namespace: user.Namespace, Name: user.SecretName(), OwnerUID: user.UID}
	if d.Cluster == "" { // its first run may have been killed before the status was written
		db, err := p.Database(ctx, user.Namespace, user.Spec.DatabaseRef.Name)
		if apierrors.IsNotFound(err) {
			return d, nil
		}
		if err != nil {
			return nil, err
		}
		d.Cluster = db.Spec.ClusterRef.Name
	}
	login := user.PostgresName()
	drop := postgres.Drop{Name: login, Marker: userMarker(user)}
	scope := postgres.Scope{Logins: []string{login}}
	return d, d.open(ctx, postgres.LockRole(login), scope, postgres.Desired{DropLogins: []postgres.Drop{drop}}, readOnly)
}

// OpenDatabaseDeletion plans the deletion of a Database. DatabaseUsers that refer to
// it block it.
func (p *Provisioner) OpenDatabaseDeletion(ctx context.Context, db *v1alpha1.Database, readOnly bool) (*Deletion, error) {
	users, err := p.UsersOf(ctx, db)
	if err != nil {
		return nil, err
	}
	d := &Deletion{p: p, resource: v1alpha1.Databases, object: db, policy: db.Spec.DeletionPolicy, Cluster: db.Spec.ClusterRef.Name,
		Retains: db.Spec.DeletionPolicy != v1alpha1.DeletionDelete}
	d.status = func(ctx context.Context, o outcome) error { return p.databaseStatus(ctx, db, o) }
	if db.Spec.DeletionProtection && db.DeletionTimestamp == nil {
		return d, failed(fmt.Sprintf(`end the protection first: kubectl patch database %s -n %s --type merge -p '{"spec":{"deletionProtection":false}}'`, db.Name, db.Namespace),
			"Database %q is protected against deletion", db.Name)
	}
	if len(users) > 0 {
		return d, blockedBy(db, users)
	}
	if d.Retains {
		return d, nil
	}
	name := db.PostgresName()
	drop := postgres.Drop{Name: name, Marker: databaseMarker(db)}
	return d, d.open(ctx, postgres.LockDatabase(name), postgres.Scope{}, postgres.Desired{DropDatabases: []postgres.Drop{drop}}, readOnly)
}

func blockedBy(db *v1alpha1.Database, users []*v1alpha1.DatabaseUser) error {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.Name
	}
	slices.Sort(names)
	return &postgres.RefusedError{Refusals: []postgres.Refusal{{Blocked: true,
		Problem: fmt.Sprintf("database %q is used by databaseuser(s) %s", db.Name, strings.Join(names, ", ")),
		Fix:     fmt.Sprintf("delete each of them first: kubectl dbtether user delete NAME -n %s", db.Namespace)}}}
}

// open connects, locks, observes and plans. On an error the connection is closed
// and d keeps only what Fail needs.
func (d *Deletion) open(ctx context.Context, lock string, scope postgres.Scope, desired postgres.Desired, readOnly bool) error {
	cluster, err := d.p.Cluster(ctx, d.Cluster)
	if err != nil {
		return err
	}
	if d.server, _, err = d.p.dial(ctx, cluster); err != nil {
		return err
	}
	if err := d.plan(ctx, lock, scope, desired, readOnly); err != nil {
		d.Close()
		d.server = nil
		return err
	}
	return nil
}

func (d *Deletion) plan(ctx context.Context, lock string, scope postgres.Scope, desired postgres.Desired, readOnly bool) error {
	if !readOnly {
		err := d.server.Lock(ctx, []string{lock}, func(name string) { d.p.progress("waiting for another run that holds %s", name) })
		if err != nil {
			return err
		}
	}
	state, err := d.server.Observe(ctx, scope)
	if err != nil {
		return err
	}
	d.Plan, err = postgres.MakePlan(state, desired)
	return err
}

// Close ends the deletion's connection and its locks.
func (d *Deletion) Close() {
	if d.server != nil {
		d.server.Close()
	}
}

// Apply deletes the resource, runs the plan, deletes the Secrets, and lets the
// resource go. Killed in between, the resource is still there, being deleted, and
// the next run completes it.
func (d *Deletion) Apply(ctx context.Context) error {
	err := d.run(ctx)
	if err != nil && !apierrors.IsNotFound(err) {
		_ = d.status(ctx, outcome{err: err, deleting: d.object.GetDeletionTimestamp() != nil})
	}
	return err
}

func (d *Deletion) run(ctx context.Context) error {
	if d.object.GetDeletionTimestamp() == nil {
		if err := d.deleteResource(ctx); err != nil {
			return err
		}
	}
	if d.server != nil {
		err := d.server.Apply(ctx, d.Plan, postgres.Values{}, func(s postgres.Step) { d.p.progress("%s %s", s.Verb, s.Object) })
		if err != nil {
			return err
		}
	}
	if d.secret != nil {
		d.p.progress("deleting secret %s/%s", d.secret.Namespace, d.secret.Name)
		if err := d.p.revisions().Delete(ctx, *d.secret); err != nil {
			return err
		}
	}
	return d.p.dropFinalizer(ctx, d.resource, d.object)
}

// deleteResource asks the API server to delete the object, with our finalizer on it
// if PostgreSQL has to be cleaned up after it.
func (d *Deletion) deleteResource(ctx context.Context) error {
	policy := d.policy
	if d.Retains {
		policy = v1alpha1.DeletionRetain
	}
	if err := d.p.syncFinalizer(ctx, d.resource, d.object, policy); err != nil {
		return err
	}
	client := d.p.Kube.Resource(d.resource).Namespace(d.object.GetNamespace())
	uid := d.object.GetUID()
	err := client.Delete(ctx, d.object.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil {
		return fmt.Errorf("delete %s %q: %w", d.resource.Resource, d.object.GetName(), err)
	}
	if d.Retains {
		return nil
	}
	fresh, err := client.Get(ctx, d.object.GetName(), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get %s %q: %w", d.resource.Resource, d.object.GetName(), err)
	}
	d.object.SetDeletionTimestamp(fresh.GetDeletionTimestamp())
	d.object.SetResourceVersion(fresh.GetResourceVersion())
	d.object.SetFinalizers(fresh.GetFinalizers())
	return nil
}
