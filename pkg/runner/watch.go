package runner

import (
	"context"
	"fmt"
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// key names a resource or a Secret; clusters have no namespace.
type key struct{ kind, namespace, name string }

// stored is the key of the resource in the store of an informer.
func (k key) stored() string { return k.namespace + "/" + k.name }

func keyOf(kind string, object metav1.Object) key {
	return key{kind, object.GetNamespace(), object.GetName()}
}

var (
	namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	configMapResource = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// The indexes of the resources.
const (
	byCluster  = "cluster"  // Databases and DatabaseUsers, by the name of their DBCluster
	byDatabase = "database" // DatabaseUsers, by the Databases that they refer to
)

// watch knows which resources there are, and which of them a change concerns. What it
// knows may be a moment old: it says when something is to be done, never what.
type watch struct {
	databases, users, clusters, namespaces, policies cache.SharedIndexInformer
	// everywhere says whether all namespaces are watched.
	everywhere bool
	// again is told of each resource that is to be worked on now, and later of what is
	// due at a time.
	again func(key)
	later func(key, time.Time)
	now   func() time.Time
	// policiesChanged and namespaceChanged are called before again is, for what they concern.
	policiesChanged  func()
	namespaceChanged func(string)
}

// newWatch returns a watch of the namespace of o, which start begins. denied is told of every
// failure to list or watch.
func newWatch(o Options, again func(key), later func(key, time.Time), denied func(error)) (*watch, error) {
	p := o.Provisioner
	w := &watch{everywhere: o.Namespace == metav1.NamespaceAll, again: again, later: later, now: p.Now, policiesChanged: p.PoliciesChanged, namespaceChanged: p.NamespaceChanged}
	custom := func(resource schema.GroupVersionResource, namespace string, indexers cache.Indexers) cache.SharedIndexInformer {
		return dynamicinformer.NewFilteredDynamicInformer(p.Kube, resource, namespace, 0, indexers, nil).Informer()
	}
	w.databases = custom(v1alpha1.Databases, o.Namespace, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc, byCluster: clusterOfDatabase})
	w.users = custom(v1alpha1.DatabaseUsers, o.Namespace, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc, byCluster: clusterOfUser, byDatabase: databasesOfUser})
	w.clusters = custom(v1alpha1.DBClusters, metav1.NamespaceAll, cache.Indexers{})
	w.namespaces = metadatainformer.NewFilteredMetadataInformer(p.Metadata, namespaceResource, metav1.NamespaceAll, 0, cache.Indexers{}, nil).Informer()
	w.policies = metadatainformer.NewFilteredMetadataInformer(p.Metadata, configMapResource, v1alpha1.SystemNamespace, 0, cache.Indexers{},
		func(o *metav1.ListOptions) { o.LabelSelector = review.LabelPolicy }).Informer()
	for _, s := range []struct {
		informer  cache.SharedIndexInformer
		transform cache.TransformFunc
		handler   cache.ResourceEventHandler
	}{
		{w.databases, as[v1alpha1.Database], handler(w.database)},
		{w.users, as[v1alpha1.DatabaseUser], handler(w.user)},
		{w.clusters, as[v1alpha1.DBCluster], handler(w.cluster)},
		{w.namespaces, nil, handler(w.namespace)},
		{w.policies, nil, handler(w.policy)},
	} {
		if s.transform != nil {
			if err := s.informer.SetTransform(s.transform); err != nil {
				return nil, err
			}
		}
		if err := s.informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) { denied(err) }); err != nil {
			return nil, err
		}
		if _, err := s.informer.AddEventHandler(s.handler); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// start reads all there is, and watches it until ctx ends. It returns when all has been read;
// the error is that of ctx.
func (w *watch) start(ctx context.Context) error {
	var synced []cache.InformerSynced
	for _, informer := range []cache.SharedIndexInformer{w.databases, w.users, w.clusters, w.namespaces, w.policies} {
		go informer.RunWithContext(ctx)
		synced = append(synced, informer.HasSynced)
	}
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return ctx.Err()
	}
	for _, name := range w.clusters.GetStore().ListKeys() {
		w.check(name)
	}
	return nil
}

// as is a transform of informers: it turns an object as the API server sent it into its type.
func as[T any, P interface {
	*T
	metav1.Object
}](object any) (any, error) {
	u, is := object.(*unstructured.Unstructured)
	if !is { // it has its type already
		return object, nil
	}
	u.SetManagedFields(nil)
	into := P(new(T))
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into); err != nil {
		return nil, fmt.Errorf("read %s %s/%s: %w", u.GetKind(), u.GetNamespace(), u.GetName(), err)
	}
	return into, nil
}

// handler calls changed with an object before and after a change; nil: it was not there, or is
// gone.
func handler[P metav1.Object](changed func(before, after P)) cache.ResourceEventHandler {
	var none P
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { changed(none, object.(P)) },
		UpdateFunc: func(before, after any) { changed(before.(P), after.(P)) },
		DeleteFunc: func(object any) {
			if last, missed := object.(cache.DeletedFinalStateUnknown); missed {
				object = last.Obj
			}
			if before, is := object.(P); is {
				changed(before, none)
			}
		},
	}
}

