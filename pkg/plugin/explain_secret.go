package plugin

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// secretAccount is what explain says of a Secret.
type secretAccount struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// RevisionOf is the Secret that this one is a revision of.
	RevisionOf string `json:"revisionOf,omitempty"`
	// Managed says that it has revisions; nil where that could not be looked at.
	Managed   *bool         `json:"managed,omitempty"`
	Revision  int64         `json:"revision,omitempty"`
	Written   string        `json:"written,omitempty"`
	Author    string        `json:"author,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	Users     []secretOwner `json:"users"`
	Pods      []consumer    `json:"pods"`
	Workloads []consumer    `json:"workloads"`
	NotSeen   []string      `json:"notSeen"`
}

// secretOwner is a DatabaseUser whose credential is in the Secret.
type secretOwner struct {
	Name      string   `json:"name"`
	Login     string   `json:"login"`
	Phase     string   `json:"phase"`
	Revision  int64    `json:"revision,omitempty"` // that the login's password is of
	Databases []string `json:"databases"`
}

// explainSecret returns what is to be said of a Secret. That it may not be read is no
// error as long as a DatabaseUser says that its credential is there.
func explainSecret(ctx context.Context, s *sight, o explainedObject) (account, error) {
	if err := s.readNamespace(ctx); err != nil {
		return nil, err
	}
	name := v1alpha1.LiveSecret(o.name)
	owners := s.UsersOfSecret(s.namespace, name)
	_, err := o.read(ctx, s.env, s.namespace)
	if err != nil && (len(owners) == 0 || !s.noteForbidden(err)) {
		if apierrors.IsNotFound(err) && len(owners) > 0 && name == o.name {
			err = Hinted(err, "it is to hold the credential of %s: kubectl dbtether explain user/%s -n %s says what that waits for", owners[0].Name, owners[0].Name, s.namespace)
		}
		return nil, err
	}
	l, err := s.secret(ctx, name)
	if err != nil {
		return nil, err
	}
	a := &secretAccount{Kind: o.kind, Name: o.name, Namespace: s.namespace, Revision: l.revision, Author: l.author, Reason: l.reason, Users: []secretOwner{}}
	if l.seen {
		a.Managed = &l.managed
	}
	if name != o.name {
		a.RevisionOf = name
	}
	if !l.changed.IsZero() {
		a.Written = l.changed.UTC().Format(time.RFC3339)
	}
	for _, user := range owners {
		owner := secretOwner{Name: user.Name, Login: user.CurrentUsername(), Phase: cmp.Or(user.Status.Phase, v1alpha1.PhasePending), Revision: user.Status.SecretRevision, Databases: []string{}}
		for _, access := range user.Access() {
			owner.Databases = append(owner.Databases, databaseOf(user, access))
		}
		a.Users = append(a.Users, owner)
	}
	a.Pods, a.Workloads, err = s.consumers(ctx, wanted{owners, []live{l}})
	a.NotSeen = s.notSeen
	return a, err
}

// databaseOf names a database of a user: orders (readonly), with its namespace where that
// is another.
func databaseOf(user *v1alpha1.DatabaseUser, access v1alpha1.DatabaseAccess) string {
	name := access.Name
	if access.Namespace != user.Namespace {
		name = access.Namespace + "/" + name
	}
	return fmt.Sprintf("%s (%s)", name, access.Privileges)
}

func (a *secretAccount) describe() *description {
	text := newAccountText(a.Name, a.Namespace)
	if a.RevisionOf != "" {
		text.field("Revision of", a.RevisionOf+": what follows is about that")
	}
	switch {
	case a.Managed == nil:
		text.field("Managed", "<unknown>")
	case *a.Managed:
		text.field("Managed", "yes")
	default:
		text.field("Managed", "no: it has no revisions")
	}
	text.field("Revision", numbered(a.Revision))
	text.fieldIfSet("Written", strings.TrimSuffix(strings.TrimSuffix(a.Written+" by "+a.Author+": "+a.Reason, ": "), " by "))
	text.section("Credential of")
	if len(a.Users) > 0 {
		text.row("USER", "LOGIN", "REVISION", "DATABASES", "PHASE")
	}
	for _, u := range a.Users {
		text.row(u.Name, u.Login, numbered(u.Revision), strings.Join(u.Databases, ", "), u.Phase)
	}
	text.consumers(a.Pods, a.Workloads)
	text.notSeen(a.NotSeen)
	return text
}
