package policy

import (
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// document builds the value that policies see as input. Making it from JSON or from a
// map[string]any would cost ten times the allocations: here strings are boxed once, terms
// come from blocks, and keys are shared between all documents.
type document struct {
	block []ast.Term
	uses  uses
}

// blockSize holds the terms of a usual input.
const blockSize = 40

// newDocument returns the document of an input. It shares no memory with the input but its
// strings, which do not change. Costly parts that no policy uses are left out.
func newDocument(in *Input, used uses) *ast.Term {
	d := &document{block: make([]ast.Term, 0, blockSize), uses: used}
	items := make([]field, 0, 9)
	items = append(items,
		field{keyRequest, d.request(&in.Request)},
		field{keyNamespace, d.namespace(&in.Namespace)},
		field{keyBinding, d.bindings(in.Binding)},
		field{keyNow, d.text(in.Now.UTC().Format(time.RFC3339))},
	)
	if in.Workload != nil {
		items = append(items, field{keyWorkload, d.workload(in.Workload)})
	}
	if in.Secrets != nil {
		items = append(items, field{keySecrets, d.secrets(in.Secrets)})
	}
	if in.Database != nil {
		items = append(items, field{keyDatabase, d.database(in.Database)})
	}
	if in.Role != nil {
		items = append(items, field{keyRole, d.role(in.Role)})
	}
	if in.Cluster != nil {
		items = append(items, field{keyCluster, d.cluster(in.Cluster)})
	}
	return d.object(items...)
}

// field is a key and its value.
type field = [2]*ast.Term

func (d *document) request(r *Request) *ast.Term {
	return d.object(
		field{keyOperation, d.text(r.Operation)},
		field{keyKind, d.text(r.Kind)},
		field{keyName, d.text(r.Name)},
		field{keyNamespace, d.text(r.Namespace)},
		field{keyUser, d.text(r.User)},
		field{keyGroups, d.list(r.Groups)},
	)
}

func (d *document) namespace(n *Namespace) *ast.Term {
	return d.object(
		field{keyName, d.text(n.Name)},
		field{keyLabels, d.texts(n.Labels)},
		field{keyAnnotations, d.texts(n.Annotations)},
	)
}

func (d *document) workload(w *Workload) *ast.Term {
	items := make([]field, 0, 8)
	items = append(items,
		field{keyKind, d.text(w.Kind)},
		field{keyName, d.text(w.Name)},
		field{keyServiceAccount, d.text(w.ServiceAccount)},
		field{keyInjectionEnabled, truth(w.InjectionEnabled)},
		field{keyReplicas, d.number(w.Replicas)},
		field{keyPoolSize, d.number(w.PoolSize)},
		field{keyConnections, d.number(w.Connections)},
	)
	if d.uses.workloadLabels {
		items = append(items, field{keyLabels, d.texts(w.Labels)})
	}
	return d.object(items...)
}

func (d *document) bindings(bindings []Binding) *ast.Term {
	if len(bindings) == 0 {
		return ast.InternedEmptyArray
	}
	terms := make([]*ast.Term, len(bindings))
	for i := range bindings {
		b := &bindings[i]
		terms[i] = d.object(
			field{keyUser, d.text(b.User)},
			field{keyAlias, d.text(b.Alias)},
			field{keyNamespace, d.text(b.Namespace)},
			field{keyExists, truth(b.Exists)},
			field{keyReady, truth(b.Ready)},
			field{keyDeleting, truth(b.Deleting)},
			field{keyOptional, truth(b.Optional)},
			field{keyPhase, d.text(b.Phase)},
			field{keyMessage, d.text(b.Message)},
			field{keyExpiresAt, d.text(b.ExpiresAt)},
			field{keyOtherNamespaces, d.list(b.OtherNamespaces)},
			field{keyServiceAccounts, d.list(b.ServiceAccounts)},
			field{keyLimits, d.limits(b.Limits)},
		)
	}
	return d.term(ast.NewArray(terms...))
}

func (d *document) limits(limits []Limit) *ast.Term {
	if len(limits) == 0 {
		return ast.InternedEmptyArray
	}
	terms := make([]*ast.Term, len(limits))
	for i, l := range limits {
		terms[i] = d.object(
			field{keyKind, d.text(l.Kind)},
			field{keyName, d.text(l.Name)},
			field{keyConnections, d.number(l.Connections)},
		)
	}
	return d.term(ast.NewArray(terms...))
}

func (d *document) secrets(uses []SecretUse) *ast.Term {
	terms := make([]*ast.Term, len(uses))
	for i := range uses {
		u := &uses[i]
		terms[i] = d.object(
			field{keyName, d.text(u.Name)},
			field{keyPath, d.text(u.Path)},
			field{keyUser, d.text(u.User)},
			field{keyRequested, truth(u.Requested)},
			field{keyServiceAccounts, d.list(u.ServiceAccounts)},
		)
	}
	return d.term(ast.NewArray(terms...))
}

func (d *document) database(db *Database) *ast.Term {
	items := make([]field, 0, 9)
	items = append(items,
		field{keyName, d.text(db.Name)},
		field{keyNamespace, d.text(db.Namespace)},
		field{keyExists, truth(db.Exists)},
		field{keyDeleting, truth(db.Deleting)},
		field{keyClusterName, d.text(db.ClusterName)},
		field{keyAllowUsersFrom, d.list(db.AllowUsersFrom)},
		field{keyNamespaceLabels, d.texts(db.NamespaceLabels)},
		field{keyLabels, d.texts(db.Labels)},
	)
	if db.Spec != nil && d.uses.databaseSpec {
		items = append(items, field{keySpec, d.databaseSpec(db.Spec)})
	}
	return d.object(items...)
}

func (d *document) databaseSpec(s *DatabaseSpec) *ast.Term {
	return d.object(
		field{keyOwner, d.text(s.Owner)},
		field{keySchemas, d.list(s.Schemas)},
		field{keyExtensions, d.list(s.Extensions)},
		field{keyParameters, d.texts(s.Parameters)},
		field{keyConnectionLimit, d.number(s.ConnectionLimit)},
		field{keyDeletionPolicy, d.text(s.DeletionPolicy)},
		field{keyDeletionProtection, truth(s.DeletionProtection)},
		field{keyForceDrop, truth(s.ForceDrop)},
		field{keyAdopt, truth(s.Adopt)},
	)
}

func (d *document) role(r *Role) *ast.Term {
	items := make([]field, 0, 9)
	items = append(items,
		field{keyName, d.text(r.Name)},
		field{keyNamespace, d.text(r.Namespace)},
		field{keyPrivileges, d.text(r.Privileges)},
		field{keyTablePrivileges, d.list(r.TablePrivileges)},
		field{keyDatabaseNamespace, d.text(r.DatabaseNamespace)},
		field{keyClusterName, d.text(r.ClusterName)},
		field{keyPath, d.text(r.Path)},
		field{keyLabels, d.texts(r.Labels)},
	)
	if d.uses.roleSpec {
		items = append(items, field{keySpec, d.roleSpec(&r.Spec)})
	}
	return d.object(items...)
}

func (d *document) roleSpec(s *RoleSpec) *ast.Term {
	return d.object(
		field{keyUsername, d.text(s.Username)},
		field{keyConnectionLimit, d.number(s.ConnectionLimit)},
		field{keySettings, d.texts(s.Settings)},
		field{keyRotationDays, d.number(s.RotationDays)},
		field{keyRotationStrategy, d.text(s.RotationStrategy)},
		field{keyExpiresAt, d.text(s.ExpiresAt)},
		field{keyServiceAccounts, d.list(s.ServiceAccounts)},
		field{keyDeletionPolicy, d.text(s.DeletionPolicy)},
		field{keyAdopt, truth(s.Adopt)},
	)
}

func (d *document) cluster(c *Cluster) *ast.Term {
	items := make([]field, 0, 4)
	items = append(items, field{keyName, d.text(c.Name)}, field{keyExists, truth(c.Exists)})
	if c.AllowedNamespaces != nil {
		items = append(items, field{keyAllowedNamespaces, d.list(c.AllowedNamespaces)})
	}
	if c.NamespaceSelector != nil {
		items = append(items, field{keyNamespaceSelector, d.selector(c.NamespaceSelector)})
	}
	return d.object(items...)
}

func (d *document) selector(s *metav1.LabelSelector) *ast.Term {
	requirements := make([]*ast.Term, len(s.MatchExpressions))
	for i := range s.MatchExpressions {
		r := &s.MatchExpressions[i]
		requirements[i] = d.object(
			field{keyKey, d.text(r.Key)},
			field{keyOperator, d.text(string(r.Operator))},
			field{keyValues, d.list(r.Values)},
		)
	}
	return d.object(
		field{keyMatchLabels, d.texts(s.MatchLabels)},
		field{keyMatchExpressions, d.term(ast.NewArray(requirements...))},
	)
}

func (d *document) object(items ...field) *ast.Term {
	return d.term(ast.NewObject(items...))
}

func (d *document) texts(m map[string]string) *ast.Term {
	if len(m) == 0 {
		return ast.InternedEmptyObject
	}
	items := make([]field, 0, len(m))
	for key, value := range m {
		items = append(items, field{d.text(key), d.text(value)})
	}
	return d.object(items...)
}

func (d *document) list(list []string) *ast.Term {
	if len(list) == 0 {
		return ast.InternedEmptyArray
	}
	terms := make([]*ast.Term, len(list))
	for i, text := range list {
		terms[i] = d.text(text)
	}
	return d.term(ast.NewArray(terms...))
}

func (d *document) text(s string) *ast.Term {
	if s == "" {
		return ast.InternedEmptyString
	}
	return d.term(ast.String(s))
}

func (d *document) number(n int64) *ast.Term {
	return ast.InternedTerm(n)
}

// term returns a term from the current block. A full block is left behind rather
// than grown, which would copy it and keep both.
func (d *document) term(value ast.Value) *ast.Term {
	if len(d.block) == cap(d.block) {
		d.block = make([]ast.Term, 0, blockSize)
	}
	d.block = append(d.block, ast.Term{Value: value})
	return &d.block[len(d.block)-1]
}

func truth(b bool) *ast.Term {
	if b {
		return ast.InternedBooleanTrue
	}
	return ast.InternedBooleanFalse
}
