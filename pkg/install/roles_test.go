package install

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// acts is what each verb is for. Nothing is stored.
var acts = map[string]func(context.Context, dynamic.ResourceInterface, *unstructured.Unstructured) error{
	"get": func(ctx context.Context, c dynamic.ResourceInterface, o *unstructured.Unstructured) error {
		_, err := c.Get(ctx, o.GetName(), metav1.GetOptions{})
		return err
	},
	"list": func(ctx context.Context, c dynamic.ResourceInterface, _ *unstructured.Unstructured) error {
		_, err := c.List(ctx, metav1.ListOptions{})
		return err
	},
	"watch": func(ctx context.Context, c dynamic.ResourceInterface, _ *unstructured.Unstructured) error {
		w, err := c.Watch(ctx, metav1.ListOptions{})
		if err == nil {
			w.Stop()
		}
		return err
	},
	"create": func(ctx context.Context, c dynamic.ResourceInterface, o *unstructured.Unstructured) error {
		fresh := o.DeepCopy()
		fresh.SetName(o.GetName() + "-fresh")
		fresh.SetResourceVersion("")
		_, err := c.Create(ctx, fresh, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	},
	"update": func(ctx context.Context, c dynamic.ResourceInterface, o *unstructured.Unstructured) error {
		_, err := c.Update(ctx, o, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	},
	"patch": func(ctx context.Context, c dynamic.ResourceInterface, o *unstructured.Unstructured) error {
		_, err := c.Patch(ctx, o.GetName(), types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"b"}}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	},
	"delete": func(ctx context.Context, c dynamic.ResourceInterface, o *unstructured.Unstructured) error {
		return c.Delete(ctx, o.GetName(), metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}})
	},
	"deletecollection": func(ctx context.Context, c dynamic.ResourceInterface, _ *unstructured.Unstructured) error {
		return c.DeleteCollection(ctx, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}, metav1.ListOptions{})
	},
}