// asksOther reports whether a resource asks for something else than before. A change of its
// status alone does not count.
func asksOther(before, after metav1.Object) bool {
	return before.GetUID() != after.GetUID() || before.GetGeneration() != after.GetGeneration() ||
		!maps.Equal(before.GetAnnotations(), after.GetAnnotations()) || !maps.Equal(before.GetLabels(), after.GetLabels())
}

func (w *watch) database(before, after *v1alpha1.Database) {
	one := before
	if after != nil {
		one = after
	}
	changed := before == nil || after == nil || asksOther(before, after)
	if changed && after != nil {
		w.again(keyOf(v1alpha1.KindDatabase, after))
	}
	// Its users wait until it is there and consents, or have to let go of it.
	if changed || before.Status.Phase != after.Status.Phase {
		w.usersBy(byDatabase, one.Namespace+"/"+one.Name)
		for _, db := range []*v1alpha1.Database{before, after} { // who no longer owns it has to let go of it, too
			if db != nil && db.Spec.Owner != "" {
				w.known(w.users, key{v1alpha1.KindDatabaseUser, db.Namespace, db.Spec.Owner})
			}
		}
	}
}

func (w *watch) user(before, after *v1alpha1.DatabaseUser) {
	if after != nil {
		if before == nil || asksOther(before, after) {
			w.again(keyOf(v1alpha1.KindDatabaseUser, after))
		}
		w.schedule(after)
	}
	if before == nil || after != nil && !asksOther(before, after) {
		return
	}
	for _, ref := range before.Access() { // a Database that is being deleted waits for its users
		object, found, _ := w.databases.GetStore().GetByKey(ref.Namespace + "/" + ref.Name)
		if db, is := object.(*v1alpha1.Database); found && is && db.DeletionTimestamp != nil {
			w.again(keyOf(v1alpha1.KindDatabase, db))
		}
	}
}

// schedule asks for a run of a user when its time has come.
func (w *watch) schedule(user *v1alpha1.DatabaseUser) {
	if at := due(user, w.now()); !at.IsZero() {
		w.later(keyOf(v1alpha1.KindDatabaseUser, user), at)
	}
}

func (w *watch) cluster(before, after *v1alpha1.DBCluster) {
	if before != nil && after != nil && !asksOther(before, after) {
		return
	}
	one := before
	if after != nil {
		one = after
		w.check(after.Name)
	}
	w.onCluster(one.Name)
}

// check asks for a check of a cluster. A watch of one namespace asks only where a Database of
// the namespace stands on it.
func (w *watch) check(name string) {
	used, _ := w.databases.GetIndexer().ByIndex(byCluster, name)
	if w.everywhere || len(used) > 0 {
		w.again(key{kind: v1alpha1.KindDBCluster, name: name})
	}
}

// onCluster asks for a run of all that stands on a cluster.
func (w *watch) onCluster(name string) {
	w.databasesBy(byCluster, name)
	w.usersBy(byCluster, name)
}

// databasesBy asks for a run of Databases, and of the users that refer to them.
func (w *watch) databasesBy(index, value string) {
	objects, _ := w.databases.GetIndexer().ByIndex(index, value)
	for _, object := range objects {
		db := object.(*v1alpha1.Database)
		w.again(keyOf(v1alpha1.KindDatabase, db))
		w.usersBy(byDatabase, db.Namespace+"/"+db.Name)
	}
}

// namespace asks for a run of all in a namespace whose labels or annotations have
// changed, by which policies decide, and of the users of its Databases.
func (w *watch) namespace(before, after *metav1.PartialObjectMetadata) {
	if before == nil || after == nil || maps.Equal(before.Labels, after.Labels) && maps.Equal(before.Annotations, after.Annotations) {
		return
	}
	w.namespaceChanged(after.Name)
	w.databasesBy(cache.NamespaceIndex, after.Name)
	w.usersBy(cache.NamespaceIndex, after.Name)
}

// policy asks for a run of everything: a policy may be about any of it.
func (w *watch) policy(before, after *metav1.PartialObjectMetadata) {
	if before != nil && after != nil && before.ResourceVersion == after.ResourceVersion {
		return
	}
	w.policiesChanged()
	for _, object := range w.databases.GetStore().List() {
		w.again(keyOf(v1alpha1.KindDatabase, object.(*v1alpha1.Database)))
	}
	for _, object := range w.users.GetStore().List() {
		w.again(keyOf(v1alpha1.KindDatabaseUser, object.(*v1alpha1.DatabaseUser)))
	}
}

func (w *watch) usersBy(index, value string) {
	objects, _ := w.users.GetIndexer().ByIndex(index, value)
	for _, object := range objects {
		w.again(keyOf(v1alpha1.KindDatabaseUser, object.(*v1alpha1.DatabaseUser)))
	}
}

// known asks for a run of a resource, if it is there.
func (w *watch) known(informer cache.SharedIndexInformer, k key) {
	if _, found, _ := informer.GetStore().GetByKey(k.stored()); found {
		w.again(k)
	}
}

func clusterOfDatabase(object any) ([]string, error) {
	return []string{object.(*v1alpha1.Database).Spec.ClusterRef.Name}, nil
}

func clusterOfUser(object any) ([]string, error) {
	return []string{object.(*v1alpha1.DatabaseUser).Status.ClusterName}, nil
}

func databasesOfUser(object any) ([]string, error) {
	var all []string
	for _, ref := range object.(*v1alpha1.DatabaseUser).Access() {
		all = append(all, ref.Namespace+"/"+ref.Name)
	}
	return all, nil
}
