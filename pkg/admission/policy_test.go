package admission

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// TestPolicies asks the API server for what each built-in policy allows, and for what it
// objects to. A policy without a row fails it.
func TestPolicies(t *testing.T) {
	c := newCluster(t)
	ns, plain, elsewhere := c.namespace(t, enabled), c.namespace(t), c.namespace(t)
	second, closed := "second-"+ns, "closed-"+ns
	const admin = "endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}"
	c.must(t, manifestOf("DBCluster", "", ns, "{"+admin+"}")+"---\n"+manifestOf("DBCluster", "", second, "{"+admin+"}")+"---\n"+
		manifestOf("DBCluster", "", closed, "{"+admin+", allowedNamespaces: [billing]}")+"---\n"+
		manifestOf("Database", ns, "orders", "{clusterRef: {name: "+ns+"}, connectionLimit: 50}")+"---\n"+
		manifestOf("Database", ns, "bills", "{clusterRef: {name: "+ns+"}}")+"---\n"+
		manifestOf("Database", ns, "spare", "{clusterRef: {name: "+second+"}}")+"---\n"+
		manifestOf("Database", elsewhere, "shared", "{clusterRef: {name: "+ns+"}}")+"---\n"+
		manifestOf("Database", elsewhere, "private", "{clusterRef: {name: "+ns+"}}"), "create", "-f", "-")
	c.must(t, "", "annotate", "database", "shared", "-n", elsewhere, "dbtether.io/allow-users-from="+ns)
	c.user(t, ns, "orders-api", 3)
	c.user(t, plain, "orders-api", 3)
	c.must(t, manifestOf("DatabaseUser", ns, "nightly", "{databaseRef: {name: orders}, serviceAccounts: [jobs]}"), "create", "-f", "-")
	c.setUser(t, ns, "nightly", 1, "True")
	c.must(t, "", "create", "serviceaccount", "jobs", "-n", ns)

	database := func(cluster string) string {
		return manifestOf("Database", ns, "late", "{clusterRef: {name: "+cluster+"}}")
	}
	user := func(spec string) string { return manifestOf("DatabaseUser", ns, "late", spec) }
	of := func(database, privileges string) string {
		return user("{databaseRef: {name: " + database + ", namespace: " + elsewhere + ", privileges: " + privileges + "}}")
	}
	const app = "containers: [{name: app, image: registry.example/app:1}]"
	pooled := func(size string) string {
		return podNamed("late", "dbtether.io/inject: orders-api", `dbtether.io/pool-size: "`+size+`"`)
	}
	taking := func(secret string) string {
		return podWith("late", []string{"containers: [{name: app, image: registry.example/app:1, envFrom: [{secretRef: {name: " + secret + "}}]}]"})
	}
	deployment := func(namespace string) string {
		return strings.Replace(workloadOf("Deployment", "", "dbtether.io/inject: orders-api"), "{name: web}", "{name: web, namespace: "+namespace+"}", 1)
	}
	const denied, warning = "denied: ", "warning: "
	rows := map[string]struct{ allowed, objected, want string }{
		"resources.cluster_allowed": {database(ns), database(closed), denied +
			`CLUSTER-NOT-ALLOWED: namespace "shop-1" may not use cluster "closed-shop-1" (allowed: billing). Ask its owner, or add the namespace to spec.allowedNamespaces.`},
		"resources.cross_namespace": {of("shared", "readonly"), of("private", "readonly"), denied +
			`DATABASE-NOT-SHARED: user "late" of namespace "shop-1" may not use database "private" of namespace "shop-3" (allowed: shop-3). Ask the owner of namespace "shop-3" to add "shop-1" to the annotation dbtether.io/allow-users-from of the Database.`},
		"resources.admin_privilege": {of("shared", "readwrite"), of("shared", "admin"), denied +
			`ADMIN-NOT-SHARED: user "late" of namespace "shop-1" may not have admin in database "shared" of namespace "shop-3" (allowed: readonly, readwrite). Ask for readonly or readwrite, or ask the platform team to give the namespaces "shop-1" and "shop-3" one dbtether.io/team label.`},
		"resources.one_cluster": {user("{databaseRefs: [{name: orders}, {name: bills}]}"), user("{databaseRefs: [{name: orders}, {name: spare}]}"), denied +
			`DATABASES-ON-TWO-CLUSTERS: user "late" has databases on two clusters: "spare" of namespace "shop-1" is on "second-shop-1", those before it are on "shop-1". Create one DatabaseUser for each cluster.`},
		"workload.binding": {podNamed("late", "dbtether.io/inject: orders-api"), podNamed("late", "dbtether.io/inject: nobody"), denied +
			`USER-UNKNOWN: user "nobody" does not exist in namespace "shop-1". Create it with "kubectl dbtether user create", or correct the annotation dbtether.io/inject.`},
		"workload.service_account": {podWith("late", []string{app, "serviceAccountName: jobs"}, "dbtether.io/inject: nightly"), podWith("late", []string{app}, "dbtether.io/inject: nightly"), denied +
			`SERVICE-ACCOUNT-NOT-ALLOWED: service account "default" may not have the credential of user "nightly" in namespace "shop-1" (allowed: jobs). Run the pod as one of those, or add "default" to spec.serviceAccounts of the DatabaseUser.`},
		"workload.namespace_enabled": {deployment(ns), deployment(plain), warning +
			`NAMESPACE-NOT-ENABLED: the pod asks for credentials (dbtether.io/inject), but namespace "shop-2" is not labelled for it. Ask the platform team to run: kubectl label namespace shop-2 dbtether.io/injection=enabled.`},
		"workload.connection_budget": {pooled("50"), pooled("51"), warning +
			`CONNECTION-BUDGET: pod "late" may open 51 connections (replicas: 1, dbtether.io/pool-size: 51), but database "orders" takes 50. Lower dbtether.io/pool-size or the replicas, or raise spec.connectionLimit of the Database.`},
		"guard.secret_use": {taking("payment-key"), taking("orders-api-credentials"), denied +
			`SECRET-NOT-REQUESTED: the pod uses Secret "orders-api-credentials", the credential of user "orders-api" in namespace "shop-1", and does not ask for it. Add "orders-api" to the annotation dbtether.io/inject of the pod, which then needs no reference of its own.`},
	}
	engine, err := policy.Load(t.Context(), policy.Set{}, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]bool{}
	for _, row := range engine.Policies() {
		built[strings.TrimPrefix(row.Policy, "dbtether.policies.")] = true
	}
	if got, want := slices.Sorted(maps.Keys(rows)), slices.Sorted(maps.Keys(built)); !slices.Equal(got, want) {
		t.Errorf("there are rows for %q, and policies %q", got, want)
	}
	names := strings.NewReplacer(ns, "shop-1", plain, "shop-2", elsewhere, "shop-3")
	for name, row := range rows {
		for manifest, want := range map[string]string{row.allowed: "", row.objected: row.want} {
			// The webhook has to have seen what this is about.
			eventually(t, name, func() error {
				if got := names.Replace(c.answer(t, manifest, ns)); got != want {
					return fmt.Errorf("got %q, want %q", got, want)
				}
				return nil
			})
		}
	}
}

// answer returns what the API server says of the manifest, empty if nothing.
func (c *cluster) answer(t *testing.T, manifest, namespace string) string {
	t.Helper()
	args := []string{"create", "--dry-run=server", "-f", "-"}
	if !strings.Contains(manifest, "namespace: ") {
		args = append(args, "-n", namespace)
	}
	if _, err := c.kubectl(manifest, args...); err != nil {
		_, reason, _ := strings.Cut(err.Error(), "denied the request: ")
		return "denied: " + reason
	}
	if shown := c.warnings(t, manifest, args...); len(shown) > 0 {
		return "warning: " + strings.Join(shown, "\n")
	}
	return ""
}
