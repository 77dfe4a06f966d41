package admission

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

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

// found counts what came of a lookup, keeps the first error but that there is no such
// object, and reports whether there was none.
func (f *facts) found(err error, what, name string) bool {
	result := lookupFound
	if err != nil {
		result = lookupError
	}
	if apierrors.IsNotFound(err) {
		result = lookupMissing
	}
	f.metrics.lookups.WithLabelValues(what, result).Inc()
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
	if !f.found(err, namespaceResource.Resource, name) {
		return nil, false
	}
	_, _ = keepNamespace(found)
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
	if err != nil {
		if f.err == nil {
			f.err = fmt.Errorf("read %s %q: %w", resource.Resource, name, err)
		}
		return nil, false
	}
	return object.(*T), true
}
