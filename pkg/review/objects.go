package review

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Objects are Facts from manifests rather than from a cluster. The zero value is
// empty.
type Objects struct {
	namespaces map[string]*metav1.ObjectMeta
	clusters   map[string]*v1alpha1.DBCluster
	databases  map[string]*v1alpha1.Database
	users      map[string]*v1alpha1.DatabaseUser
}

// Add reads one object, as JSON. It fails on kinds that no decision looks at.
func (o *Objects) Add(manifest []byte) error {
	var meta metav1.PartialObjectMetadata
	if err := json.UnmarshalCaseSensitivePreserveInts(manifest, &meta); err != nil {
		return fmt.Errorf("decode object: %w", err)
	}
	key := meta.Namespace + "/" + meta.Name
	var err error
	switch meta.Kind {
	case "Namespace":
		err = put(&o.namespaces, meta.Name, &meta.ObjectMeta, nil)
	case v1alpha1.KindDBCluster:
		err = put(&o.clusters, meta.Name, new(v1alpha1.DBCluster), manifest)
	case v1alpha1.KindDatabase:
		err = put(&o.databases, key, new(v1alpha1.Database), manifest)
	case v1alpha1.KindDatabaseUser:
		err = put(&o.users, key, new(v1alpha1.DatabaseUser), manifest)
	default:
		err = fmt.Errorf("no decision looks at this kind")
	}
	if err != nil {
		return fmt.Errorf("add %s %q: %w", meta.Kind, meta.Name, err)
	}
	return nil
}

// put decodes the manifest, if there is one, into the object and keeps it.
func put[T any](all *map[string]*T, key string, object *T, manifest []byte) error {
	if *all == nil {
		*all = map[string]*T{}
	}
	(*all)[key] = object
	if manifest == nil {
		return nil
	}
	return json.UnmarshalCaseSensitivePreserveInts(manifest, object)
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
