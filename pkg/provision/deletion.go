package provision

import (
	"context"
	"errors"
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
	kind     string
	object   deletable
	policy   v1alpha1.DeletionPolicy
	secrets  []revision.Target
	status   func(context.Context, outcome) error
	// check finds out whether the resource is still as the deletion takes it to be, which
	// one that only plans need not know, and what blocks it.
	check func(context.Context) error
}

// DeletionOptions say how a deletion goes about what blocks it.
type DeletionOptions struct {
	// ReadOnly only plans: no locks are taken.
	ReadOnly bool
	// Force ends the sessions that use a database, and gives what a login owns outside
	// of its databases to the administrator.
	Force bool
}

// OpenUserDeletion plans the deletion of a DatabaseUser. It works when its
// Databases or its Secrets are gone already. A user that has changed since it was read is
// refused.
func (p *Provisioner) OpenUserDeletion(ctx context.Context, user *v1alpha1.DatabaseUser, options DeletionOptions) (*Deletion, error) {
	d := &Deletion{p: p, resource: v1alpha1.DatabaseUsers, kind: v1alpha1.KindDatabaseUser, object: user, policy: user.Spec.DeletionPolicy,
		Cluster: user.Status.ClusterName, Retains: user.Spec.DeletionPolicy == v1alpha1.DeletionRetain}
	d.status = func(ctx context.Context, o outcome) error { return p.failedUser(ctx, user, o) }
	d.check = func(ctx context.Context) error { return d.checkUser(ctx, user, options) }
	if d.Retains {
		return d, d.check(ctx)
	}
	d.secrets = secretsOf(user)
	if d.Cluster == "" { // its first run may have been killed before the status was written
		for _, ref := range user.Access() {
			db, err := p.Database(ctx, ref.Namespace, ref.Name)
			if err == nil {
				d.Cluster = db.Spec.ClusterRef.Name
				break
			}
			if !apierrors.IsNotFound(err) {
				return nil, noAccess(err, fmt.Sprintf("database %q in namespace %q", ref.Name, ref.Namespace))
			}
		}
	}
	if d.Cluster == "" {
		return d, d.check(ctx)
	}
	cluster, err := p.Cluster(ctx, d.Cluster)
	if err != nil {
		return d, err
	}
	if d.server, _, err = p.dial(ctx, cluster); err != nil {
		return d, err
	}
	return d, d.planned(d.planLogins(ctx, user, cluster, options))
}

// checkUser refuses a user that has changed, also one that a run has meanwhile given a
// login on another cluster or in databases that are not locked.
func (d *Deletion) checkUser(ctx context.Context, user *v1alpha1.DatabaseUser, options DeletionOptions) error {
	if options.ReadOnly {
		return nil
	}
	locked := databaseLocks(user)
	if err := d.reread(ctx); err != nil || d.Retains {
		return err
	}
	if on := user.Status.ClusterName; on != "" && on != d.Cluster || !containsAll(locked, databaseLocks(user)) {
		return d.moved()
	}
	d.secrets = secretsOf(user)
	return nil
}

// planLogins plans the end of a user's logins: the two that it has by name, and whatever
// else on the server bears its mark.
func (d *Deletion) planLogins(ctx context.Context, user *v1alpha1.DatabaseUser, cluster *v1alpha1.DBCluster, options DeletionOptions) error {
	marker, base := userMarker(user), user.PostgresName(cluster)
	scope := postgres.Scope{Named: true, Logins: []string{base, base + v1alpha1.AlternateSuffix}, Markers: []string{marker.UID}}
	state, err := d.server.Observe(ctx, scope)
	if err != nil {
		return err
	}
	for name, role := range state.Roles {
		if role.BelongsTo(marker) && !slices.Contains(scope.Logins, name) {
			scope.Logins = append(scope.Logins, name)
		}
	}
	slices.Sort(scope.Logins)
	var desired postgres.Desired
	locks := databaseLocks(user)
	for _, login := range scope.Logins {
		desired.DropLogins = append(desired.DropLogins, postgres.Drop{Name: login, Marker: marker, Force: options.Force})
		locks = append(locks, postgres.LockRole(login))
	}
	return d.plan(ctx, cluster, locks, scope, desired, options.ReadOnly)
}

