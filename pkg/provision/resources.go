package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Cluster reads a DBCluster. An unknown name is answered with the known ones.
func (p *Provisioner) Cluster(ctx context.Context, name string) (*v1alpha1.DBCluster, error) {
	cluster := &v1alpha1.DBCluster{}
	err := p.get(ctx, v1alpha1.DBClusters, "", name, cluster)
	if !apierrors.IsNotFound(err) || isMissingKind(err) {
		return cluster, noAccess(err, fmt.Sprintf("cluster %q", name))
	}
	return nil, failed(p.knownClusters(ctx), "cluster %q does not exist", name)
}

// isMissingKind tells "the API server has no such kind" from "no such object".
func isMissingKind(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// knownClusters returns what to do about a name that no cluster has: the names that there
// are, as far as the caller may list them.
func (p *Provisioner) knownClusters(ctx context.Context) string {
	const register = "register it: kubectl dbtether cluster add"
	list, err := p.Kube.Resource(v1alpha1.DBClusters).List(ctx, metav1.ListOptions{})
	switch {
	case err != nil:
		return "check the name; if it is right, " + register
	case len(list.Items) == 0:
		return "no cluster is registered; " + register
	}
	names := make([]string, len(list.Items))
	for i := range list.Items {
		names[i] = list.Items[i].GetName()
	}
	slices.Sort(names)
	return "registered clusters: " + strings.Join(names, ", ")
}

// Database reads a Database.
func (p *Provisioner) Database(ctx context.Context, namespace, name string) (*v1alpha1.Database, error) {
	db := &v1alpha1.Database{}
	return db, p.get(ctx, v1alpha1.Databases, namespace, name, db)
}

// User reads a DatabaseUser.
func (p *Provisioner) User(ctx context.Context, namespace, name string) (*v1alpha1.DatabaseUser, error) {
	user := &v1alpha1.DatabaseUser{}
	return user, p.get(ctx, v1alpha1.DatabaseUsers, namespace, name, user)
}

// UsersOf lists the DatabaseUsers of a Database, those of other namespaces included
// where the caller may list them.
func (p *Provisioner) UsersOf(ctx context.Context, db *v1alpha1.Database) ([]*v1alpha1.DatabaseUser, error) {
	items, err := p.list(ctx, v1alpha1.DatabaseUsers, metav1.NamespaceAll)
	if apierrors.IsForbidden(err) {
		items, err = p.list(ctx, v1alpha1.DatabaseUsers, db.Namespace)
	}
	if err != nil {
		return nil, err
	}
	var users []*v1alpha1.DatabaseUser
	for i := range items {
		user := &v1alpha1.DatabaseUser{}
		if err := typed(&items[i], user); err != nil {
			return nil, err
		}
		if user.Refers(db.Namespace, db.Name) {
			users = append(users, user)
		}
	}
	return users, nil
}

func (p *Provisioner) get(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, into runtime.Object) error {
	object, err := p.Kube.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get %s %q: %w", resource.Resource, name, err)
	}
	return typed(object, into)
}

// list reads all objects of a resource in a namespace, in chunks.
func (p *Provisioner) list(ctx context.Context, resource schema.GroupVersionResource, namespace string) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	options := metav1.ListOptions{Limit: 500}
	for {
		chunk, err := p.Kube.Resource(resource).Namespace(namespace).List(ctx, options)
		switch {
		case apierrors.IsResourceExpired(err) && options.Continue != "": // it took too long: once more, in one piece
			all, options = nil, metav1.ListOptions{}
			continue
		case err != nil:
			return nil, fmt.Errorf("list %s: %w", resource.Resource, err)
		}
		all = append(all, chunk.Items...)
		if options.Continue = chunk.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

// typed reads an object as the API server returned it into a typed one. Typed
// objects are only read: fields that this build does not know would be lost if
// one were written back.
func typed(object *unstructured.Unstructured, into runtime.Object) error {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into); err != nil {
		return fmt.Errorf("read %s %q: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// create writes a new object and reads back what the API server made of it.
func (p *Provisioner) create(ctx context.Context, resource schema.GroupVersionResource, object metav1.Object, kind string, dryRun bool) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return fmt.Errorf("create %s %q: %w", resource.Resource, object.GetName(), err)
	}
	delete(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	options := metav1.CreateOptions{FieldManager: v1alpha1.FieldManager, FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	created, err := p.Kube.Resource(resource).Namespace(object.GetNamespace()).Create(ctx, u, options)
	if err != nil {
		return err // the API server's message names the object
	}
	if dryRun { // the UID of a dry run belongs to nothing
		created.SetUID("")
		created.SetResourceVersion("")
		unstructured.RemoveNestedField(created.Object, "metadata", "creationTimestamp")
		unstructured.RemoveNestedField(created.Object, "metadata", "managedFields")
	}
	return typed(created, object.(runtime.Object))
}

// Create writes a new Database. With dryRun the API server validates it only.
func (p *Provisioner) Create(ctx context.Context, db *v1alpha1.Database, dryRun bool) error {
	db.Finalizers = finalizersFor(db.Spec.DeletionPolicy, db.Finalizers)
	return p.create(ctx, v1alpha1.Databases, db, v1alpha1.KindDatabase, dryRun)
}

// CreateUser writes a new DatabaseUser. With dryRun the API server validates it only.
func (p *Provisioner) CreateUser(ctx context.Context, user *v1alpha1.DatabaseUser, dryRun bool) error {
	user.Finalizers = finalizersFor(user.Spec.DeletionPolicy, user.Finalizers)
	return p.create(ctx, v1alpha1.DatabaseUsers, user, v1alpha1.KindDatabaseUser, dryRun)
}
