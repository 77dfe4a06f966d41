package review

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Facts answers what a decision has to know of the cluster beside the request. What it
// returns is shared with others and must not be changed. An implementation that cannot find
// out about an object answers that it does not exist, and Err then says why: nothing is
// decided on such answers, because some things are allowed only while an object does not
// exist.
type Facts interface {
	// Namespace returns a namespace's labels and annotations.
	Namespace(name string) (*metav1.ObjectMeta, bool)
	Cluster(name string) (*v1alpha1.DBCluster, bool)
	Database(namespace, name string) (*v1alpha1.Database, bool)
	User(namespace, name string) (*v1alpha1.DatabaseUser, bool)
	// UsersNamed returns the namespaces, sorted, that have a DatabaseUser of the name.
	UsersNamed(name string) []string
	// UsersOfSecret returns the DatabaseUsers, sorted by name, whose credential is in the
	// Secret of the name: see SecretNames.
	UsersOfSecret(namespace, name string) []*v1alpha1.DatabaseUser
	// Err returns the first failure to answer one of the questions before, or nil.
	Err() error
}