// secretsOf lists the Secrets that a user has or had.
func secretsOf(user *v1alpha1.DatabaseUser) []revision.Target {
	u := &userJob{user: user}
	for _, ref := range user.Access() {
		u.access = append(u.access, access{DatabaseAccess: ref})
	}
	var targets []revision.Target
	if len(u.access) > 0 {
		u.setTargets()
	}
	for _, s := range u.secrets {
		targets = append(targets, s.target)
	}
	for _, name := range u.formerSecrets() {
		targets = append(targets, u.target(name))
	}
	return targets
}

// Secrets lists the Secrets that Apply will delete: those of the resource that exist.
func (d *Deletion) Secrets(ctx context.Context) (SecretChanges, error) {
	var changes SecretChanges
	for _, target := range d.secrets {
		history, err := d.p.revisions().Read(ctx, target.Namespace, target.Name)
		if err != nil {
			return changes, err
		}
		_, had := history.Newest(target.OwnerUID)
		if had || history.Live != nil && history.Live.Managed && history.Live.OwnerUID == target.OwnerUID {
			changes.Deleted = append(changes.Deleted, target.Namespace+"/"+target.Name)
		}
	}
	return changes, nil
}

// OpenDatabaseDeletion plans the deletion of a Database. DatabaseUsers that refer to
// it block it, and so do sessions unless they are forced to end. A Database that has
// changed since it was read is refused.
func (p *Provisioner) OpenDatabaseDeletion(ctx context.Context, db *v1alpha1.Database, options DeletionOptions) (*Deletion, error) {
	d := &Deletion{p: p, resource: v1alpha1.Databases, kind: v1alpha1.KindDatabase, object: db, policy: db.Spec.DeletionPolicy,
		Cluster: db.Spec.ClusterRef.Name, Retains: db.Spec.DeletionPolicy != v1alpha1.DeletionDelete}
	d.status = func(ctx context.Context, o outcome) error { return p.failedDatabase(ctx, db, o) }
	d.check = func(ctx context.Context) error { return d.checkDatabase(ctx, db, options) }
	if err := d.check(ctx); err != nil {
		return d, err
	}
	if d.Retains && db.Status.ProvisionedTime != nil {
		return d, nil
	}
	err := p.openDatabaseDrop(ctx, d, db, options)
	if err != nil && d.Retains && ctx.Err() == nil && !errors.Is(err, errMoved) { // whether anything was made cannot be found out
		return d, d.check(ctx)
	}
	return d, err
}

// checkDatabase refuses a Database that has changed, is protected, or has users: one may
// have come to it while the deletion waited.
func (d *Deletion) checkDatabase(ctx context.Context, db *v1alpha1.Database, options DeletionOptions) error {
	if !options.ReadOnly {
		if err := d.reread(ctx); err != nil {
			return err
		}
	}
	users, err := d.p.UsersOf(ctx, db)
	switch {
	case err != nil:
		return err
	case db.Spec.DeletionProtection && db.DeletionTimestamp == nil:
		return failed(fmt.Sprintf(`end the protection first: kubectl patch database %s -n %s --type merge -p '{"spec":{"deletionProtection":false}}'`, db.Name, db.Namespace),
			"Database %q is protected against deletion", db.Name)
	case len(users) > 0:
		return blockedBy(db, users)
	}
	return nil
}

