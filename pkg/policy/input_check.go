package policy

import (
	"errors"
	"fmt"
)

// maxInput bounds the text of an Input, in bytes. A Kubernetes object is at most
// 1.5 MiB; an Input is an excerpt of a few.
const maxInput = 1 << 20

// check returns an error if the input lacks something that the policies of the area rely on,
// or contradicts itself: they decide on what is there, and do not notice what is missing.
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

// The kinds for which checkResources needs more than a request.
const (
	kindDatabase     = "Database"
	kindDatabaseUser = "DatabaseUser"
)

// size returns how many bytes of text the input holds. Each entry of a list or a map counts as
// one byte more, so that many empty ones are not nothing.
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
