package runner_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
)

// rightsFile is what `make generate` writes.
const rightsFile = "rbac/runner_role.yaml"

// restartsFile is what is for restarts alone.
const restartsFile = "roles/restarts.yaml"

// right is one verb on one resource.
type right struct{ resource, verb string }

func (r right) String() string { return r.verb + " " + r.resource }

// missed says what fails without each right: what the runner logs, or says of a resource.
// Empty is what only API servers ask for that cannot stream a list (before Kubernetes
// 1.34, "Streaming lists"): on this one nothing is missed.
var missed = map[string]string{
	"get dbclusters":             `cluster "NAME": you may not`,
	"list dbclusters":            "",
	"watch dbclusters":           `cannot watch resource "dbclusters"`,
	"get databases":              `cannot get resource "databases"`,
	"list databases":             `cannot list resource "databases"`,
	"watch databases":            `cannot watch resource "databases"`,
	"patch databases":            `cannot patch resource "databases"`,
	"get databaseusers":          `cannot get resource "databaseusers"`,
	"list databaseusers":         `cannot list resource "databaseusers"`,
	"watch databaseusers":        `cannot watch resource "databaseusers"`,
	"patch databaseusers":        `cannot patch resource "databaseusers"`,
	"patch dbclusters/status":    `cannot patch resource "dbclusters/status"`,
	"patch databases/status":     `cannot patch resource "databases/status"`,
	"patch databaseusers/status": `cannot patch resource "databaseusers/status"`,
	"get namespaces":             `the labels of namespace "NAME", which decide whether it may use cluster "NAME": you may not`,
	"list namespaces":            "",
	"watch namespaces":           `cannot watch resource "namespaces"`,
	"list pods":                  `whoever ran this may not list pods`,
	"list deployments":           `what runs pod/web was not restarted: whoever ran this may not list deployments`,
	"patch deployments":          `deployment.apps/web was not restarted: whoever ran this may not patch deployments`,
	"list statefulsets":          `what runs pod/ledger was not restarted: whoever ran this may not list statefulsets`,
	"patch statefulsets":         `statefulset.apps/ledger was not restarted: whoever ran this may not patch statefulsets`,
	"list daemonsets":            `what runs pod/agent was not restarted: whoever ran this may not list daemonsets`,
	"patch daemonsets":           `daemonset.apps/agent was not restarted: whoever ran this may not patch daemonsets`,
	"get secrets":                `the admin credential of cluster "NAME", secret "NAME-admin" in namespace "NAME": you may not`,
	"list secrets":               `secret "app-credentials" in namespace "NAME": you may not`,
	"create secrets":             `cannot create resource "secrets"`,
	"patch secrets":              `cannot patch resource "secrets"`,
	"delete secrets":             `cannot delete resource "secrets"`,
	"create events":              `cannot create resource "events"`,
	"list configmaps":            `cannot list resource "configmaps"`,
	"watch configmaps":           `cannot watch resource "configmaps"`,
	"get leases":                 `cannot get resource "leases"`,
	"create leases":              `cannot create resource "leases"`,
	"update leases":              `cannot update resource "leases"`,
}

// TestTheRunnerNeedsItsRights lets a runner work with the rights that we install, which
// are enough, and then without each of them, and expects what fails. A right that nothing
// is missed without would be one too many.
func TestTheRunnerNeedsItsRights(t *testing.T) {
	s := newSite(t)
	roles := s.rightsOf(t)
	if said := s.lives(t, "enough", roles, ""); strings.Contains(said, "forbidden") || strings.Contains(said, "may not") {
		t.Errorf("the rights of %s are not enough:\n%s", rightsFile, said)
	}
	var seen []string
	for i, role := range roles {
		for _, r := range rightsIn(role.rules) {
			seen = append(seen, r.String())
			want, known := missed[r.String()]
			if !known {
				t.Errorf("nothing is said to fail without the right to %s: is it needed?", r)
				continue
			}
			t.Run(strings.NewReplacer(" ", "-", "/", "-").Replace(r.String()), func(t *testing.T) {
				name := fmt.Sprintf("without-%d", len(seen))
				fewer := slices.Clone(roles)
				fewer[i].rules = without(role.rules, r)
				want := strings.ReplaceAll(want, "NAME", name+"-"+s.id)
				said := s.lives(t, name, fewer, want)
				if want == "" {
					want = "forbidden" // which it must not say
				}
				if strings.Contains(said, want) != (missed[r.String()] != "") {
					t.Errorf("without the right to %s, whether the runner says %q is not as it should be:\n%s", r, want, said)
				}
			})
		}
	}
	for right := range missed {
		if !slices.Contains(seen, right) {
			t.Errorf("%s has no right to %s", rightsFile, right)
		}
	}
}

