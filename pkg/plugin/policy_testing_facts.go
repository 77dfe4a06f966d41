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

// testFacts are what the policies may know: what the cluster has, and in its place what
// the files have.
type testFacts struct {
	review.Objects
	// existed are the objects that were there before those of -f, by key.
	existed map[string]bool
	// users counts the DatabaseUsers of the files.
	users int
}

func key(m manifest) string { return m.GetKind() + " " + m.GetNamespace() + "/" + m.GetName() }

// facts gathers what the policies may know.
func (t *policyTest) facts(ctx context.Context, env *Environment, given given, namespace string) (*testFacts, error) {
	facts := &testFacts{existed: map[string]bool{}}
	for _, m := range given.data {
		if m.GetKind() == "Namespace" {
			facts.SetNamespace(namespaceMeta(m.GetName(), m.GetLabels(), m.GetAnnotations()))
		}
	}
	if !t.offline {
		g := &gathering{env: env, facts: facts}
		if err := g.all(ctx, given, namespace); err != nil {
			return nil, err
		}
	}
	for _, m := range given.data {
		if err := facts.overlay(m, t.assumeReady); err != nil {
			return nil, m.wrap(err)
		}
	}
	return facts, nil
}

// namespaceMeta returns a namespace with the label that the API server gives it.
func namespaceMeta(name string, labels, annotations map[string]string) *metav1.ObjectMeta {
	labels = maps.Clone(labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels["kubernetes.io/metadata.name"] = name
	return &metav1.ObjectMeta{Name: name, Labels: labels, Annotations: annotations}
}

// overlay puts an object of the files in place of the cluster's, whose status it keeps.
func (f *testFacts) overlay(m manifest, assumeReady bool) error {
	switch m.GetKind() {
	case v1alpha1.KindDBCluster:
		cluster, err := typed[v1alpha1.DBCluster](m.Unstructured)
		if err != nil {
			return err
		}
		if old, ok := f.Cluster(cluster.Name); ok {
			cluster.Status, f.existed[key(m)] = old.Status, true
		}
		f.SetCluster(cluster)
	case v1alpha1.KindDatabase:
		database, err := typed[v1alpha1.Database](m.Unstructured)
		if err != nil {
			return err
		}
		if old, ok := f.Database(database.Namespace, database.Name); ok {
			database.Status, f.existed[key(m)] = old.Status, true
		}
		f.SetDatabase(database)
	case v1alpha1.KindDatabaseUser:
		user, err := typed[v1alpha1.DatabaseUser](m.Unstructured)
		if err != nil {
			return err
		}
		if old, ok := f.User(user.Namespace, user.Name); ok {
			user.Status, f.existed[key(m)] = old.Status, true
		}
		f.users++
		if assumeReady && len(user.Status.Conditions) == 0 {
			assume(user)
		}
		f.SetUser(user)
	}
	return nil
}

// assume gives a user the status of one whose first credential works.
func assume(user *v1alpha1.DatabaseUser) {
	user.Status.Phase, user.Status.SecretName, user.Status.SecretRevision = v1alpha1.PhaseReady, user.SecretName(), 1
	user.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionCredentialsReady, Status: metav1.ConditionTrue}}
}

// gathering reads from the cluster what the objects of the files may be judged by.
type gathering struct {
	env   *Environment
	facts *testFacts
	pods  bool
}

func (g *gathering) all(ctx context.Context, given given, namespace string) error {
	own := map[string]bool{}
	var users []*v1alpha1.DatabaseUser
	clusters := map[string]bool{}
	for _, m := range given.subjects {
		if m.GetKind() == v1alpha1.KindDBCluster {
			clusters[m.GetName()] = true
			continue
		}
		if name := m.GetNamespace(); name != "" {
			own[name] = true
		} else {
			own[namespace] = true
		}
		_, err := ourKind(m.Unstructured)
		g.pods = g.pods || err != nil
	}
	for _, m := range given.data {
		switch m.GetKind() {
		case v1alpha1.KindDatabaseUser:
			user, err := typed[v1alpha1.DatabaseUser](m.Unstructured)
			if err != nil {
				return m.wrap(err)
			}
			users = append(users, user)
		case v1alpha1.KindDatabase:
			database, err := typed[v1alpha1.Database](m.Unstructured)
			if err != nil {
				return m.wrap(err)
			}
			clusters[database.Spec.ClusterRef.Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		found, err := g.namespace(ctx, name, clusters)
		if err != nil {
			return err
		}
		users = append(users, found...)
	}
	for _, user := range users {
		for _, access := range user.Access() {
			if err := g.shared(ctx, access, clusters); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		if err := g.cluster(ctx, name); err != nil {
			return err
		}
	}
	if g.pods {
		return g.namesakes(ctx)
	}
	return nil
}

// namespace reads a namespace that something is to be written to, with its Databases and
// DatabaseUsers.
func (g *gathering) namespace(ctx context.Context, name string, clusters map[string]bool) ([]*v1alpha1.DatabaseUser, error) {
	if err := g.meta(ctx, name); err != nil {
		return nil, err
	}
	list, err := g.env.list(ctx, dbKind, name, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	databases, err := typedList[v1alpha1.Database](list)
	if err != nil {
		return nil, err
	}
	for i := range databases {
		g.facts.SetDatabase(&databases[i])
		clusters[databases[i].Spec.ClusterRef.Name] = true
	}
	if list, err = g.env.list(ctx, userKind, name, metav1.ListOptions{}); err != nil {
		return nil, err
	}
	users, err := typedList[v1alpha1.DatabaseUser](list)
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

// meta reads the labels and annotations of a namespace that the files do not have. One
// that does not exist is not known.
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

// shared reads a database that a user refers to, and what its namespace says of sharing.
// What may not be read is taken for not shared.
func (g *gathering) shared(ctx context.Context, access v1alpha1.DatabaseAccess, clusters map[string]bool) error {
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
	clusters[database.Spec.ClusterRef.Name] = true
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

// namesakes reads the users of all namespaces, so that a pod is told where the one is
// that it asks for. Who may not read them is not told.
func (g *gathering) namesakes(ctx context.Context) error {
	list, err := g.env.list(ctx, userKind, metav1.NamespaceAll, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return err
	}
	users, err := typedList[v1alpha1.DatabaseUser](list)
	for i := range users {
		g.facts.SetUser(&users[i])
	}
	return err
}
