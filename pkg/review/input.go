package review

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// newInput returns what is the same for all kinds: who asks for what, where, when.
func newInput(r *Request, facts Facts, now time.Time) *policy.Input {
	return &policy.Input{
		Request: policy.Request{Operation: r.Operation, Kind: r.Kind.Kind, Name: r.Name, Namespace: r.Namespace,
			User: r.User.Username, Groups: r.User.Groups},
		Namespace: describeNamespace(r.Namespace, facts),
		Now:       now,
	}
}

func workloadInput(r *Request, pod *inject.Pod, ask *inject.Ask, facts Facts, now time.Time) *policy.Input {
	input := newInput(r, facts, now)
	name := pod.Name
	if name == "" {
		name = pod.GenerateName
	}
	input.Workload = &policy.Workload{Kind: r.Kind.Kind, Name: name, ServiceAccount: pod.ServiceAccountName,
		InjectionEnabled: input.Namespace.Labels[v1alpha1.LabelInjection] == "enabled"}
	input.Binding = describeBindings(ask, r.Namespace, facts)
	return input
}

func clusterInput(r *Request, cluster *v1alpha1.DBCluster, facts Facts, now time.Time) *policy.Input {
	input := newInput(r, facts, now)
	input.Cluster = describeCluster(cluster.Name, cluster)
	return input
}

func databaseInput(r *Request, database *v1alpha1.Database, facts Facts, now time.Time) *policy.Input {
	input := newInput(r, facts, now)
	input.Database = describeDatabase(database, input.Namespace)
	input.Cluster = findCluster(database.Spec.ClusterRef.Name, facts)
	return input
}

func userInput(r *Request, user *v1alpha1.DatabaseUser, facts Facts, now time.Time) *policy.Input {
	input := newInput(r, facts, now)
	reference := user.Spec.DatabaseRef.Name
	input.Role = &policy.Role{Name: user.Name, Namespace: r.Namespace, Privileges: string(user.Spec.Privileges), DatabaseNamespace: r.Namespace}
	database, ok := facts.Database(r.Namespace, reference)
	if !ok {
		input.Database = &policy.Database{Name: reference, Namespace: r.Namespace, NamespaceLabels: input.Namespace.Labels,
			AllowUsersFrom: policy.AllowUsersFrom(input.Namespace.Annotations[v1alpha1.AnnotationAllowUsersFrom])}
		input.Cluster = &policy.Cluster{}
		return input
	}
	input.Database = describeDatabase(database, input.Namespace)
	input.Cluster = findCluster(database.Spec.ClusterRef.Name, facts)
	return input
}

// describeNamespace returns a namespace without labels where there is none to be
// found: it admits nothing.
func describeNamespace(name string, facts Facts) policy.Namespace {
	if name == "" {
		return policy.Namespace{}
	}
	found, ok := facts.Namespace(name)
	if !ok {
		found = &metav1.ObjectMeta{}
	}
	return policy.Namespace{Name: name, Labels: found.Labels, Annotations: found.Annotations}
}

func describeDatabase(database *v1alpha1.Database, namespace policy.Namespace) *policy.Database {
	return &policy.Database{
		Name:        database.Name,
		Namespace:   namespace.Name,
		Exists:      true,
		Deleting:    database.DeletionTimestamp != nil,
		ClusterName: database.Spec.ClusterRef.Name,
		AllowUsersFrom: policy.AllowUsersFrom(database.Annotations[v1alpha1.AnnotationAllowUsersFrom],
			namespace.Annotations[v1alpha1.AnnotationAllowUsersFrom]),
		NamespaceLabels: namespace.Labels,
	}
}

func findCluster(name string, facts Facts) *policy.Cluster {
	cluster, ok := facts.Cluster(name)
	if !ok {
		cluster = nil
	}
	return describeCluster(name, cluster)
}

// describeCluster takes nil for a cluster that does not exist.
func describeCluster(name string, cluster *v1alpha1.DBCluster) *policy.Cluster {
	if cluster == nil {
		return &policy.Cluster{Name: name}
	}
	return &policy.Cluster{Name: name, Exists: true, AllowedNamespaces: cluster.Spec.AllowedNamespaces, NamespaceSelector: cluster.Spec.NamespaceSelector}
}
