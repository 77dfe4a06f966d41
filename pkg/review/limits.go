package review

import (
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// limits returns the connection limits of the user, of its first Database and of the
// DBCluster of that Database, leaving out those that are not set or cannot be found.
func limits(user *v1alpha1.DatabaseUser, facts Facts) (known []policy.Limit) {
	add := func(kind, name string, connections *int32) {
		if connections != nil && *connections >= 0 {
			known = append(known, policy.Limit{Kind: kind, Name: name, Connections: int64(*connections)})
		}
	}
	add(v1alpha1.KindDatabaseUser, user.Name, user.Spec.ConnectionLimit)
	access := user.Access()
	if len(access) == 0 {
		return known
	}
	database, ok := facts.Database(access[0].Namespace, access[0].Name)
	if !ok {
		return known
	}
	add(v1alpha1.KindDatabase, database.Name, database.Spec.ConnectionLimit)
	cluster, ok := facts.Cluster(database.Spec.ClusterRef.Name)
	if ok && cluster.Status.MaxConnections > 0 {
		add(v1alpha1.KindDBCluster, cluster.Name, &cluster.Status.MaxConnections)
	}
	return known
}