// roleOf is a role: everywhere, or in a namespace.
type roleOf struct {
	namespace string
	rules     []rbacv1.PolicyRule
}

// rightsOf reads what we install, and what we let others bind to the runner.
func (s *site) rightsOf(t *testing.T) []roleOf {
	t.Helper()
	var all []roleOf
	for i, object := range slices.Concat(s.manifest(t, restartsFile), s.manifest(t, rightsFile)) {
		role := rbacv1.ClusterRole{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
			t.Fatal(err)
		}
		if i == 1 { // the two for all namespaces are one here
			all[0].rules = append(all[0].rules, role.Rules...)
			continue
		}
		all = append(all, roleOf{object.GetNamespace(), role.Rules})
	}
	return all
}

// rightsIn lists the rights of rules, each once.
func rightsIn(rules []rbacv1.PolicyRule) []right {
	var all []right
	for _, rule := range rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				all = append(all, right{resource, verb})
			}
		}
	}
	return all
}

// without returns the rules without one right.
func without(rules []rbacv1.PolicyRule, r right) []rbacv1.PolicyRule {
	var fewer []rbacv1.PolicyRule
	for _, rule := range rules {
		for _, resource := range rule.Resources {
			one := rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: []string{resource}, ResourceNames: rule.ResourceNames}
			for _, verb := range rule.Verbs {
				if (right{resource, verb}) != r {
					one.Verbs = append(one.Verbs, verb)
				}
			}
			if len(one.Verbs) > 0 {
				fewer = append(fewer, one)
			}
		}
	}
	return fewer
}

// lives lets a runner with these rights work on a database and a user from the beginning
// to the end, and returns what it said; it stops when it has said until.
func (s *site) lives(t *testing.T, name string, roles []roleOf, until string) string {
	t.Helper()
	name += "-" + s.id
	as := s.account(t, name, roles)
	s.namespace(t, name)
	s.cluster(t, name, name, map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"site": s.id}}})
	database := map[string]any{"clusterRef": map[string]any{"name": name}, "deletionPolicy": "Delete"}
	user := map[string]any{"databaseRef": map[string]any{"name": name}, "username": name, "rotation": map[string]any{"gracePeriod": "0s"}}
	if err := errors.Join(s.create(t, v1alpha1.KindDatabase, name, name, database), s.create(t, v1alpha1.KindDatabaseUser, name, "app", user)); err != nil {
		t.Fatal(err)
	}
	for workload, kind := range map[string]string{"web": "Deployment", "ledger": "StatefulSet", "agent": "DaemonSet"} {
		s.run(t, name, workload, kind, map[string]string{v1alpha1.AnnotationOnRotate: "restart"})
	}
	leases := s.admin.kube.CoordinationV1().Leases(v1alpha1.SystemNamespace)
	if err := leases.Delete(t.Context(), "dbtether-runner", metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	w := s.start(t, as, func(o *runner.Options) { o.Namespace, o.Leases = name, as.kube.CoordinationV1() })
	told := func() bool { return until != "" && strings.Contains(w.said(), until) }
	for _, step := range []struct {
		what string
		do   func()
		over func() bool
	}{
		{"provisioned", func() {}, func() bool { return s.is(t, name, "app", "phase", v1alpha1.PhaseReady) }},
		{"rotated", func() {
			s.patch(t, v1alpha1.KindDatabaseUser, name, "app", `{"metadata":{"annotations":{"dbtether.io/rotate":"2026-01-02T03:04:05Z"}}}`)
		}, func() bool {
			return s.is(t, name, "app", "rotation", "request") && s.is(t, name, "app", "phase", v1alpha1.PhaseReady)
		}},
		{"restarted", func() {}, func() bool { return s.restarts(t, name) == "web 2: app@2\nledger 2: app@2\nagent 2: app@2" }},
		{"the old login ended", func() {
			s.deletePods(t, name)
			s.patch(t, v1alpha1.KindDatabaseUser, name, "app", `{"metadata":{"annotations":{"look":"again"}}}`)
		}, func() bool { return s.is(t, name, "app", "rotation", "over") }},
		{"deleted", func() { s.delete(t, name) }, func() bool { return s.gone(t, name) }},
	} {
		step.do()
		eventually(t, step.what+" or told", func() error {
			if step.over() || told() {
				return nil
			}
			return errors.New(w.said())
		})
		if told() {
			break
		}
	}
	w.stop()
	s.finishAll(t, name)
	return w.said()
}

