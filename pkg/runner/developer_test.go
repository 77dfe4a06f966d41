package runner_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
)

// others describes what stands on the server for others than her: their roles, what
// these are members of, their databases and who may what in them, their comments and
// settings.
const others = `
SELECT format('role %s %s %s %s %s', rolname, rolsuper, rolcanlogin, md5(rolpassword), shobj_description(oid, 'pg_authid')) AS line
FROM pg_authid WHERE rolname LIKE '%' || $1 AND rolname ~ '^(their|legacy)' OR rolname LIKE 'their%' || $1 || '%'
UNION ALL SELECT format('member %s of %s', member::regrole, roleid::regrole) FROM pg_auth_members
WHERE (roleid::regrole::text ~ '^(their|legacy|pg_)' OR member::regrole::text ~ '^(their|legacy)') AND (roleid::regrole::text || member::regrole::text) LIKE '%' || $1 || '%'
UNION ALL SELECT format('database %s %s %s %s %s', datname, datdba::regrole, datconnlimit, datacl, shobj_description(oid, 'pg_database')) FROM pg_database WHERE datname ~ '^(their|legacy)' AND datname LIKE '%' || $1 || '%'
UNION ALL SELECT format('setting %s %s %s', setdatabase, setrole::regrole, setconfig) FROM pg_db_role_setting s
WHERE EXISTS (SELECT FROM pg_roles r WHERE r.oid = s.setrole AND r.rolname ~ '^(their|legacy)' AND r.rolname LIKE '%' || $1 || '%')
ORDER BY 1`

// powers lists logins with a name of the test that have more than a user may have.
const powers = `
SELECT r.rolname FROM pg_roles r WHERE r.rolname LIKE '%' || $1 || '%'
	AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
	OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid AND m.roleid::regrole::text ~ '^(pg_|postgres)'))`

// TestWhatADeveloperCannotReach lets somebody who may write Databases and DatabaseUsers in
// her namespace try every field of them, with a runner at work whose administrator may do
// anything. Nothing that belongs to others changes, neither when her resources are written
// nor when they are deleted, and no login gets more than a user may have.
func TestWhatADeveloperCannotReach(t *testing.T) {
	s := newSite(t)
	x, hers := s.neighbours(t)
	her := s.developer(t, hers)
	r := s.start(t, s.admin, func(o *runner.Options) {
		o.Namespace = hers
		o.Provisioner.AdminSecretNamespaces = []string{hers}
	})
	s.waitPhase(t, v1alpha1.KindDatabaseUser, hers, "hers", v1alpha1.PhaseReady)
	before, secrets := s.query(t, others, s.id), s.secretsOfOthers(t, x, hers)
	if !strings.Contains(before, "role "+x.username) || !strings.Contains(before, "database "+x.databaseName) || !strings.Contains(before, "legacy") {
		t.Fatalf("what is there of others is not seen:\n%s", before)
	}
	check := func(when string) {
		if after := s.query(t, others, s.id); after != before {
			t.Errorf("%s, what belongs to others has changed:\n%s\nwas\n%s", when, after, before)
		}
		if after := s.secretsOfOthers(t, x, hers); !maps.Equal(after, secrets) {
			t.Errorf("%s, Secrets of others have changed", when)
		}
		if found := s.query(t, powers, s.id); found != "" {
			t.Errorf("%s, these logins are powerful:\n%s", when, found)
		}
	}
	all := attempts(x)
	for i, a := range all {
		s.try(t, her, hers, i, a, x)
	}
	for i, a := range all {
		s.checkTry(t, hers, i, a)
	}
	check("after all was written")
	for i, a := range all {
		kind, name := a.named(i, s.id)
		_ = her.objects.Resource(resourceOf(kind)).Namespace(hers).Delete(t.Context(), name, metav1.DeleteOptions{})
	}
	eventually(t, "what she has tried is gone", func() error { return s.noneLeft(t, hers) })
	check("after all was deleted")
	r.stop()
}

// neighbours makes what belongs to others, and her own Database and DatabaseUser.
func (s *site) neighbours(t *testing.T) (theirs, string) {
	t.Helper()
	namespace, hers := "their-"+s.id, "her-"+s.id
	s.namespace(t, namespace)
	s.namespace(t, hers)
	x := theirs{namespace: namespace, database: "their-db-" + s.id, databaseName: "their_db_" + s.id, user: "their-app-" + s.id, username: "their_app_" + s.id,
		cluster: "their-" + s.id, own: "both-" + s.id, ownDatabase: "her-db-" + s.id, legacy: "legacy_" + s.id, adminSecret: "both-" + s.id + "-admin"}
	s.cluster(t, x.own, hers, map[string]any{"allowedNamespaces": []any{namespace, hers}})
	s.cluster(t, x.cluster, hers, map[string]any{"allowedNamespaces": []any{namespace}})
	s.execute(t, "CREATE ROLE "+x.legacy+" LOGIN", "CREATE DATABASE "+x.legacy+" OWNER "+x.legacy)
	for _, one := range []struct {
		kind, namespace, name string
		spec                  map[string]any
	}{
		{v1alpha1.KindDatabase, namespace, x.database, map[string]any{"clusterRef": map[string]any{"name": x.own}}},
		{v1alpha1.KindDatabaseUser, namespace, x.user, map[string]any{"databaseRef": map[string]any{"name": x.database}, "privileges": "admin"}},
		{v1alpha1.KindDatabase, hers, x.ownDatabase, map[string]any{"clusterRef": map[string]any{"name": x.own}}},
		{v1alpha1.KindDatabaseUser, hers, "hers", map[string]any{"databaseRef": map[string]any{"name": x.ownDatabase}, "username": "hers_" + s.id}},
	} {
		if err := s.create(t, one.kind, one.namespace, one.name, one.spec); err != nil {
			t.Fatal(err)
		}
	}
	neighbour := s.start(t, s.admin, func(o *runner.Options) { o.Namespace = namespace })
	s.waitPhase(t, v1alpha1.KindDatabaseUser, namespace, x.user, v1alpha1.PhaseReady)
	neighbour.stop()
	s.secret(t, hers, "payments")
	return x, hers
}