// place is an API server with the definitions, and one resource of each kind.
type place struct {
	server    *testenv.ControlPlane
	admin     dynamic.Interface
	namespace string
	resources map[string]*unstructured.Unstructured
}

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{server: testenv.SharedControlPlane(t), namespace: fmt.Sprintf("roles-%06x", rand.IntN(1<<24)), resources: map[string]*unstructured.Unstructured{}}
	p.admin = p.client(t, p.server.Kubeconfig)
	for _, o := range render(t, nil) {
		if o.GetKind() == "CustomResourceDefinition" {
			apply(t, p.admin.Resource(resources[1].GroupVersionResource), o)
		}
	}
	namespace := named("v1", "Namespace", "", p.namespace)
	apply(t, p.admin.Resource(resources[0].GroupVersionResource), namespace)
	for resource, text := range map[string]string{
		"dbclusters":    "{kind: DBCluster, spec: {endpoint: db, credentialsFromEnv: {username: U, password: P}}}",
		"databases":     "{kind: Database, spec: {clusterRef: {name: main}}}",
		"databaseusers": "{kind: DatabaseUser, spec: {databaseRef: {name: orders}}}",
	} {
		o := object(t, text)
		o.SetAPIVersion(v1alpha1.GroupVersion.String())
		o.SetName(p.namespace)
		client := p.of(p.admin, resource)
		eventually(t, "the API server serves "+resource, func() (err error) {
			p.resources[resource], err = client.Create(t.Context(), o, metav1.CreateOptions{})
			return err
		})
	}
	t.Cleanup(func() {
		if err := p.of(p.admin, "dbclusters").Delete(context.Background(), p.namespace, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p place) client(t *testing.T, kubeconfig string) dynamic.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// of returns the client for one of our resources, where it has a namespace in that of
// the test.
func (p place) of(client dynamic.Interface, resource string) dynamic.ResourceInterface {
	gvr := v1alpha1.GroupVersion.WithResource(resource)
	if resource == "dbclusters" {
		return client.Resource(gvr)
	}
	return client.Resource(gvr).Namespace(p.namespace)
}

// bind makes a user to whom a role with these rules is bound.
func (p place) bind(t *testing.T, user string, rules []rbacv1.PolicyRule) dynamic.Interface {
	t.Helper()
	role := &rbacv1.ClusterRole{TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"}, ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}
	binding := &rbacv1.ClusterRoleBinding{TypeMeta: metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"}, ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: user}, Subjects: []rbacv1.Subject{{APIGroup: "rbac.authorization.k8s.io", Kind: "User", Name: user}}}
	for resource, typed := range map[string]runtime.Object{"clusterroles": role, "clusterrolebindings": binding} {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
		if err != nil {
			t.Fatal(err)
		}
		client := p.admin.Resource(schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: resource})
		apply(t, client, &unstructured.Unstructured{Object: fields})
		t.Cleanup(func() {
			if err := client.Delete(context.Background(), user, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	kubeconfig, err := p.server.KubeconfigFor(user)
	if err != nil {
		t.Fatal(err)
	}
	return p.client(t, kubeconfig)
}

func apply(t *testing.T, client dynamic.ResourceInterface, o *unstructured.Unstructured) {
	t.Helper()
	if _, err := client.Apply(t.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "install-test", Force: true}); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("not within a minute: %s: %v", what, err)
}

// grantedRoles are those that are given to people and pipelines.
func grantedRoles(t *testing.T) map[string][]rbacv1.PolicyRule {
	t.Helper()
	granted := map[string][]rbacv1.PolicyRule{}
	objects, err := readFolder("roles")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		role := new(rbacv1.ClusterRole)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, role); err != nil {
			t.Fatal(err)
		}
		if role.Name != "dbtether-restarts" { // what that is for needs pods: pkg/runner
			granted[role.Name] = role.Rules
		}
	}
	return granted
}

// Each verb of each role is there for something: without it that fails, with it all that
// the role is for works.
func TestRolesAreMinimal(t *testing.T) {
	p := newPlace(t)
	for name, rules := range grantedRoles(t) {
		t.Run(name, func(t *testing.T) {
			for r, rule := range rules {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						p.without(t, fmt.Sprintf("%s-%s-%s-%s", p.namespace, strings.TrimPrefix(name, "dbtether-"), verb, resource), rules, r, resource, verb)
					}
				}
			}
		})
	}
}

// without binds the rules less one verb on one resource, and lets the user try every verb
// of them.
func (p place) without(t *testing.T, user string, rules []rbacv1.PolicyRule, at int, resource, verb string) {
	t.Helper()
	less := slices.Clone(rules)
	rule := less[at]
	kept := slices.DeleteFunc(slices.Clone(rule.Resources), func(r string) bool { return r == resource })
	less[at] = rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: kept, Verbs: rule.Verbs}
	// So that the role is never empty: that nobody was granted anything yet would look
	// like a refusal.
	less = append(less, rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: []string{resource}, Verbs: append(slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return v == verb }), "none")},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get"}})
	if len(kept) == 0 {
		less = slices.Delete(less, at, at+1)
	}
	client := p.bind(t, user, less)
	eventually(t, "the role of "+user+" is known", func() error {
		_, err := client.Resource(resources[0].GroupVersionResource).Get(t.Context(), p.namespace, metav1.GetOptions{})
		return err
	})
	for _, rule := range rules {
		for _, r := range rule.Resources {
			for _, v := range rule.Verbs {
				act := acts[v]
				if act == nil {
					t.Errorf("nothing is known that the verb %s on %s is for", v, r)
					continue
				}
				err := act(t.Context(), p.of(client, r), p.resources[r])
				if missing := r == resource && v == verb; missing != apierrors.IsForbidden(err) || !missing && err != nil {
					t.Errorf("without %s on %s: %s %s: %v", verb, resource, v, r, err)
				}
			}
		}
	}
}

// Together the roles give nobody a Secret, a status, or a server.
func TestRolesGiveNothingElse(t *testing.T) {
	p := newPlace(t)
	var all []rbacv1.PolicyRule
	for _, rules := range grantedRoles(t) {
		all = append(all, rules...)
	}
	client := p.bind(t, p.namespace+"-all", all)
	eventually(t, "the roles are known", func() error { return acts["get"](t.Context(), p.of(client, "dbclusters"), p.resources["dbclusters"]) })
	for _, resource := range []string{"databases", "databaseusers"} {
		_, err := p.of(client, resource).Patch(t.Context(), p.namespace, types.MergePatchType, []byte(`{"status":{"message":"x"}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}, "status")
		if !apierrors.IsForbidden(err) {
			t.Errorf("the status of %s: %v", resource, err)
		}
	}
	for _, verb := range []string{"create", "update", "patch", "delete", "deletecollection"} {
		if err := acts[verb](t.Context(), p.of(client, "dbclusters"), p.resources["dbclusters"]); !apierrors.IsForbidden(err) {
			t.Errorf("%s dbclusters: %v", verb, err)
		}
	}
	if _, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(p.namespace).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("secrets: %v", err)
	}
}