// is reports whether the status of a user says so.
func (s *site) is(t *testing.T, namespace, name, field, want string) bool {
	t.Helper()
	object, err := s.get(t, v1alpha1.KindDatabaseUser, namespace, name)
	if err != nil {
		return false
	}
	status, _, _ := unstructured.NestedMap(object.Object, "status")
	rotation, _ := status["rotation"].(map[string]any)
	switch {
	case field == "phase":
		return status["phase"] == want
	case want == "request":
		return rotation["request"] == "2026-01-02T03:04:05Z"
	default:
		return rotation["request"] != nil && rotation["oldUsername"] == nil
	}
}

func (s *site) delete(t *testing.T, namespace string) {
	t.Helper()
	for _, one := range []struct{ kind, name string }{{v1alpha1.KindDatabaseUser, "app"}, {v1alpha1.KindDatabase, namespace}} {
		if err := s.admin.objects.Resource(resourceOf(one.kind)).Namespace(namespace).Delete(t.Context(), one.name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// deletePods does what controllers do after a restart.
func (s *site) deletePods(t *testing.T, namespace string) {
	t.Helper()
	if err := s.admin.kube.CoreV1().Pods(namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{GracePeriodSeconds: new(int64)}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (s *site) gone(t *testing.T, namespace string) bool {
	t.Helper()
	_, userErr := s.get(t, v1alpha1.KindDatabaseUser, namespace, "app")
	_, databaseErr := s.get(t, v1alpha1.KindDatabase, namespace, namespace)
	return userErr != nil && databaseErr != nil
}

// finishAll lets resources go whose runner could not finish them.
func (s *site) finishAll(t *testing.T, namespace string) {
	t.Helper()
	for _, kind := range []string{v1alpha1.KindDatabaseUser, v1alpha1.KindDatabase} {
		list, err := s.admin.objects.Resource(resourceOf(kind)).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			s.patch(t, kind, namespace, list.Items[i].GetName(), `{"metadata":{"finalizers":null}}`)
			if err := s.admin.objects.Resource(resourceOf(kind)).Namespace(namespace).Delete(t.Context(), list.Items[i].GetName(), metav1.DeleteOptions{}); err != nil && list.Items[i].GetDeletionTimestamp() == nil {
				t.Fatal(err)
			}
		}
	}
}

// account returns a user with these roles.
func (s *site) account(t *testing.T, name string, roles []roleOf) clients {
	t.Helper()
	client := s.admin.kube.RbacV1()
	for _, role := range roles {
		if role.namespace != "" {
			s.grant(t, role.namespace, name, role.rules)
			continue
		}
		if _, err := client.ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: role.rules}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}}}
		if _, err := client.ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	kubeconfig, err := s.server.KubeconfigFor(name)
	if err != nil {
		t.Fatal(err)
	}
	return newClients(t, kubeconfig, name)
}
