package policy

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Input is what policies are told of a request. policies/input.schema.json describes the
// document that they see, field by field. It holds no value of a Secret, and has no field for
// one.
//
// Request, Namespace and Now are always needed. The area workload needs Workload, too, and
// the area guard Workload and Secrets. In the area resources the kind Database needs Database
// and Cluster, and the kind DatabaseUser needs Role, Database and Cluster. Evaluate denies
// without them, because a policy objects to nothing that is not there.
type Input struct {
	Request   Request
	Namespace Namespace
	// Workload is the pod, or the template of one.
	Workload *Workload
	// Binding holds one entry for each DatabaseUser that the workload asks for.
	Binding []Binding
	// Secrets holds one entry for each Secret of a DatabaseUser that the workload refers to.
	// Nil but in the area guard.
	Secrets []SecretUse
	// Database is the Database under review, or the one that Role refers to.
	Database *Database
	// Role is the DatabaseUser under review.
	Role *Role
	// Cluster is the DBCluster of Database; without a name where that is not known.
	Cluster *Cluster
	// Now is the time of the decision. It is never zero: no exception would ever expire.
	Now time.Time
}

// Request says who wants to do what.
type Request struct {
	Operation string
	Kind      string
	Name      string
	// Namespace is that of the object: the same as Input.Namespace.Name.
	Namespace string
	User      string
	Groups    []string
}

// Namespace is the namespace of the object under review. Its name is empty for a
// cluster-scoped object.
type Namespace struct {
	Name        string
	Labels      map[string]string
	Annotations map[string]string
}

// Workload is a pod, or the template of one.
type Workload struct {
	Kind string
	Name string
	// Labels are those of the pod.
	Labels map[string]string
	// ServiceAccount is never empty: a pod that names none has "default".
	ServiceAccount string
	// InjectionEnabled says whether the namespace admits injection.
	InjectionEnabled bool
	// Replicas is how many such pods there are to be; 1 for a pod.
	Replicas int64
	// PoolSize is how many connections each of the pods says that it opens; 0 where it does not
	// say. Connections is that times Replicas, because policies cannot multiply.
	PoolSize, Connections int64
}

// Binding is a DatabaseUser that a workload asks for, and whether it can have it.
type Binding struct {
	User  string
	Alias string
	// Namespace is where User was looked for: that of the workload.
	Namespace string
	Exists    bool
	// Ready says whether its Secret can be used: the condition CredentialsReady. A
	// user that works is ready even while a later change of it fails.
	Ready    bool
	Deleting bool
	// Optional says that the workload starts without a credential that is not there yet.
	Optional bool
	Phase    string
	Message  string
	// ExpiresAt is a time like 2030-01-31T00:00:00Z, empty for never.
	ExpiresAt string
	// OtherNamespaces lists where else a DatabaseUser has this name. Needed only
	// where Exists is false.
	OtherNamespaces []string
	// ServiceAccounts are those whose pods may have the credential; none: all.
	ServiceAccounts []string
	// Limits are the known bounds of the user's connections. Needed only where the
	// workload says how many it opens.
	Limits []Limit
}

// Limit is how many connections a DatabaseUser, its first Database or the DBCluster of
// that one takes.
type Limit struct {
	Kind        string
	Name        string
	Connections int64
}

// SecretUse is a Secret of a DatabaseUser, or a revision of one, that a workload refers to.
type SecretUse struct {
	// Name is that of the Secret, Path where the workload refers to it first:
	// "spec.containers[0].env[3]".
	Name, Path string
	// User is the DatabaseUser whose credential it is.
	User string
	// Requested says whether the workload asks for User by its annotation.
	Requested bool
	// ServiceAccounts are those whose pods may have the credential; none: all.
	ServiceAccounts []string
}

// Database is a Database. Where Exists is false, only its names, NamespaceLabels
// and what its Namespace says of AllowUsersFrom are known.
type Database struct {
	Name        string
	Namespace   string
	Exists      bool
	Deleting    bool
	ClusterName string
	// AllowUsersFrom lists the namespaces whose DatabaseUsers may use the Database,
	// by its own annotation and by that of its Namespace. See AllowUsersFrom.
	AllowUsersFrom []string
	// NamespaceLabels are those of the Database's Namespace.
	NamespaceLabels map[string]string
	Labels          map[string]string
	// Spec is what it asks for; nil where it does not exist.
	Spec *DatabaseSpec
}

// DatabaseSpec is what a Database asks for.
type DatabaseSpec struct {
	Owner string
	// Extensions are names, without schema and version.
	Schemas, Extensions []string
	Parameters          map[string]string
	// ConnectionLimit is -1 where there is none.
	ConnectionLimit    int64
	DeletionPolicy     string
	DeletionProtection bool
	ForceDrop          bool
	Adopt              bool
}

// Role is a DatabaseUser and one of the Databases that it refers to. A DatabaseUser of
// several has an Input for each.
type Role struct {
	Name      string
	Namespace string
	// Privileges are those in that Database, TablePrivileges those on some of its tables.
	Privileges      string
	TablePrivileges []string
	// DatabaseNamespace is the namespace of that Database: its own, if the reference
	// does not name one. The same as Input.Database.Namespace.
	DatabaseNamespace string
	// ClusterName is the DBCluster of the Databases before that one which it may use;
	// empty where there is none.
	ClusterName string
	// Path is the field with the reference: "spec.databaseRef", "spec.databaseRefs[2]".
	Path   string
	Labels map[string]string
	Spec   RoleSpec
}

// RoleSpec is what a DatabaseUser asks for, whatever the Database.
type RoleSpec struct {
	// Username is the name in PostgreSQL that it asks for; empty where that is derived from its
	// own.
	Username string
	// ConnectionLimit is -1 where there is none.
	ConnectionLimit int64
	Settings        map[string]string
	// RotationDays is 0 where no rotation is scheduled.
	RotationDays     int64
	RotationStrategy string
	// ExpiresAt is a time like 2030-01-31T00:00:00Z, empty for never.
	ExpiresAt       string
	ServiceAccounts []string
	DeletionPolicy  string
	Adopt           bool
}

// Cluster is a DBCluster and who may use it.
type Cluster struct {
	Name   string
	Exists bool
	// AllowedNamespaces is nil where the DBCluster does not say, and empty where it
	// admits none.
	AllowedNamespaces []string
	NamespaceSelector *metav1.LabelSelector
}

// AllowUsersFrom returns the namespaces in values of the annotation
// dbtether.io/allow-users-from, which separates them by commas; "*" is returned as it is.
// Names that are too long for a namespace are left out, and so is what comes after the first
// 1024: who writes the annotation should not be able to make others' reviews slow.
func AllowUsersFrom(annotations ...string) []string {
	var namespaces []string
	for _, value := range annotations {
		for name := range strings.SplitSeq(value, ",") {
			if len(namespaces) == maxSharing {
				return namespaces
			}
			if name = strings.TrimSpace(name); name != "" && len(name) <= maxNamespace {
				namespaces = append(namespaces, name)
			}
		}
	}
	return namespaces
}

const (
	maxSharing   = 1024
	maxNamespace = 63 // RFC 1123 label
)
