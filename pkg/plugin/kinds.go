package plugin

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// kind is one of our custom resources and the noun that commands use for it.
type kind struct {
	resource   schema.GroupVersionResource
	name, noun string
	short      string
	namespaced bool
}

var (
	clusterKind = kind{v1alpha1.DBClusters, v1alpha1.KindDBCluster, "cluster", "dbc", false}
	dbKind      = kind{v1alpha1.Databases, v1alpha1.KindDatabase, "db", "db", true}
	userKind    = kind{v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, "user", "dbu", true}
)

// kinds returns all of them, those that others refer to first.
func kinds() []kind { return []kind{clusterKind, dbKind, userKind} }

// kindNamed finds a kind by its name or by that of its resource.
func kindNamed(name string) (kind, bool) {
	for _, k := range kinds() {
		if name == k.name || name == k.resource.Resource {
			return k, true
		}
	}
	return kind{}, false
}

// object returns the name of an object as kubectl prints it: database.dbtether.io/orders.
func (k kind) object(name string) string {
	return strings.TrimSuffix(k.resource.Resource, "s") + "." + v1alpha1.GroupVersion.Group + "/" + name
}

// gvk returns the kind's name in the API.
func (k kind) gvk() schema.GroupVersionKind { return k.resource.GroupVersion().WithKind(k.name) }

// seenFrom returns how an object is named in a namespace: by its name, or where it is in
// another one as NAMESPACE/NAME.
func seenFrom(here, namespace, name string) string {
	if namespace == here {
		return name
	}
	return namespace + "/" + name
}

// client returns the client for objects of the kind in a namespace, which is
// ignored where the kind has none. It connects to nothing.
func (e *Environment) client(k kind, namespace string) (dynamic.ResourceInterface, error) {
	all, err := e.Dynamic()
	if err != nil {
		return nil, err
	}
	if k.namespaced {
		return all.Resource(k.resource).Namespace(namespace), nil
	}
	return all.Resource(k.resource), nil
}

// namespaceOf returns the current namespace, or none where the kind has none.
func (e *Environment) namespaceOf(k kind) (string, error) {
	if !k.namespaced {
		return "", nil
	}
	return e.Namespace()
}

// get reads an object. A missing one is an error that says where it was sought
// and keeps the API's error as its cause.
func (e *Environment) get(ctx context.Context, k kind, namespace, name string) (*unstructured.Unstructured, error) {
	client, err := e.client(k, namespace)
	if err != nil {
		return nil, err
	}
	object, err := client.Get(ctx, name, metav1.GetOptions{})
	if isNotFound(err) {
		return nil, notFound(k, namespace, name, err)
	}
	return object, err
}

// notFound says where an object was sought, and keeps the API's error as the cause.
func notFound(k kind, namespace, name string, cause error) error {
	text, all := fmt.Sprintf("%s %q not found", k.name, name), ""
	if k.namespaced {
		text, all = fmt.Sprintf("%s in namespace %q", text, namespace), " -A"
	}
	return Hinted(&renamedError{text, cause}, "see which there are: kubectl dbtether %s list%s", k.noun, all)
}

// beingDeleted refuses to work on an object whose deletion has begun.
func beingDeleted(k kind, name string) error {
	return Hinted(fmt.Errorf("%s %q is being deleted", k.name, name), "finish that: kubectl dbtether %s delete %s", k.noun, name)
}

// list reads all objects of a kind in a namespace; "" means all namespaces.
func (e *Environment) list(ctx context.Context, k kind, namespace string, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	client, err := e.client(k, namespace)
	if err != nil {
		return nil, err
	}
	options.Limit = listChunk
	result := &unstructured.UnstructuredList{}
	for {
		chunk, err := client.List(ctx, options)
		if err != nil {
			return nil, err
		}
		result.Items = append(result.Items, chunk.Items...)
		if options.Continue = chunk.GetContinue(); options.Continue == "" {
			return result, nil
		}
	}
}

// typed reads an object into its type. The type is for reading only: what is
// written is a patch, so that fields this program does not know survive.
func typed[T any](object *unstructured.Unstructured) (*T, error) {
	result := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, result); err != nil {
		return nil, fmt.Errorf("read %s %q: %w", object.GetKind(), object.GetName(), err)
	}
	return result, nil
}

// read is get for an object of the current namespace, read into the type of its kind.
func read[T any](ctx context.Context, e *Environment, k kind, name string) (*T, error) {
	namespace, err := e.namespaceOf(k)
	if err != nil {
		return nil, err
	}
	object, err := e.get(ctx, k, namespace, name)
	if err != nil {
		return nil, err
	}
	return typed[T](object)
}

// readAll is list for all objects of a namespace, read into the type of their kind.
func readAll[T any](ctx context.Context, e *Environment, k kind, namespace string) ([]T, error) {
	list, err := e.list(ctx, k, namespace, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return typedList[T](list)
}

// typedList reads every object of a list into its type.
func typedList[T any](list *unstructured.UnstructuredList) ([]T, error) {
	result := make([]T, 0, len(list.Items))
	for i := range list.Items {
		item, err := typed[T](&list.Items[i])
		if err != nil {
			return nil, err
		}
		result = append(result, *item)
	}
	return result, nil
}
