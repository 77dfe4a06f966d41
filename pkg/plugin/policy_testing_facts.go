package plugin

import (
	"context"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

func manifestKey(m manifest) string { return m.GetKind() + " " + m.GetNamespace() + "/" + m.GetName() }

// facts gathers what the policies may know.
func (t *policyTest) facts(ctx context.Context, env *Environment, given given, namespace string) (*testFacts, error) {
	facts := &testFacts{existed: map[string]bool{}}
	for _, m := range given.data {
		if m.GetKind() == "Namespace" {
			facts.SetNamespace(namespaceMeta(m.GetName(), m.GetLabels(), m.GetAnnotations()))
		}
	}
	if !t.offline {
		g := newGathering(env, &facts.Objects)
		if err := t.gather(ctx, g, given, namespace); err != nil {
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
			cluster.Status, f.existed[manifestKey(m)] = old.Status, true
		}
		f.SetCluster(cluster)
	case v1alpha1.KindDatabase:
		database, err := typed[v1alpha1.Database](m.Unstructured)
		if err != nil {
			return err
		}
		if old, ok := f.Database(database.Namespace, database.Name); ok {
			database.Status, f.existed[manifestKey(m)] = old.Status, true
		}
		f.SetDatabase(database)
	case v1alpha1.KindDatabaseUser:
		user, err := typed[v1alpha1.DatabaseUser](m.Unstructured)
		if err != nil {
			return err
		}
		if old, ok := f.User(user.Namespace, user.Name); ok {
			user.Status, f.existed[manifestKey(m)] = old.Status, true
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

// gather reads from the cluster what the objects of the files may be judged by.
func (t *policyTest) gather(ctx context.Context, g *gathering, given given, namespace string) error {
	own, pods := map[string]bool{}, false
	var users []*v1alpha1.DatabaseUser
	for _, m := range given.subjects {
		if m.GetKind() == v1alpha1.KindDBCluster {
			g.clusters[m.GetName()] = true
			continue
		}
		if name := m.GetNamespace(); name != "" {
			own[name] = true
		} else {
			own[namespace] = true
		}
		_, err := ourKind(m.Unstructured)
		pods = pods || err != nil
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
			g.clusters[database.Spec.ClusterRef.Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		found, err := g.namespace(ctx, name)
		if err != nil {
			return err
		}
		users = append(users, found...)
	}
	for _, user := range users {
		for _, access := range user.Access() {
			if err := g.shared(ctx, access); err != nil {
				return err
			}
		}
	}
	if err := g.known(ctx); err != nil {
		return err
	}
	if pods {
		return g.namesakes(ctx)
	}
	return nil
}