// openDatabaseDrop plans what is dropped of a Database: everything, or under policy
// Retain the groups of one that never came to be, which would stand in the way of the
// next of its name.
func (p *Provisioner) openDatabaseDrop(ctx context.Context, d *Deletion, db *v1alpha1.Database, options DeletionOptions) error {
	cluster, err := p.Cluster(ctx, d.Cluster)
	if err != nil {
		return err
	}
	name := db.PostgresName(cluster)
	drop := postgres.Drop{Name: name, Marker: databaseMarker(db), Force: options.Force || db.Spec.ForceDrop, Keep: d.Retains}
	scope := postgres.Scope{Named: true, References: []string{name}, Markers: []string{string(db.UID)}}
	if d.server, _, err = p.dial(ctx, cluster); err != nil {
		return err
	}
	desired := postgres.Desired{DropDatabases: []postgres.Drop{drop}}
	if err := d.planned(d.plan(ctx, cluster, []string{postgres.LockDatabase(name)}, scope, desired, options.ReadOnly)); err != nil {
		return err
	}
	if d.Retains && !d.Plan.Empty() {
		d.Retains, d.policy = false, v1alpha1.DeletionDelete // the finalizer keeps it until they are gone
	}
	return nil
}

// blockedBy refuses the deletion of a Database that DatabaseUsers refer to.
func blockedBy(db *v1alpha1.Database, users []*v1alpha1.DatabaseUser) error {
	names, where, which := make([]string, len(users)), db.Namespace, db.Name
	for i, u := range users {
		names[i] = u.Name
		if u.Namespace != db.Namespace {
			names[i], where, which = key(u), "NAMESPACE", key(db)
		}
	}
	slices.Sort(names)
	return &postgres.RefusedError{Refusals: []postgres.Refusal{{Blocked: true,
		Problem: fmt.Sprintf("database %q is used by databaseuser(s) %s", db.Name, strings.Join(names, ", ")),
		Fix: fmt.Sprintf("delete each of them first: kubectl dbtether user delete NAME -n %[1]s; or take the database from those that have others: kubectl dbtether user revoke NAME -n %[1]s --database %[2]s",
			where, which)}}}
}

// planned returns the error of planning that it is given. If there is one, the connection is
// given back, and d is good for nothing but writing the status.
func (d *Deletion) planned(err error) error {
	if err != nil {
		d.Close()
		d.server = nil
	}
	return err
}

// plan locks, observes and plans.
func (d *Deletion) plan(ctx context.Context, cluster *v1alpha1.DBCluster, locks []string, scope postgres.Scope, desired postgres.Desired, readOnly bool) error {
	if !readOnly {
		if err := d.lock(ctx, cluster, locks); err != nil {
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
	if err != nil && !apierrors.IsNotFound(err) && !outdated(err) {
		_ = d.status(ctx, outcome{err: err, deleting: d.object.GetDeletionTimestamp() != nil})
	}
	return err
}

// run is Apply without the status.
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
	for _, secret := range d.secrets {
		d.p.progress("deleting secret %s/%s", secret.Namespace, secret.Name)
		if err := d.p.revisions().Delete(ctx, secret); err != nil {
			return err
		}
	}
	return d.p.dropFinalizer(ctx, d.resource, d.object)
}

// deleteResource asks the API server to delete the object as it was planned for, with our
// finalizer on it if PostgreSQL has to be cleaned up after it.
func (d *Deletion) deleteResource(ctx context.Context) error {
	policy := d.policy
	if d.Retains {
		policy = v1alpha1.DeletionRetain
	}
	if err := d.p.syncFinalizer(ctx, d.resource, d.object, policy); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		if err := d.reread(ctx); err != nil {
			return err
		}
		uid, version := d.object.GetUID(), d.object.GetResourceVersion()
		err := d.client().Delete(ctx, d.object.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
		if err == nil {
			break
		}
		if !apierrors.IsConflict(err) || attempt == attempts {
			return fmt.Errorf("delete %s %q: %w", d.resource.Resource, d.object.GetName(), err)
		}
	}
	if d.Retains {
		return nil
	}
	fresh, err := d.client().Get(ctx, d.object.GetName(), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get %s %q: %w", d.resource.Resource, d.object.GetName(), err)
	}
	d.object.SetDeletionTimestamp(fresh.GetDeletionTimestamp())
	d.object.SetResourceVersion(fresh.GetResourceVersion())
	d.object.SetFinalizers(fresh.GetFinalizers())
	return nil
}
