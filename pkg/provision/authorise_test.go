package provision_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// Who may not read what admits a user to a database does not know that it is admitted no
// more: the run fails, and the login stays as it is.
func TestWhatCannotBeReadEndsNoAccess(t *testing.T) {
	team := map[string]any{"labels": map[string]any{v1alpha1.LabelTeam: "orders"}}
	all := map[string]any{"annotations": map[string]any{v1alpha1.AnnotationAllowUsersFrom: "*"}}
	none := map[string]any{"annotations": map[string]any{v1alpha1.AnnotationAllowUsersFrom: nil}}
	for _, c := range []struct {
		name string
		// theirs and own are of the namespaces of the database and of the user.
		theirs, own map[string]any
		// unread is what may not be read.
		unread string
	}{
		{"the label of the database's namespace", team, team, `namespace "ID"`},
		{"the label of the user's namespace", team, team, `namespace "ID-own"`},
		{"the annotation of the database's namespace", all, none, `namespace "ID"`},
		{"the policies", all, none, "policies"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			own, unread := s.id+"-own", strings.ReplaceAll(c.unread, "ID", s.id)
			s.namespace(t, own)
			s.patch(t, namespaces, "", own, map[string]any{"metadata": c.own})
			s.patch(t, namespaces, "", s.id, map[string]any{"metadata": c.theirs})
			user := s.guest(t, own)
			if err := s.logsIn(t, user); err != nil {
				t.Fatal(err)
			}
			if c.unread == "policies" { // without an exception, it is admitted no more
				s.patch(t, namespaces, "", s.id, map[string]any{"metadata": none})
			}

			err := s.reconcile(t, s.withoutReading(t, unread, own), user)
			var noAccess *provision.NoAccessError
			if !errors.As(err, &noAccess) || !strings.Contains(err.Error(), unread) {
				t.Errorf("got %v", err)
			}
			if err := s.logsIn(t, user); err != nil {
				t.Errorf("afterwards: %v", err)
			}

			// Who may read all finds out.
			err = s.reconcile(t, s.provisioner(t, "", nil), user)
			var denied *provision.DeniedError
			if errors.As(err, &denied) != (c.unread == "policies") || denied == nil && err != nil {
				t.Errorf("by the administrator: %v", err)
			}
			if err := s.logsIn(t, user); (err == nil) != (denied == nil) {
				t.Errorf("after the administrator: %v", err)
			}
		})
	}
}

// withoutReading returns a provisioner of somebody who may provision in two namespaces, and
// read both and the policies, less what unread names.
func (s *site) withoutReading(t *testing.T, unread, own string) *provision.Provisioner {
	t.Helper()
	rules := []any{
		rule(v1alpha1.GroupVersion.Group, []any{"*"}, []any{"get", "list", "patch"}),
		rule("", []any{"secrets", "pods"}, []any{"get", "list", "create", "patch", "delete"}),
	}
	for what, read := range map[string]any{
		fmt.Sprintf("namespace %q", s.id): rule("", []any{"namespaces"}, []any{"get"}, s.id),
		fmt.Sprintf("namespace %q", own):  rule("", []any{"namespaces"}, []any{"get"}, own),
		"policies":                        rule("", []any{"configmaps"}, []any{"list"}),
	} {
		if what != unread {
			rules = append(rules, read)
		}
	}
	s.grant(t, s.id, rules...)
	p := s.provisioner(t, s.id, nil)
	s.awaitRights(t, p)
	return p
}

// guest provisions a Database, and a DatabaseUser of another namespace that reads it.
func (s *site) guest(t *testing.T, namespace string) *v1alpha1.DatabaseUser {
	t.Helper()
	request := s.application()
	user := request.Users[0]
	user.Namespace, user.Spec.DatabaseRef.Namespace = namespace, s.id
	if err := s.provisioner(t, "", nil).Provision(t.Context(), request, goOn); err != nil {
		t.Fatal(err)
	}
	return user
}

// logsIn returns why a user cannot log in with the credential of its Secret, or not read.
func (s *site) logsIn(t *testing.T, user *v1alpha1.DatabaseUser) error {
	t.Helper()
	secret, err := s.provisioner(t, "", nil).Secrets.Secrets(user.Namespace).Get(t.Context(), user.SecretName(), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.postgres.URL(string(secret.Data["username"]), string(secret.Data["password"]), s.prefix))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	if group := s.prefix + "_ro"; !s.isMember(t, group) {
		return fmt.Errorf("it is no member of %s", group)
	}
	return nil
}
