package policy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// patient is for tests of something else than the deadline, on busy machines.
var patient = Options{Timeout: time.Minute}

// builtIn returns an engine of the built-in policies.
func builtIn(t testing.TB) *Engine {
	t.Helper()
	e, err := Load(context.Background(), Set{}, patient)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// compiled returns an engine of other built-in policies than ours.
func compiled(modules fs.FS, options Options) (*Engine, error) {
	return build(context.Background(), modules, Set{}, options, allowedBuiltins())
}

// files returns a file system of policies by path.
func files(modules map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for path, text := range modules {
		fsys[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// user returns the file system of one policy like those that users write, with a
// workload rule that denies under a condition.
func user(condition string) fstest.MapFS {
	return files(map[string]string{"user.rego": "package dbtether.policies.workload.user\n\n" +
		"deny contains {\"code\": \"USER\", \"message\": \"no\", \"fix\": \"do not\"} if {\n\t" + condition + "\n}\n"})
}

// pod returns the review of a pod in namespace shop with bindings.
func pod(bindings ...Binding) *Input {
	return &Input{
		Request:   Request{Operation: "CREATE", Kind: "Pod", Name: "web-1", Namespace: "shop", User: "system:serviceaccount:kube-system:replicaset-controller", Groups: []string{"system:authenticated"}},
		Namespace: Namespace{Name: "shop", Labels: map[string]string{"dbtether.io/injection": "enabled", "team": "backend"}},
		Workload:  &Workload{Kind: "Pod", Name: "web-1", ServiceAccount: "web", InjectionEnabled: true},
		Binding:   bindings,
		Now:       noon,
	}
}

func binding(name string) Binding {
	return Binding{User: name, Namespace: "shop", Exists: true, Ready: true, Phase: "Ready"}
}

// database returns the review of Database orders in namespace team-b on a cluster.
func database(cluster Cluster) *Input {
	return &Input{
		Request:   Request{Operation: "CREATE", Kind: "Database", Name: "orders", Namespace: "team-b", User: "jane"},
		Namespace: Namespace{Name: "team-b", Labels: map[string]string{"team": "frontend"}},
		Database:  &Database{Name: "orders", Namespace: "team-b", Exists: true, ClusterName: "main"},
		Cluster:   &cluster,
		Now:       noon,
	}
}

// databaseUser returns the review of DatabaseUser report in namespace team-b of
// Database orders in namespace shop.
func databaseUser() *Input {
	return &Input{
		Request:   Request{Operation: "CREATE", Kind: "DatabaseUser", Name: "report", Namespace: "team-b", User: "jane"},
		Namespace: Namespace{Name: "team-b", Labels: map[string]string{"dbtether.io/team": "frontend"}},
		Database:  &Database{Name: "orders", Namespace: "shop", Exists: true, ClusterName: "main", NamespaceLabels: map[string]string{"dbtether.io/team": "backend"}},
		Role:      &Role{Name: "report", Namespace: "team-b", Privileges: "readonly", DatabaseNamespace: "shop", Path: "spec.databaseRef"},
		Cluster:   &Cluster{Name: "main", Exists: true},
		Now:       noon,
	}
}

func TestEvaluate(t *testing.T) {
	backend := &metav1.LabelSelector{MatchLabels: map[string]string{"team": "backend"}}
	notAllowed := func(path string) Finding {
		return Finding{"dbtether.policies.resources.cluster_allowed", "CLUSTER-NOT-ALLOWED", `namespace "team-b" may not use cluster "main" (allowed: shop, or label team=backend)`, "ask its owner, or add the namespace to spec.allowedNamespaces", path}
	}
	notShared := Finding{"dbtether.policies.resources.cross_namespace", "DATABASE-NOT-SHARED", `user "report" of namespace "team-b" may not use database "orders" of namespace "shop" (allowed: shop, or label dbtether.io/team=backend)`, `ask the owner of namespace "shop" to add "team-b" to the annotation dbtether.io/allow-users-from of the Database`, "spec.databaseRef.namespace"}
	notForAdmin := Finding{"dbtether.policies.resources.admin_privilege", "ADMIN-NOT-SHARED", `user "report" of namespace "team-b" may not have admin in database "orders" of namespace "shop" (allowed: readonly, readwrite)`, `ask for readonly or readwrite, or ask the platform team to give the namespaces "team-b" and "shop" one dbtether.io/team label`, "spec.databaseRef.privileges"}
	twoClusters := Finding{"dbtether.policies.resources.one_cluster", "DATABASES-ON-TWO-CLUSTERS", `user "report" has databases on two clusters: "orders" of namespace "shop" is on "main", those before it are on "spare"`, "create one DatabaseUser for each cluster", "spec.databaseRef.name"}
	inject := func(code, message, fix string) Finding {
		return Finding{"dbtether.policies.workload.binding", code, message, fix, `metadata.annotations["dbtether.io/inject"]`}
	}
	with := func(in *Input, change func(*Input)) *Input { change(in); return in }
	for _, c := range []struct {
		name, area string
		input      *Input
		deny, warn []Finding
	}{
		{"a database on a cluster for everyone", AreaResources, database(Cluster{Name: "main", Exists: true}), nil, nil},
		{"a database on a cluster for others", AreaResources, database(Cluster{Name: "main", Exists: true, AllowedNamespaces: []string{"shop"}, NamespaceSelector: backend}), []Finding{notAllowed("spec.clusterRef.name")}, nil},
		{"a database on no cluster", AreaResources, database(Cluster{Name: "main"}), nil, []Finding{{"dbtether.policies.resources.cluster_allowed", "CLUSTER-UNKNOWN", `cluster "main" does not exist; database "orders" in namespace "team-b" waits for it`, "correct spec.clusterRef.name, or ask the platform team to add the cluster", "spec.clusterRef.name"}}},
		{"a user of a shared database", AreaResources, with(databaseUser(), func(in *Input) { in.Database.AllowUsersFrom = AllowUsersFrom("team-a, team-b", "") }), nil, nil},
		{"a user of a database of its team", AreaResources, with(databaseUser(), func(in *Input) { in.Namespace.Labels["dbtether.io/team"] = "backend" }), nil, nil},
		{"a user of a database that is not shared", AreaResources, databaseUser(), []Finding{notShared}, nil},
		{"a user of a database that does not exist", AreaResources, with(databaseUser(), func(in *Input) {
			in.Database.Exists, in.Database.ClusterName, in.Cluster = false, "", &Cluster{}
		}), []Finding{notShared}, nil},
		{"a user of a shared database on a cluster for others", AreaResources, with(databaseUser(), func(in *Input) {
			in.Database.AllowUsersFrom = []string{"*"}
			in.Cluster.AllowedNamespaces, in.Cluster.NamespaceSelector = []string{"shop"}, backend
		}), []Finding{notAllowed("spec.databaseRef.name")}, nil},
		{"a database that is not shared, and nothing about its cluster", AreaResources, with(databaseUser(), func(in *Input) {
			in.Role.ClusterName, in.Cluster.AllowedNamespaces = "spare", []string{"shop"}
		}), []Finding{notShared}, nil},
		{"everything at once, sorted", AreaResources, with(databaseUser(), func(in *Input) {
			in.Role.Privileges, in.Role.ClusterName, in.Database.AllowUsersFrom = "admin", "spare", []string{"team-b"}
			in.Cluster.AllowedNamespaces, in.Cluster.NamespaceSelector = []string{"shop"}, backend
		}), []Finding{notForAdmin, notAllowed("spec.databaseRef.name"), twoClusters}, nil},
		{"a cluster", AreaResources, &Input{Request: Request{Operation: "CREATE", Kind: "DBCluster", Name: "main"}, Now: noon}, nil, nil},
		{"a pod that asks for nothing", AreaWorkload, pod(), nil, nil},
		{"a pod with a credential", AreaWorkload, pod(binding("orders-api")), nil, nil},
		{"a pod with every fault, sorted", AreaWorkload, pod(
			Binding{User: "nobody", Namespace: "shop"},
			binding("orders-api"),
			Binding{User: "pending", Namespace: "shop", Exists: true, Phase: "Pending", Message: "cluster main does not answer"},
			Binding{User: "past", Namespace: "shop", Exists: true, Ready: true, ExpiresAt: "2020-01-01T00:00:00Z"},
			Binding{User: "future", Namespace: "shop", Exists: true, Ready: true, ExpiresAt: "2099-01-01T00:00:00Z"},
			Binding{User: "analytics", Namespace: "shop", OtherNamespaces: []string{"data", "web"}},
			Binding{User: "old", Namespace: "shop", Exists: true, Ready: true, Deleting: true},
		), []Finding{
			inject("USER-DELETING", `user "old" in namespace "shop" is being deleted`, "take it out of the annotation dbtether.io/inject, or create it again when it is gone"),
			inject("USER-ELSEWHERE", `user "analytics" does not exist in namespace "shop", only in data, web`, `run the pod there, or create a DatabaseUser in namespace "shop"`),
			inject("USER-EXPIRED", `user "past" in namespace "shop" has expired at 2020-01-01T00:00:00Z`, "move spec.expiresAt of the DatabaseUser, or take the user out of the annotation dbtether.io/inject"),
			inject("USER-NOT-READY", `user "pending" in namespace "shop" is not ready (Pending: cluster main does not answer)`, `wait until it is ready; "kubectl dbtether user describe pending -n shop" says what it waits for`),
			inject("USER-UNKNOWN", `user "nobody" does not exist in namespace "shop"`, `create it with "kubectl dbtether user create", or correct the annotation dbtether.io/inject`),
		}, nil},
		{"a pod of another service account that opens too much", AreaWorkload, with(pod(binding("orders-api")), func(in *Input) {
			in.Workload.Replicas, in.Workload.PoolSize, in.Workload.Connections = 1, 20, 20
			in.Binding[0].ServiceAccounts, in.Binding[0].Limits = []string{"api"}, []Limit{{Kind: "DBCluster", Name: "main", Connections: 19}}
		}), []Finding{{"dbtether.policies.workload.service_account", "SERVICE-ACCOUNT-NOT-ALLOWED", `service account "web" may not have the credential of user "orders-api" in namespace "shop" (allowed: api)`, `run the pod as one of those, or add "web" to spec.serviceAccounts of the DatabaseUser`, "spec.serviceAccountName"}},
			[]Finding{{"dbtether.policies.workload.connection_budget", "CONNECTION-BUDGET", `pod "web-1" may open 20 connections (replicas: 1, dbtether.io/pool-size: 20), but cluster "main" takes 19`, "lower dbtether.io/pool-size or the replicas, or ask the platform team for more connections or a pooler", `metadata.annotations["dbtether.io/pool-size"]`}}},
		{"a pod that takes a credential by itself", AreaGuard, with(pod(), func(in *Input) {
			in.Secrets = []SecretUse{{Name: "orders-api-credentials.v3", Path: "spec.volumes[0]", User: "orders-api"}, {Name: "reports-credentials", Path: "spec.volumes[1]", User: "reports", Requested: true}}
		}), []Finding{{"dbtether.policies.guard.secret_use", "SECRET-NOT-REQUESTED", `the pod uses Secret "orders-api-credentials.v3", the credential of user "orders-api" in namespace "shop", and does not ask for it`, `add "orders-api" to the annotation dbtether.io/inject of the pod, which then needs no reference of its own`, "spec.volumes[0]"}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := builtIn(t)
			evaluated := map[string]int{AreaResources: 4, AreaWorkload: 4, AreaGuard: 1}[c.area]
			want := Decision{Allow: len(c.deny) == 0, Deny: c.deny, Warn: c.warn, Evaluated: evaluated, Revision: e.Revision()}
			if got := e.Evaluate(context.Background(), c.area, c.input); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestAllowUsersFrom(t *testing.T) {
	if got, want := AllowUsersFrom(" a ,b,,", "", "*"), []string{"a", "b", "*"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	many := AllowUsersFrom(strings.Repeat("a,", 1000), strings.Repeat("n", 64)+","+strings.Repeat("b ,", 100_000))
	if len(many) != 1024 || many[999] != "a" || many[1000] != "b" {
		t.Errorf("got %d of very many", len(many))
	}
	if got := AllowUsersFrom("", " , "); got != nil {
		t.Errorf("got %q from nothing", got)
	}
}

func TestDecisionIsBounded(t *testing.T) {
	var bindings []Binding
	for i := range 100 {
		bindings = append(bindings, Binding{User: fmt.Sprintf("user-%02d", i), Namespace: "shop", Message: strings.Repeat("é", 2000), Exists: true})
	}
	got := builtIn(t).Evaluate(context.Background(), AreaWorkload, pod(bindings...))
	if got.Allow || len(got.Deny) != 32 {
		t.Fatalf("allow %v, %d findings", got.Allow, len(got.Deny))
	}
	for i, finding := range got.Deny {
		prefix := fmt.Sprintf(`user "user-%02d" in`, i)
		if !strings.HasPrefix(finding.Message, prefix) || !strings.HasSuffix(finding.Message, "é…") || len(finding.Message) > 2048+len("…") {
			t.Errorf("finding %d: %d bytes: %.60s", i, len(finding.Message), finding.Message)
		}
	}
}

func TestModeWarn(t *testing.T) {
	e, err := compiled(files(map[string]string{"w.rego": `# METADATA
# title: Trial
# custom:
#   mode: warn
package dbtether.policies.workload.trial

deny contains {"code": "A", "message": "m", "fix": "f"}

warn contains {"code": "B", "message": "m", "fix": "f", "path": "p"}
`}), patient)
	if err != nil {
		t.Fatal(err)
	}
	const name = "dbtether.policies.workload.trial"
	got := e.Evaluate(context.Background(), AreaWorkload, pod())
	want := Decision{Allow: true, Warn: []Finding{{name, "A", "m", "f", ""}, {name, "B", "m", "f", "p"}}, Evaluated: 1, Revision: e.Revision()}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := e.Policies(), []Metadata{{Policy: name, Area: AreaWorkload, Title: "Trial", Mode: ModeWarn, OnError: ModeDeny, Source: SourceBuiltIn, File: "w.rego"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Every code that a built-in policy can give is explained by its annotations, and
// nothing else is.
func TestPolicies(t *testing.T) {
	var got []string
	for _, row := range builtIn(t).Policies() {
		if row.Title == "" || row.Description == "" || row.Fix == "" {
			t.Errorf("%+v lacks a title, a description or a fix", row)
		}
		var denied, allowed bool
		for _, example := range row.Examples {
			denied, allowed = denied || example.Denied != "", allowed || example.Allowed != ""
		}
		if !denied || !allowed {
			t.Errorf("%s has no example of what it denies, or of what it allows", row.Code)
		}
		if row.Policy != "dbtether.policies."+row.Area+"."+row.Policy[strings.LastIndex(row.Policy, ".")+1:] {
			t.Errorf("policy %s in area %s", row.Policy, row.Area)
		}
		got = append(got, row.Code+" "+row.Rule+" "+string(row.Mode))
	}
	want := []string{
		"SECRET-NOT-REQUESTED deny deny", "SERVICE-ACCOUNT-NOT-ALLOWED deny deny",
		"ADMIN-NOT-SHARED deny deny", "CLUSTER-NOT-ALLOWED deny deny", "CLUSTER-UNKNOWN warn warn", "DATABASE-NOT-SHARED deny deny",
		"DATABASES-ON-TWO-CLUSTERS deny deny",
		"USER-UNKNOWN deny deny", "USER-ELSEWHERE deny deny", "USER-NOT-READY deny deny", "USER-EXPIRED deny deny", "USER-DELETING deny deny",
		"CONNECTION-BUDGET deny warn", "NAMESPACE-NOT-ENABLED deny deny", "SERVICE-ACCOUNT-NOT-ALLOWED deny deny",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRevisionFollowsTheContent(t *testing.T) {
	revision := func(modules fstest.MapFS) string {
		e, err := compiled(modules, patient)
		if err != nil {
			t.Fatal(err)
		}
		return e.Revision()
	}
	a, b := revision(user("input.request.name == \"a\"")), revision(user("input.request.name == \"b\""))
	if a == b || a != revision(user("input.request.name == \"a\"")) || len(a) != 12 {
		t.Errorf("revisions %q and %q", a, b)
	}
}

func TestLoadWithCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Load(ctx, Set{}, patient); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
