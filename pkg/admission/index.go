package admission

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
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

	// objects and metadata ask the API server for what the watches have not brought.
	objects  dynamic.Interface
	metadata metadata.Interface
	heard    *heard
	metrics  indexMetrics
}

var namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// newIndex returns an index that run fills.
func newIndex(config *rest.Config, m *metrics) (*index, error) {
	i := &index{heard: newHeard(time.Now, m.index.watchErrors), metrics: m.index}
	watching := rest.CopyConfig(config)
	watching.Wrap(i.heard.transport)
	config = rest.CopyConfig(config)
	config.Wrap(tracing.Transport)
	var errs [4]error
	var objects dynamic.Interface
	var namespaces metadata.Interface
	i.objects, errs[0] = dynamic.NewForConfig(config)
	i.metadata, errs[1] = metadata.NewForConfig(config)
	objects, errs[2] = dynamic.NewForConfig(watching)
	namespaces, errs[3] = metadata.NewForConfig(watching)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	custom := func(resource schema.GroupVersionResource, indexers cache.Indexers) cache.SharedIndexInformer {
		return dynamicinformer.NewFilteredDynamicInformer(objects, resource, metav1.NamespaceAll, 0, indexers, nil).Informer()
	}
	i.namespaces = metadatainformer.NewFilteredMetadataInformer(namespaces, namespaceResource, metav1.NamespaceAll, 0, nil, nil).Informer()
	i.clusters = custom(v1alpha1.DBClusters, cache.Indexers{})
	i.databases = custom(v1alpha1.Databases, cache.Indexers{})
	i.users = custom(v1alpha1.DatabaseUsers, cache.Indexers{byName: nameOfUser, bySecret: secretsOfUser})
	m.registry.MustRegister(indexCollector{m.index, i, time.Now})
	return i, i.prepare()
}

func nameOfUser(object any) ([]string, error) {
	return []string{object.(*v1alpha1.DatabaseUser).Name}, nil
}

func secretsOfUser(object any) ([]string, error) {
	user := object.(*v1alpha1.DatabaseUser)
	keys := review.SecretNames(user)
	for n := range keys {
		keys[n] = user.Namespace + "/" + keys[n]
	}
	return keys, nil
}

// prepare says what is kept of each object.
func (i *index) prepare() error {
	for informer, transform := range map[cache.SharedIndexInformer]cache.TransformFunc{
		i.namespaces: keepNamespace,
		i.clusters:   kept(keepCluster),
		i.databases:  kept(keepDatabase),
		i.users:      kept(keepUser),
	} {
		if err := informer.SetTransform(transform); err != nil {
			return err
		}
	}
	for resource := range i.informers() {
		i.metrics.watchErrors.WithLabelValues(resource) // so that an alert sees it come
	}
	return nil
}

// informers returns what is watched, by the name of the resource, in a fixed order.
func (i *index) informers() iter.Seq2[string, cache.SharedIndexInformer] {
	return func(yield func(string, cache.SharedIndexInformer) bool) {
		_ = yield(namespaceResource.Resource, i.namespaces) && yield(v1alpha1.DBClusters.Resource, i.clusters) &&
			yield(v1alpha1.Databases.Resource, i.databases) && yield(v1alpha1.DatabaseUsers.Resource, i.users)
	}
}

// run watches until ctx ends.
func (i *index) run(ctx context.Context) {
	for _, informer := range i.informers() {
		go informer.RunWithContext(ctx)
	}
	<-ctx.Done()
}

// ready returns an error that names what has not been read yet.
func (i *index) ready() error {
	for resource, informer := range i.informers() {
		if !informer.HasSynced() {
			return fmt.Errorf("%s have not been read yet", resource)
		}
	}
	return nil
}
