package provision

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// lock takes the locks, and gathers all anew: another run may have finished, or somebody
// changed the resources, while this one waited.
func (j *Job) lock(ctx context.Context) error {
	locked := j.locks()
	waited := false
	err := j.server.Lock(ctx, locked, func(name string) {
		waited = true
		j.p.progress("waiting for another run that holds %s", name)
	})
	if err != nil {
		return err
	}
	if err := j.p.refresh(ctx, j.request); err != nil {
		return err
	}
	if err := j.edit(ctx); err != nil {
		return err
	}
	connected := j.Cluster
	j.Cluster = nil
	if waited {
		j.request.inNamespace = nil // who owns a Database may have changed, too
	}
	if err := j.gather(ctx); err != nil {
		return err
	}
	if !isSame(j.Cluster, connected) || !containsAll(locked, j.locks()) {
		return failed("run the command again", "the cluster or the databases of %s were %w", j.Subject(), errMoved)
	}
	return j.validate()
}

// locks lists the locks of everything that the job may change.
func (j *Job) locks() []string {
	var locks []string
	if j.database != nil {
		locks = append(locks, postgres.LockDatabase(j.database.name))
	}
	for _, u := range j.users {
		for _, a := range u.access {
			locks = append(locks, postgres.LockDatabase(a.name))
		}
		locks = append(locks, databaseLocks(u.user)...)
		locks = append(locks, postgres.LockRole(u.base), postgres.LockRole(u.base+v1alpha1.AlternateSuffix))
	}
	return locks
}

// databaseLocks lists the locks of the databases that a user had after its last run, and may
// lose in this one: two sessions that change privileges on one object at the same time fail.
func databaseLocks(user *v1alpha1.DatabaseUser) []string {
	var locks []string
	for _, db := range user.Status.Databases {
		locks = append(locks, postgres.LockDatabase(db.DatabaseName))
	}
	return locks
}

// isSame reports whether two objects are one, with one spec.
func isSame(a, b metav1.Object) bool {
	return a.GetUID() == b.GetUID() && a.GetGeneration() == b.GetGeneration()
}

// containsAll reports whether have has all of want.
func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(x string) bool { return !slices.Contains(have, x) })
}
