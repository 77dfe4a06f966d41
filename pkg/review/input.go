package review

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// newInput returns the part of an input that all kinds have: who asks for what, where, when.
// The error is a namespace that cannot be found.
func newInput(request policy.Request, facts Facts, now time.Time) (policy.Input, error) {
	input := policy.Input{Request: request, Now: now}
	if request.Namespace == "" {
		return input, nil
	}
	found, ok := facts.Namespace(request.Namespace)
	if !ok {
		// A namespace without labels would meet every selector that excludes one.
		return input, cmp.Or(facts.Err(), fmt.Errorf("namespace %q cannot be found", request.Namespace))
	}
	input.Namespace = policy.Namespace{Name: request.Namespace, Labels: found.Labels, Annotations: found.Annotations}
	return input, nil
}

func requestOf(r *Request) policy.Request {
	return policy.Request{Operation: r.Operation, Kind: r.Kind.Kind, Name: r.Name, Namespace: r.Namespace,
		User: r.User.Username, Groups: r.User.Groups}
}

// subject is the pod under review, or the template of pods.
type subject struct {
	request policy.Request
	// name is that of the pod, or of the object that the template is part of.
	name string
	// replicas is how many pods there are to be.
	replicas int64
	pod      *inject.Pod
}

// podSubject returns the subject of a request for a pod.
func podSubject(r *Request, pod *inject.Pod) subject {
	s := subject{request: requestOf(r), name: pod.Name, replicas: 1, pod: pod}
	if s.name == "" {
		s.name = pod.GenerateName
	}
	return s
}

// workloadInput returns what policies are told of a subject; ask is nil where it asks for
// nothing. The error is that of Facts, or a namespace that cannot be found.
func workloadInput(s subject, ask *inject.Ask, facts Facts, now time.Time) (*policy.Input, error) {
	input, err := newInput(s.request, facts, now)
	if err != nil {
		return nil, err
	}
	input.Workload = &policy.Workload{Kind: s.request.Kind, Name: s.name, Labels: s.pod.Labels, Replicas: s.replicas,
		ServiceAccount:   cmp.Or(s.pod.ServiceAccountName, "default"),
		InjectionEnabled: injectionEnabled(input.Namespace.Labels)}
	if ask != nil {
		input.Workload.PoolSize, input.Workload.Connections = ask.PoolSize, ask.PoolSize*s.replicas
		input.Binding = describeBindings(ask, s.request.Namespace, facts)
	}
	return &input, facts.Err()
}

func clusterInput(input policy.Input, cluster *v1alpha1.DBCluster) *policy.Input {
	input.Cluster = describeCluster(cluster.Name, cluster)
	return &input
}

func databaseInput(input policy.Input, database *v1alpha1.Database, facts Facts) *policy.Input {
	input.Database = describeDatabase(database, input.Namespace)
	input.Cluster = findCluster(database.Spec.ClusterRef.Name, facts)
	return &input
}

// userInputs returns one input for each database that the user refers to. Role.ClusterName
// is left to decide, which evaluates them one after another.
func userInputs(input policy.Input, user *v1alpha1.DatabaseUser, facts Facts) []*policy.Input {
	access := user.Access()
	inputs := make([]*policy.Input, len(access))
	for i, ref := range access {
		one := input
		one.Role = &policy.Role{Name: user.Name, Namespace: input.Namespace.Name, DatabaseNamespace: ref.Namespace,
			Privileges: string(ref.Privileges), TablePrivileges: tablePrivileges(user, ref.Name), Path: "spec.databaseRef",
			Labels: user.Labels, Spec: describeUser(user)}
		if user.Spec.DatabaseRef == nil {
			one.Role.Path = fmt.Sprintf("spec.databaseRefs[%d]", i)
		}
		namespace := input.Namespace
		if ref.Namespace != namespace.Name {
			namespace = describeNamespace(ref.Namespace, facts)
		}
		one.Database, one.Cluster = findDatabase(ref.Name, namespace, facts)
		inputs[i] = &one
	}
	return inputs
}

