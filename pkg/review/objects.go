package review

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Objects are Facts from manifests, or from what the caller has read already. The zero value
// is empty.
type Objects struct {
	namespaces map[string]*metav1.ObjectMeta
	clusters   map[string]*v1alpha1.DBCluster
	databases  map[string]*v1alpha1.Database
	users      map[string]*v1alpha1.DatabaseUser
}

// SetNamespace adds a namespace, or replaces the one of its name. As with all
// objects, what is added is kept as it is, not as a copy; nil adds nothing.
func (o *Objects) SetNamespace(namespace *metav1.ObjectMeta) {
	if namespace != nil {
		put(&o.namespaces, namespace.Name, namespace)
	}
}

// SetCluster adds or replaces a DBCluster.
func (o *Objects) SetCluster(cluster *v1alpha1.DBCluster) {
	if cluster != nil {
		put(&o.clusters, cluster.Name, cluster)
	}
}

// SetDatabase adds or replaces a Database.
func (o *Objects) SetDatabase(database *v1alpha1.Database) {
	if database != nil {
		put(&o.databases, database.Namespace+"/"+database.Name, database)
	}
}

// SetUser adds or replaces a DatabaseUser.
func (o *Objects) SetUser(user *v1alpha1.DatabaseUser) {
	if user != nil {
		put(&o.users, user.Namespace+"/"+user.Name, user)
	}
}

func put[T any](all *map[string]*T, key string, object *T) {
	if *all == nil {
		*all = map[string]*T{}
	}
	(*all)[key] = object
}

// Add reads one object, as JSON. It fails on kinds that no decision looks at.
func (o *Objects) Add(manifest []byte) error {
	var meta metav1.PartialObjectMetadata
	if err := json.UnmarshalCaseSensitivePreserveInts(manifest, &meta); err != nil {
		return fmt.Errorf("decode object: %w", err)
	}
	var err error
	switch meta.Kind {
	case "Namespace":
		o.SetNamespace(&meta.ObjectMeta)
	case v1alpha1.KindDBCluster:
		err = read(manifest, o.SetCluster)
	case v1alpha1.KindDatabase:
		err = read(manifest, o.SetDatabase)
	case v1alpha1.KindDatabaseUser:
		err = read(manifest, o.SetUser)
	default:
		err = fmt.Errorf("no decision looks at this kind")
	}
	if err != nil {
		return fmt.Errorf("add %s %q: %w", meta.Kind, meta.Name, err)
	}
	return nil
}

func read[T any](manifest []byte, set func(*T)) error {
	object := new(T)
	if err := json.UnmarshalCaseSensitivePreserveInts(manifest, object); err != nil {
		return err
	}
	set(object)
	return nil
}

// Namespace implements Facts.
func (o *Objects) Namespace(name string) (*metav1.ObjectMeta, bool) {
	found, ok := o.namespaces[name]
	return found, ok
}

// Cluster implements Facts.
func (o *Objects) Cluster(name string) (*v1alpha1.DBCluster, bool) {
	found, ok := o.clusters[name]
	return found, ok
}

// Database implements Facts.
func (o *Objects) Database(namespace, name string) (*v1alpha1.Database, bool) {
	found, ok := o.databases[namespace+"/"+name]
	return found, ok
}

// User implements Facts.
func (o *Objects) User(namespace, name string) (*v1alpha1.DatabaseUser, bool) {
	found, ok := o.users[namespace+"/"+name]
	return found, ok
}

// UsersNamed implements Facts.
func (o *Objects) UsersNamed(name string) (namespaces []string) {
	for _, user := range o.users {
		if user.Name == name {
			namespaces = append(namespaces, user.Namespace)
		}
	}
	slices.Sort(namespaces)
	return namespaces
}

// UsersOfSecret implements Facts.
func (o *Objects) UsersOfSecret(namespace, name string) (users []*v1alpha1.DatabaseUser) {
	for _, user := range o.users {
		if user.Namespace == namespace && slices.Contains(SecretNames(user), name) {
			users = append(users, user)
		}
	}
	SortByName(users)
	return users
}

// Err implements Facts. It is always nil: what is not in the Objects does not exist.
func (o *Objects) Err() error { return nil }
