package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// The indexes of DatabaseUsers: by name, over all namespaces, and by the Secrets that hold
// their credentials, as namespace/name.
const (
	byName   = "name"
	bySecret = "secret"
)

// index holds what a review may ask about, kept up to date by watches. Of
// namespaces it has the metadata only.
type index struct {
	namespaces, clusters, databases, users cache.SharedIndexInformer

	objects  dynamic.Interface
	metadata metadata.Interface
}

var namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// newIndex returns an index that run fills.
func newIndex(config *rest.Config) (*index, error) {
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	namespaces, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	i := &index{objects: objects, metadata: namespaces}
	i.namespaces = metadatainformer.NewFilteredMetadataInformer(namespaces, namespaceResource, metav1.NamespaceAll, 0, nil, nil).Informer()
	i.clusters = i.informer(v1alpha1.DBClusters, cache.Indexers{})
	i.databases = i.informer(v1alpha1.Databases, cache.Indexers{})
	i.users = i.informer(v1alpha1.DatabaseUsers, cache.Indexers{
		byName: func(object any) ([]string, error) {
			return []string{object.(*v1alpha1.DatabaseUser).Name}, nil
		},
		bySecret: func(object any) ([]string, error) {
			user := object.(*v1alpha1.DatabaseUser)
			keys := review.SecretNames(user)
			for n := range keys {
				keys[n] = user.Namespace + "/" + keys[n]
			}
			return keys, nil
		},
	})
	for informer, transform := range map[cache.SharedIndexInformer]cache.TransformFunc{
		i.namespaces: bareNamespace,
		i.clusters:   typed[v1alpha1.DBCluster],
		i.databases:  typed[v1alpha1.Database],
		i.users:      typed[v1alpha1.DatabaseUser],
	} {
		if err := informer.SetTransform(transform); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func (i *index) informer(resource schema.GroupVersionResource, indexers cache.Indexers) cache.SharedIndexInformer {
	return dynamicinformer.NewFilteredDynamicInformer(i.objects, resource, metav1.NamespaceAll, 0, indexers, nil).Informer()
}

func (i *index) all() []cache.SharedIndexInformer {
	return []cache.SharedIndexInformer{i.namespaces, i.clusters, i.databases, i.users}
}

// run watches until ctx ends.
func (i *index) run(ctx context.Context) {
	for _, informer := range i.all() {
		go informer.RunWithContext(ctx)
	}
	<-ctx.Done()
}

// ready returns an error that names what has not been read yet.
func (i *index) ready() error {
	names := []string{"namespaces", "dbclusters", "databases", "databaseusers"}
	for n, informer := range i.all() {
		if !informer.HasSynced() {
			return fmt.Errorf("%s have not been read yet", names[n])
		}
	}
	return nil
}

// bareNamespace keeps of a namespace what policies may look at.
func bareNamespace(object any) (any, error) {
	if namespace, ok := object.(*metav1.PartialObjectMetadata); ok {
		namespace.ManagedFields = nil
		namespace.OwnerReferences = nil
		for key := range namespace.Annotations {
			if !strings.HasPrefix(key, v1alpha1.GroupVersion.Group+"/") {
				delete(namespace.Annotations, key)
			}
		}
	}
	return object, nil
}

// typed turns what the API server sent into our type, once for each change rather
// than once for each review. What is our type already, or the note that an object
// is gone, stays as it is. An object that is not of our schema keeps its name and
// loses the rest: an error would stop the whole informer. It admits nobody.
func typed[T any](object any) (any, error) {
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		return object, nil
	}
	content.SetManagedFields(nil)
	result := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content.Object, result); err != nil {
		result = new(T)
		named, err := meta.Accessor(result)
		if err != nil {
			return nil, err
		}
		named.SetName(content.GetName())
		named.SetNamespace(content.GetNamespace())
		named.SetUID(content.GetUID())
		if cluster, ok := any(result).(*v1alpha1.DBCluster); ok {
			cluster.Spec.AllowedNamespaces = []string{} // none at all would admit everybody
		}
	}
	return result, nil
}

// lookupTimeout bounds what the API server is asked during a review.
const lookupTimeout = 500 * time.Millisecond