// tablePrivileges returns what additionalGrants gives in a database, each privilege
// once. A grant that names the database of that name in another namespace counts too.
func tablePrivileges(user *v1alpha1.DatabaseUser, database string) (privileges []string) {
	for _, grant := range user.Spec.AdditionalGrants {
		if grant.Database != "" && grant.Database != database {
			continue
		}
		for _, privilege := range grant.Privileges {
			if !slices.Contains(privileges, string(privilege)) {
				privileges = append(privileges, string(privilege))
			}
		}
	}
	return privileges
}

// describeNamespace returns what policies are told of a namespace. One that cannot be found
// has no labels and no annotations, so that no Database in it is shared.
func describeNamespace(name string, facts Facts) policy.Namespace {
	found, ok := facts.Namespace(name)
	if !ok {
		found = &metav1.ObjectMeta{}
	}
	return policy.Namespace{Name: name, Labels: found.Labels, Annotations: found.Annotations}
}

// findDatabase returns what policies are told of a Database and of its cluster. If there is
// no such Database, only its name and what its namespace says are known.
func findDatabase(name string, namespace policy.Namespace, facts Facts) (*policy.Database, *policy.Cluster) {
	database, ok := facts.Database(namespace.Name, name)
	if !ok {
		return &policy.Database{Name: name, Namespace: namespace.Name, NamespaceLabels: namespace.Labels,
			AllowUsersFrom: policy.AllowUsersFrom(namespace.Annotations[v1alpha1.AnnotationAllowUsersFrom])}, &policy.Cluster{}
	}
	return describeDatabase(database, namespace), findCluster(database.Spec.ClusterRef.Name, facts)
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
		Labels:          database.Labels,
		Spec:            describeSpec(&database.Spec),
	}
}

func describeSpec(spec *v1alpha1.DatabaseSpec) *policy.DatabaseSpec {
	described := &policy.DatabaseSpec{Owner: spec.Owner, Schemas: texts(spec.Schemas), Parameters: textsByName(spec.Parameters), ConnectionLimit: limit(spec.ConnectionLimit),
		DeletionPolicy: string(spec.DeletionPolicy), DeletionProtection: spec.DeletionProtection, ForceDrop: spec.ForceDrop, Adopt: spec.Adopt}
	for _, extension := range spec.Extensions {
		name, _, _ := extension.Parts()
		described.Extensions = append(described.Extensions, name)
	}
	return described
}

func describeUser(user *v1alpha1.DatabaseUser) policy.RoleSpec {
	spec := &user.Spec
	described := policy.RoleSpec{Username: spec.Username, ConnectionLimit: limit(spec.ConnectionLimit), Settings: textsByName(spec.Settings),
		RotationStrategy: string(user.Strategy()), ServiceAccounts: spec.ServiceAccounts, DeletionPolicy: string(spec.DeletionPolicy), Adopt: spec.Adopt}
	if spec.Rotation != nil {
		described.RotationDays = int64(spec.Rotation.Days)
	}
	described.ExpiresAt = expiresAt(user)
	return described
}

// expiresAt returns when a user may no longer log in; empty: never.
func expiresAt(user *v1alpha1.DatabaseUser) string {
	if user.Spec.ExpiresAt == nil {
		return ""
	}
	return user.Spec.ExpiresAt.UTC().Format(time.RFC3339)
}

// limit returns a connection limit, -1 where there is none.
func limit(n *int32) int64 {
	if n == nil {
		return -1
	}
	return int64(*n)
}

func texts[T ~string](list []T) []string {
	if list == nil {
		return nil
	}
	result := make([]string, len(list))
	for i, text := range list {
		result[i] = string(text)
	}
	return result
}

func textsByName[T ~string](m map[string]T) map[string]string {
	if m == nil {
		return nil
	}
	result := make(map[string]string, len(m))
	for name, text := range m {
		result[name] = string(text)
	}
	return result
}

func findCluster(name string, facts Facts) *policy.Cluster {
	cluster, ok := facts.Cluster(name)
	if !ok {
		cluster = nil
	}
	return describeCluster(name, cluster)
}

// describeCluster returns what policies are told of a cluster, nil for one that does not
// exist.
func describeCluster(name string, cluster *v1alpha1.DBCluster) *policy.Cluster {
	if cluster == nil {
		return &policy.Cluster{Name: name}
	}
	return &policy.Cluster{Name: name, Exists: true, AllowedNamespaces: cluster.Spec.AllowedNamespaces, NamespaceSelector: cluster.Spec.NamespaceSelector}
}
