package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// gathering reads from the cluster the facts by which policies judge objects, and adds
// them to facts.
type gathering struct {
	env   *Environment
	facts *review.Objects
	// clusters are the names of the DBClusters that the Databases read so far stand on.
	clusters map[string]bool
}

func newGathering(env *Environment, facts *review.Objects) *gathering {
	return &gathering{env: env, facts: facts, clusters: map[string]bool{}}
}

// namespace reads a namespace in which something is to be written, with its Databases and
// DatabaseUsers. It returns the latter.
func (g *gathering) namespace(ctx context.Context, name string) ([]*v1alpha1.DatabaseUser, error) {
	if err := g.meta(ctx, name); err != nil {
		return nil, err
	}
	if err := g.databases(ctx, name); err != nil {
		return nil, err
	}
	return g.users(ctx, name)
}

// databases reads the Databases of a namespace.
func (g *gathering) databases(ctx context.Context, namespace string) error {
	databases, err := readAll[v1alpha1.Database](ctx, g.env, dbKind, namespace)
	for i := range databases {
		g.facts.SetDatabase(&databases[i])
		g.clusters[databases[i].Spec.ClusterRef.Name] = true
	}
	return err
}

// users reads the DatabaseUsers of a namespace, and returns them.
func (g *gathering) users(ctx context.Context, namespace string) ([]*v1alpha1.DatabaseUser, error) {
	users, err := readAll[v1alpha1.DatabaseUser](ctx, g.env, userKind, namespace)
	if err != nil {
		return nil, err
	}
	all := make([]*v1alpha1.DatabaseUser, len(users))
	for i := range users {
		all[i] = &users[i]
		g.facts.SetUser(all[i])
	}
	return all, nil
}

// meta reads the labels and annotations of a namespace, unless they are known already. A
// namespace that does not exist adds nothing and is no error.
func (g *gathering) meta(ctx context.Context, name string) error {
	if _, known := g.facts.Namespace(name); known {
		return nil
	}
	kube, err := g.env.Dynamic()
	if err != nil {
		return err
	}
	object, err := kube.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get namespace %q: %w", name, err)
	}
	g.facts.SetNamespace(namespaceMeta(name, object.GetLabels(), object.GetAnnotations()))
	return nil
}

// shared reads a Database that a user refers to, and what its namespace says of sharing.
// What the caller may not read counts as not shared, and as not there; a note says so.
func (g *gathering) shared(ctx context.Context, access v1alpha1.DatabaseAccess) error {
	if _, known := g.facts.Database(access.Namespace, access.Name); known {
		return nil
	}
	if err := g.meta(ctx, access.Namespace); apierrors.IsForbidden(err) {
		g.env.note("you may not read namespace %q: judged as if it shared nothing", access.Namespace)
		g.facts.SetNamespace(namespaceMeta(access.Namespace, nil, nil))
	} else if err != nil {
		return err
	}
	client, err := g.env.client(dbKind, access.Namespace)
	if err != nil {
		return err
	}
	object, err := client.Get(ctx, access.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsForbidden(err):
		g.env.note("you may not read database %q of namespace %q: judged as if it did not exist", access.Name, access.Namespace)
		return nil
	case err != nil:
		return err
	}
	database, err := typed[v1alpha1.Database](object)
	if err != nil {
		return err
	}
	g.facts.SetDatabase(database)
	g.clusters[database.Spec.ClusterRef.Name] = true
	return nil
}

// known reads the DBClusters on which the Databases read so far stand.
func (g *gathering) known(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(g.clusters)) {
		if err := g.cluster(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (g *gathering) cluster(ctx context.Context, name string) error {
	client, err := g.env.client(clusterKind, "")
	if err != nil || name == "" {
		return err
	}
	object, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	cluster, err := typed[v1alpha1.DBCluster](object)
	if err == nil {
		g.facts.SetCluster(cluster)
	}
	return err
}

// namesakes reads the users of all namespaces, so that a message can say in which one the
// user is that a pod asks for. If the caller may not read them, the message does not.
func (g *gathering) namesakes(ctx context.Context) error {
	users, err := readAll[v1alpha1.DatabaseUser](ctx, g.env, userKind, metav1.NamespaceAll)
	if apierrors.IsForbidden(err) {
		return nil
	}
	for i := range users {
		g.facts.SetUser(&users[i])
	}
	return err
}
