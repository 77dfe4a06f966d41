package provision

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// access is a database that a user may use.
type access struct {
	v1alpha1.DatabaseAccess
	db *v1alpha1.Database
	// name is the database's in PostgreSQL.
	name string
}

// gather reads what the request refers to, and asks the policies about all of it.
func (j *Job) gather(ctx context.Context) error {
	j.database, j.users, j.warnings = nil, nil, nil
	var err error
	if db := j.request.Database; db != nil {
		if j.Cluster, err = j.p.Cluster(ctx, db.Spec.ClusterRef.Name); err != nil {
			return err
		}
		j.database = &databaseJob{db: db, name: db.PostgresName(j.Cluster)}
	}
	for _, user := range j.request.Users {
		u := &userJob{user: user}
		if u.access, err = j.access(ctx, user); err != nil {
			return refusedUser(user, err)
		}
		if j.Cluster == nil {
			if j.Cluster, err = j.p.Cluster(ctx, u.access[0].db.Spec.ClusterRef.Name); err != nil {
				return err
			}
		}
		if err := j.oneCluster(u); err != nil {
			return refusedUser(user, err)
		}
		for i := range u.access {
			u.access[i].name = u.access[i].db.PostgresName(j.Cluster)
		}
		u.base = user.PostgresName(j.Cluster)
		u.closed = user.Spec.ExpiresAt != nil && !j.p.Now().Before(user.Spec.ExpiresAt.Time)
		u.setTargets()
		j.users = append(j.users, u)
	}
	return j.authorise(ctx)
}

// access returns the databases of a user: those that it refers to, and those of its
// namespace that it owns.
func (j *Job) access(ctx context.Context, user *v1alpha1.DatabaseUser) ([]access, error) {
	var all []access
	for _, ref := range user.Access() {
		db, err := j.find(ctx, ref)
		if err != nil {
			return nil, err
		}
		all = append(all, access{DatabaseAccess: ref, db: db})
	}
	databases := j.request.inNamespace
	if databases == nil {
		databases = j.p.databasesIn
	}
	siblings, err := databases(ctx, user.Namespace)
	if err != nil {
		return nil, err
	}
	if db := j.request.Database; db != nil && db.UID == "" && db.Namespace == user.Namespace {
		siblings = append(siblings, db)
	}
	for _, db := range siblings {
		if db.Spec.Owner != user.Name || db.DeletionTimestamp != nil {
			continue
		}
		owned := v1alpha1.DatabaseAccess{Name: db.Name, Namespace: db.Namespace, Privileges: v1alpha1.Admin}
		i := slices.IndexFunc(all, func(a access) bool { return a.Name == db.Name && a.Namespace == db.Namespace })
		if i < 0 {
			all = append(all, access{DatabaseAccess: owned, db: db})
		} else {
			all[i].Privileges = v1alpha1.Admin
		}
	}
	return all, nil
}

// find returns the Database that a user refers to: the request's own, or one that
// exists.
func (j *Job) find(ctx context.Context, ref v1alpha1.DatabaseAccess) (*v1alpha1.Database, error) {
	if db := j.request.Database; db != nil && db.Name == ref.Name && db.Namespace == ref.Namespace {
		return db, nil
	}
	db, err := j.request.known[ref.Namespace+"/"+ref.Name], error(nil)
	if db == nil {
		db, err = j.p.Database(ctx, ref.Namespace, ref.Name)
	}
	switch {
	case apierrors.IsNotFound(err) && !isMissingKind(err):
		return nil, failed("create it, take it from a user that has others: kubectl dbtether user revoke, or delete the DatabaseUser", "database %q does not exist in namespace %q", ref.Name, ref.Namespace)
	case err != nil:
		return nil, noAccess(err, fmt.Sprintf("database %q in namespace %q", ref.Name, ref.Namespace))
	case db.DeletionTimestamp != nil:
		return nil, failed("delete the DatabaseUser too, or take the database from it: kubectl dbtether user revoke", "database %q is being deleted", db.Name)
	}
	return db, nil
}

// oneCluster refuses databases on several clusters: a login stands on one.
func (j *Job) oneCluster(u *userJob) error {
	for _, a := range u.access {
		if other := a.db.Spec.ClusterRef.Name; other != j.Cluster.Name {
			return failed("create a DatabaseUser for each cluster",
				"database %q stands on cluster %q, and the user on %q", a.Name, other, j.Cluster.Name)
		}
	}
	if was := u.user.Status.ClusterName; was != "" && was != j.Cluster.Name {
		return failed("create another DatabaseUser for the other cluster",
			"its login stands on cluster %q, and its databases on %q", was, j.Cluster.Name)
	}
	return nil
}

// databasesIn reads the Databases of a namespace.
func (p *Provisioner) databasesIn(ctx context.Context, namespace string) ([]*v1alpha1.Database, error) {
	items, err := p.list(ctx, v1alpha1.Databases, namespace)
	if err != nil {
		return nil, fmt.Errorf("in namespace %q: %w", namespace, err)
	}
	databases := make([]*v1alpha1.Database, len(items))
	for i := range items {
		databases[i] = &v1alpha1.Database{}
		if err := typed(&items[i], databases[i]); err != nil {
			return nil, err
		}
	}
	return databases, nil
}

// validate refuses names that are derived and therefore escape the API's checks, and
// two resources of the request that have one name in PostgreSQL.
func (j *Job) validate() error {
	if d := j.database; d != nil {
		if n := len(d.name); n > v1alpha1.MaxDatabaseName {
			return failed("set spec.databaseName (--database-name) to a shorter one",
				"database name %q has %d bytes, at most %d are possible", d.name, n, v1alpha1.MaxDatabaseName)
		}
		if reserved(d.name, databasesOfOthers) {
			return failed("choose another name", "database name %q belongs to PostgreSQL or to a provider", d.name)
		}
		if d.name == j.Cluster.Spec.AdminDatabase {
			return failed("set spec.databaseName (--database-name) to another one", "database %q is the one that the administrator of cluster %q connects to", d.name, j.Cluster.Name)
		}
	}
	for _, u := range j.users {
		if n := len(u.base); n > v1alpha1.MaxUsername {
			return failed("set spec.username (--username) to a shorter one",
				"user name %q has %d bytes, at most %d are possible", u.base, n, v1alpha1.MaxUsername)
		}
		if reserved(u.base, rolesOfOthers) {
			return failed("choose another name", "user name %q belongs to PostgreSQL or to a provider", u.base)
		}
		if err := u.validGrants(); err != nil {
			return refusedUser(u.user, err)
		}
	}
	return nil
}

// validGrants refuses grants for a database that the user has not.
func (u *userJob) validGrants() error {
	if u.denied != nil { // it has had them, and loses some
		return nil
	}
	for i, grant := range u.user.Spec.AdditionalGrants {
		known := slices.ContainsFunc(u.access, func(a access) bool { return grant.Database == "" || grant.Database == a.Name })
		if !known {
			return failed("name one of its databases, or add the database to spec.databaseRefs",
				"spec.additionalGrants[%d] is about database %q, which is none of the user's", i, grant.Database)
		}
	}
	return nil
}

// refusedUser names the user that a gathering error is about.
func refusedUser(user *v1alpha1.DatabaseUser, err error) error {
	if apierrors.IsForbidden(err) || isDenied(err) {
		return err
	}
	return fmt.Errorf("databaseuser %q: %w", user.Name, err)
}