func (s *site) secret(t *testing.T, namespace, name string) {
	t.Helper()
	held := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"token": "theirs"}}
	if _, err := s.admin.kube.CoreV1().Secrets(namespace).Create(t.Context(), held, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// developer returns somebody who may write our resources in a namespace, and checks that
// their statuses are not hers.
func (s *site) developer(t *testing.T, namespace string) clients {
	t.Helper()
	name := "developer-" + s.id
	s.grant(t, namespace, name, []rbacv1.PolicyRule{{APIGroups: []string{"dbtether.io"}, Resources: []string{"databases", "databaseusers"},
		Verbs: []string{"get", "list", "watch", "create", "update", "patch", "delete"}}})
	kubeconfig, err := s.server.KubeconfigFor(name)
	if err != nil {
		t.Fatal(err)
	}
	her := newClients(t, kubeconfig, name)
	patch := []byte(`{"status":{"adopted":true,"phase":"Ready"}}`)
	for _, one := range []struct{ kind, name string }{{v1alpha1.KindDatabase, "her-db-" + s.id}, {v1alpha1.KindDatabaseUser, "hers"}} {
		client := her.objects.Resource(resourceOf(one.kind)).Namespace(namespace)
		if _, err := client.Patch(t.Context(), one.name, types.MergePatchType, patch, metav1.PatchOptions{}, "status"); !apierrors.IsForbidden(err) {
			t.Errorf("she writes the status of a %s: %v", one.kind, err)
		}
	}
	return her
}

// grant lets a user do something in a namespace.
func (s *site) grant(t *testing.T, namespace, user string, rules []rbacv1.PolicyRule) {
	t.Helper()
	roles := s.admin.kube.RbacV1()
	if _, err := roles.Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: user}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}}
	if _, err := roles.RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// try writes what an attempt is about, as her. What the API server refuses has to be said
// there.
func (s *site) try(t *testing.T, her clients, namespace string, i int, a attempt, x theirs) {
	t.Helper()
	kind, name := a.named(i, s.id)
	spec := map[string]any{}
	if kind == v1alpha1.KindDatabase {
		spec["clusterRef"] = map[string]any{"name": x.own}
		maps.Copy(spec, a.database)
	} else {
		maps.Copy(spec, a.user)
		if spec["databaseRef"] == nil && spec["databaseRefs"] == nil {
			spec["databaseRef"] = map[string]any{"name": x.ownDatabase}
		}
		if spec["secretGeneration"] == "perDatabase" { // its Secret has a name that is taken
			s.secret(t, namespace, name+"-"+x.ownDatabase+"-credentials")
		}
	}
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	if a.metadata != nil {
		object.Object["metadata"] = a.metadata
	}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	object.SetName(name)
	if err := s.createObject(t, her, namespace, object); err != nil && (a.refused == "" || !strings.Contains(err.Error(), a.refused)) {
		t.Errorf("%s %s: the API server refuses %s with %v, and not with %q", a.field, name, encode(t, spec), err, a.refused)
	}
}

// checkTry waits until a run has looked at what was written, and compares what it says.
func (s *site) checkTry(t *testing.T, namespace string, i int, a attempt) {
	t.Helper()
	kind, name := a.named(i, s.id)
	if _, err := s.get(t, kind, namespace, name); apierrors.IsNotFound(err) {
		return // the API server has refused it
	}
	var phase, message string
	eventually(t, name+" was looked at", func() error {
		if phase, message = s.status(t, kind, namespace, name); phase == "" {
			return fmt.Errorf("nobody has")
		}
		return nil
	})
	done := phase == v1alpha1.PhaseReady
	if done != (a.refused == "") || !strings.Contains(message, a.refused) {
		t.Errorf("%s: %s %s is %s: %s, and should be refused with %q", a.field, kind, name, phase, message, a.refused)
	}
}

// secretsOfOthers returns the versions of the Secrets that are not hers.
func (s *site) secretsOfOthers(t *testing.T, x theirs, hers string) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for _, namespace := range []string{x.namespace, hers} {
		list, err := s.admin.kube.CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			one := &list.Items[i]
			if namespace == x.namespace || one.Name == "payments" || one.Name == x.adminSecret || strings.HasPrefix(one.Name, "hers-credentials") {
				versions[namespace+"/"+one.Name] = one.ResourceVersion
			}
		}
	}
	return versions
}

// noneLeft returns an error while something that she has tried is there.
func (s *site) noneLeft(t *testing.T, namespace string) error {
	t.Helper()
	for _, kind := range []string{v1alpha1.KindDatabaseUser, v1alpha1.KindDatabase} {
		list, err := s.admin.objects.Resource(resourceOf(kind)).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range list.Items {
			if strings.HasPrefix(list.Items[i].GetName(), "try") {
				return fmt.Errorf("%s is there", list.Items[i].GetName())
			}
		}
	}
	return nil
}