// facts answers one review's questions: from the index, and for what the index
// does not have from the API server, because whoever applies a file with a
// namespace and what belongs into it is faster than a watch.
type facts struct {
	*index
	ctx context.Context
	err error
}

// Err implements review.Facts.
func (f *facts) Err() error { return f.err }

// found keeps the first error but that there is no such object, and reports
// whether there was none.
func (f *facts) found(err error, what, name string) bool {
	if err != nil && !apierrors.IsNotFound(err) && f.err == nil {
		f.err = fmt.Errorf("look up %s %q: %w", what, name, err)
	}
	return err == nil
}

// Namespace implements review.Facts.
func (f *facts) Namespace(name string) (*metav1.ObjectMeta, bool) {
	if object, ok, _ := f.namespaces.GetIndexer().GetByKey(name); ok {
		return &object.(*metav1.PartialObjectMetadata).ObjectMeta, true
	}
	ctx, cancel := context.WithTimeout(f.ctx, lookupTimeout)
	defer cancel()
	found, err := f.metadata.Resource(namespaceResource).Get(ctx, name, metav1.GetOptions{})
	if !f.found(err, "namespace", name) {
		return nil, false
	}
	_, _ = bareNamespace(found)
	return &found.ObjectMeta, true
}

// Cluster implements review.Facts.
func (f *facts) Cluster(name string) (*v1alpha1.DBCluster, bool) {
	return lookup[v1alpha1.DBCluster](f, f.clusters, v1alpha1.DBClusters, "", name)
}

// Database implements review.Facts.
func (f *facts) Database(namespace, name string) (*v1alpha1.Database, bool) {
	return lookup[v1alpha1.Database](f, f.databases, v1alpha1.Databases, namespace, name)
}

// User implements review.Facts. That a user has no credential yet is not believed
// of the index either: it may have got one a moment ago.
func (f *facts) User(namespace, name string) (*v1alpha1.DatabaseUser, bool) {
	user, ok := lookup[v1alpha1.DatabaseUser](f, f.users, v1alpha1.DatabaseUsers, namespace, name)
	if !ok || review.CredentialsReady(user) {
		return user, ok
	}
	if newer, ok := fetch[v1alpha1.DatabaseUser](f, v1alpha1.DatabaseUsers, namespace, name); ok {
		return newer, true
	}
	return user, true
}

// UsersNamed implements review.Facts.
func (f *facts) UsersNamed(name string) (namespaces []string) {
	found, _ := f.users.GetIndexer().ByIndex(byName, name)
	for _, user := range found {
		namespaces = append(namespaces, user.(*v1alpha1.DatabaseUser).Namespace)
	}
	slices.Sort(namespaces)
	return namespaces
}

// UsersOfSecret implements review.Facts. Only the index is asked: most Secrets are of no
// user, and a pod is faster than the watch only in the moment after a user was made.
func (f *facts) UsersOfSecret(namespace, name string) []*v1alpha1.DatabaseUser {
	found, _ := f.users.GetIndexer().ByIndex(bySecret, namespace+"/"+name)
	users := make([]*v1alpha1.DatabaseUser, 0, len(found))
	for _, user := range found {
		users = append(users, user.(*v1alpha1.DatabaseUser))
	}
	review.SortByName(users)
	return users
}

func lookup[T any](f *facts, informer cache.SharedIndexInformer, resource schema.GroupVersionResource, namespace, name string) (*T, bool) {
	key := name
	if namespace != "" {
		key = namespace + "/" + name
	}
	if object, ok, _ := informer.GetIndexer().GetByKey(key); ok {
		return object.(*T), true
	}
	return fetch[T](f, resource, namespace, name)
}

// fetch asks the API server.
func fetch[T any](f *facts, resource schema.GroupVersionResource, namespace, name string) (*T, bool) {
	ctx, cancel := context.WithTimeout(f.ctx, lookupTimeout)
	defer cancel()
	found, err := f.objects.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if !f.found(err, resource.Resource, name) {
		return nil, false
	}
	object, err := typed[T](found)
	if !f.found(err, resource.Resource, name) {
		return nil, false
	}
	return object.(*T), true
}
