package policy

import (
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Input is what a policy may know of a request. policies/input.schema.json
// describes the document that policies see, field by field. It holds no value of a
// Secret, and no field for one.
//
// Request, Namespace and Now are always needed. The area workload needs Workload
// too, and the area guard Workload and Secrets; in the area resources the kind Database needs Database and Cluster, the kind
// DatabaseUser needs Role, Database and Cluster. Evaluate denies without them: a
// policy that finds nothing would not object.
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
	// Now is the time of the decision. Never zero: an exception that has an expiry
	// would then never expire.
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
	// PoolSize is how many connections each of them says that it opens; 0 where it does
	// not say. Connections is what that comes to: policies cannot multiply.
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
	// Path is the reference: "spec.databaseRef", "spec.databaseRefs[2]".
	Path   string
	Labels map[string]string
	Spec   RoleSpec
}

// RoleSpec is what a DatabaseUser asks for, whatever the Database.
type RoleSpec struct {
	// Username is the name in PostgreSQL that it asks for, empty where that follows from
	// its own.
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
// dbtether.io/allow-users-from, which separates them by commas. It returns "*" as
// it stands there. What is longer than the name of a namespace is left out, and so is
// what comes after the first 1024: who writes the annotation is not who pays for it.
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

// maxInput bounds the text of an Input, in bytes. A Kubernetes object is at most
// 1.5 MiB; an Input is an excerpt of a few.
const maxInput = 1 << 20

// check returns an error if the input is not what the policies of the area rely
// on: they decide on what is there, and say nothing of what is missing.
func (in *Input) check(area string) error {
	switch {
	case in == nil:
		return errors.New("no input")
	case in.Now.IsZero():
		return errors.New("input without the time of the decision")
	case in.Request.Kind == "":
		return errors.New("input without the kind of the object")
	case in.Request.Namespace != in.Namespace.Name:
		return fmt.Errorf("input with a request in namespace %q and the namespace %q", in.Request.Namespace, in.Namespace.Name)
	}
	if size := in.size(); size > maxInput {
		return fmt.Errorf("input of %d bytes, more than %d", size, maxInput)
	}
	switch area {
	case AreaWorkload:
		return in.checkWorkload()
	case AreaGuard:
		if in.Secrets == nil {
			return errors.New("input without the Secrets that the workload refers to")
		}
		return in.checkWorkload()
	default:
		return in.checkResources()
	}
}

func (in *Input) checkWorkload() error {
	if in.Workload == nil {
		return errors.New("input without a workload")
	}
	if in.Workload.ServiceAccount == "" {
		return errors.New("input with a workload without its service account")
	}
	for i := range in.Binding {
		if got := in.Binding[i].Namespace; got != in.Namespace.Name {
			return fmt.Errorf("input with a binding in namespace %q for a workload in %q", got, in.Namespace.Name)
		}
	}
	return nil
}

func (in *Input) checkResources() error {
	user := in.Request.Kind == kindDatabaseUser
	switch {
	case !user && in.Request.Kind != kindDatabase:
		return nil
	case in.Database == nil || in.Cluster == nil || user && in.Role == nil:
		return fmt.Errorf("input for a %s without its database, its cluster or its role", in.Request.Kind)
	case in.Namespace.Name == "":
		return fmt.Errorf("input for a %s without its namespace", in.Request.Kind)
	case in.Database.ClusterName != in.Cluster.Name:
		return fmt.Errorf("input with a database on cluster %q and the cluster %q", in.Database.ClusterName, in.Cluster.Name)
	case !user && in.Database.Namespace != in.Namespace.Name:
		return fmt.Errorf("input with a database in namespace %q and the namespace %q", in.Database.Namespace, in.Namespace.Name)
	case user && in.Role.Namespace != in.Namespace.Name:
		return fmt.Errorf("input with a role in namespace %q and the namespace %q", in.Role.Namespace, in.Namespace.Name)
	case user && in.Role.Path == "":
		return errors.New("input with a role without the path of its reference")
	case user && in.Role.DatabaseNamespace != in.Database.Namespace:
		return fmt.Errorf("input with a role for a database in namespace %q and a database in %q", in.Role.DatabaseNamespace, in.Database.Namespace)
	}
	return nil
}

// The kinds whose review has parts that policies rely on.
const (
	kindDatabase     = "Database"
	kindDatabaseUser = "DatabaseUser"
)

// size returns how many bytes of text the input holds, an entry of a list or a map
// counting at least one.
func (in *Input) size() int {
	r := &in.Request
	size := len(r.Operation) + len(r.Kind) + len(r.Name) + len(r.Namespace) + len(r.User) + sizeOfList(r.Groups) +
		len(in.Namespace.Name) + sizeOfMap(in.Namespace.Labels) + sizeOfMap(in.Namespace.Annotations)
	if w := in.Workload; w != nil {
		size += len(w.Kind) + len(w.Name) + len(w.ServiceAccount) + sizeOfMap(w.Labels)
	}
	for i := range in.Binding {
		b := &in.Binding[i]
		size += 1 + len(b.User) + len(b.Alias) + len(b.Namespace) + len(b.Phase) + len(b.Message) + len(b.ExpiresAt) + sizeOfList(b.OtherNamespaces) + sizeOfList(b.ServiceAccounts)
		for j := range b.Limits {
			size += 1 + len(b.Limits[j].Kind) + len(b.Limits[j].Name)
		}
	}
	for i := range in.Secrets {
		s := &in.Secrets[i]
		size += 1 + len(s.Name) + len(s.Path) + len(s.User) + sizeOfList(s.ServiceAccounts)
	}
	if d := in.Database; d != nil {
		size += len(d.Name) + len(d.Namespace) + len(d.ClusterName) + sizeOfList(d.AllowUsersFrom) + sizeOfMap(d.NamespaceLabels) +
			sizeOfMap(d.Labels) + d.Spec.size()
	}
	if r := in.Role; r != nil {
		size += len(r.Name) + len(r.Namespace) + len(r.Privileges) + sizeOfList(r.TablePrivileges) + len(r.DatabaseNamespace) + len(r.ClusterName) + len(r.Path) +
			sizeOfMap(r.Labels) + r.Spec.size()
	}
	if c := in.Cluster; c != nil {
		size += len(c.Name) + sizeOfList(c.AllowedNamespaces)
		if s := c.NamespaceSelector; s != nil {
			size += sizeOfMap(s.MatchLabels)
			for i := range s.MatchExpressions {
				e := &s.MatchExpressions[i]
				size += 1 + len(e.Key) + len(e.Operator) + sizeOfList(e.Values)
			}
		}
	}
	return size
}

func (s *DatabaseSpec) size() int {
	if s == nil {
		return 0
	}
	return len(s.Owner) + sizeOfList(s.Schemas) + sizeOfList(s.Extensions) + sizeOfMap(s.Parameters) + len(s.DeletionPolicy)
}

func (s *RoleSpec) size() int {
	return len(s.Username) + sizeOfMap(s.Settings) + len(s.RotationStrategy) + len(s.ExpiresAt) + sizeOfList(s.ServiceAccounts) + len(s.DeletionPolicy)
}

func sizeOfList(list []string) int {
	size := len(list)
	for _, text := range list {
		size += len(text)
	}
	return size
}

func sizeOfMap(m map[string]string) int {
	size := len(m)
	for key, value := range m {
		size += len(key) + len(value)
	}
	return size
}
