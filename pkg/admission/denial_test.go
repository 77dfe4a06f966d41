package admission

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pmezard/go-difflib/difflib"
)

// TestDeletionCannotBePretended checks that an object does not escape its review by
// a deletion timestamp of its own: the API server takes it away before it asks us.
func TestDeletionCannotBePretended(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	const dying = "{name: x, deletionTimestamp: '2020-01-01T00:00:00Z', deletionGracePeriodSeconds: 0, finalizers: [example.com/held]"
	c.must(t, manifestOf("DBCluster", "", "shut-"+ns, "{endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}, allowedNamespaces: []}"), "create", "-f", "-")
	c.seen(t, "allowed: none", manifestOf("Database", ns, "probe", "{clusterRef: {name: shut-"+ns+"}}"), ns)
	for what, manifest := range map[string]string{
		"Database": "apiVersion: dbtether.io/v1alpha1\nkind: Database\nmetadata: " + dying + "}\nspec: {clusterRef: {name: shut-" + ns + "}}\n",
		"Pod":      "apiVersion: v1\nkind: Pod\nmetadata: " + dying + ", annotations: {dbtether.io/inject: nobody}}\nspec: {containers: [{name: app, image: registry.example/app:1}]}\n",
	} {
		if out, err := c.kubectl(manifest, "create", "-n", ns, "-f", "-"); err == nil || !strings.Contains(err.Error(), "denied the request") {
			t.Errorf("%s: got %q, %v", what, out, err)
		}
	}
}

var update = flag.Bool("update", false, "rewrite the golden files")

// TestDenials compares what kubectl says of everything that is refused with
// testdata/denials.golden: one file to read how we talk.
func TestDenials(t *testing.T) {
	c := newCluster(t)
	ns, plain, elsewhere := c.namespace(t, enabled), c.namespace(t), c.namespace(t)
	open, restrictedTo := "open-"+ns, "main-"+ns
	admin := "endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}"
	c.must(t, manifestOf("DBCluster", "", open, "{"+admin+"}")+"---\n"+
		manifestOf("DBCluster", "", restrictedTo, "{"+admin+", allowedNamespaces: [shop], namespaceSelector: {matchLabels: {team: backend}}}")+"---\n"+
		manifestOf("DBCluster", "", "closed-"+ns, "{"+admin+", allowedNamespaces: []}"), "create", "-f", "-")
	c.must(t, manifestOf("Database", ns, "old", "{clusterRef: {name: "+open+"}}")+"---\n"+
		manifestOf("Database", ns, "precious", "{clusterRef: {name: "+open+"}, deletionProtection: true}"), "create", "-f", "-")
	others, third := "others-"+ns, "third-"+ns
	c.must(t, manifestOf("DBCluster", "", others, "{"+admin+"}")+"---\n"+manifestOf("DBCluster", "", third, "{"+admin+"}")+"---\n"+
		manifestOf("Database", elsewhere, "private", "{clusterRef: {name: "+others+"}}")+"---\n"+
		manifestOf("Database", elsewhere, "shared", "{clusterRef: {name: "+others+"}}")+"---\n"+manifestOf("Database", ns, "spare", "{clusterRef: {name: "+third+"}}"), "create", "-f", "-")
	c.must(t, "", "annotate", "database", "shared", "-n", elsewhere, "dbtether.io/allow-users-from="+ns)
	c.must(t, "", "patch", "dbcluster", open, "--type=merge", "-p", `{"spec":{"allowedNamespaces":["a","b","c","d","e","f"]}}`)
	c.user(t, ns, "orders-api", 3)
	c.user(t, elsewhere, "reports", 1)
	c.must(t, manifestOf("DatabaseUser", ns, "pending", "{databaseRef: {name: orders}}"), "create", "-f", "-")
	c.user(t, ns, "leaving", 1)
	c.must(t, manifestOf("DatabaseUser", ns, "past", `{databaseRef: {name: orders}, expiresAt: "2026-01-31T00:00:00Z"}`), "create", "-f", "-")
	c.setUser(t, ns, "past", 1, "True") // nobody has closed its login so far
	c.must(t, manifestOf("DatabaseUser", ns, "nightly", "{databaseRef: {name: orders}, serviceAccounts: [jobs, reports]}"), "create", "-f", "-")
	c.setUser(t, ns, "nightly", 1, "True")
	c.must(t, "", "patch", "databaseuser", "leaving", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":["dbtether.io/finalizer"]}}`)
	c.must(t, "", "delete", "databaseuser", "leaving", "-n", ns, "--wait=false")
	c.editor(t, "owner-"+plain, "")
	// The webhook has to have seen the last changes.
	taking := func(secret string) string {
		return podWith("orders", []string{"containers: [{name: app, image: registry.example/app:1, envFrom: [{secretRef: {name: " + secret + "}}]}]"})
	}
	c.seen(t, "SERVICE-ACCOUNT-NOT-ALLOWED", taking("nightly-credentials"), ns)
	c.seen(t, "USER-DELETING", podNamed("x", "dbtether.io/inject: leaving"), ns)
	c.seen(t, "a, b, c", manifestOf("Database", ns, "x", "{clusterRef: {name: "+open+"}}"), ns)
	sharedAdmin := manifestOf("DatabaseUser", ns, "late", "{databaseRefs: [{name: shared, namespace: "+elsewhere+", privileges: admin}]}")
	c.answers(t, sharedAdmin, ns, 1, "ADMIN-NOT-SHARED")

	database := func(cluster string) string {
		return manifestOf("Database", ns, "orders", "{clusterRef: {name: "+cluster+"}}")
	}
	pod := func(annotations ...string) string { return podNamed("orders", annotations...) }
	create := []string{"create", "-n", ns, "-f", "-"}
	c.must(t, podNamed("running"), "create", "-n", plain, "-f", "-")
	var got strings.Builder
	for _, d := range []struct {
		title, manifest string
		args            []string
	}{
		{"a database on a cluster for others", database(restrictedTo), create},
		{"a database on a cluster for nobody", database("closed-" + ns), create},
		{"a change of a database whose namespace has lost the cluster", "", []string{"patch", "database", "old", "-n", ns, "--type=merge", "-p", `{"spec":{"connectionLimit":5}}`}},
		{"a user of that database", manifestOf("DatabaseUser", ns, "late", "{databaseRef: {name: old}}"), create},
		{"a user of a database that another namespace keeps to itself", manifestOf("DatabaseUser", ns, "late", "{databaseRef: {name: private, namespace: "+elsewhere+"}}"), create},
		{"a user of a database of another namespace that does not exist", manifestOf("DatabaseUser", ns, "late", "{databaseRef: {name: nothing, namespace: "+elsewhere+"}}"), create},
		{"an administrator from another namespace", sharedAdmin, create},
		{"a user of databases on two clusters", manifestOf("DatabaseUser", ns, "late", "{databaseRefs: [{name: shared, namespace: "+elsewhere+"}, {name: spare}]}"), create},
		{"a change that adds a database of another namespace", "", []string{"patch", "databaseuser", "orders-api", "-n", ns, "--type=merge", "-p",
			`{"spec":{"databaseRef":null,"databaseRefs":[{"name":"orders"},{"name":"private","namespace":"` + elsewhere + `"}]}}`}},
		{"the deletion of a protected database", "", []string{"delete", "database", "precious", "-n", ns}},
		{"a namespace that is to join a team", "", []string{"label", "--as=owner-" + plain, "namespace", plain, "dbtether.io/team=backend"}},
		{"a namespace that is to be enabled", "", []string{"label", "--as=owner-" + plain, "namespace", plain, enabled}},
		{"a pod that asks in a namespace that is not enabled", pod("dbtether.io/inject: orders-api"), []string{"create", "-n", plain, "-f", "-"}},
		{"a pod that asks in a namespace that is left out", pod("dbtether.io/inject: orders-api"), []string{"create", "-n", "kube-system", "-f", "-"}},
		{"a pod that asks for a user that does not exist", pod("dbtether.io/inject: orders-app"), create},
		{"a pod that asks for a user of another namespace", pod("dbtether.io/inject: reports"), create},
		{"a pod that asks for a user without a credential", pod("dbtether.io/inject: pending"), create},
		{"a pod that asks for a user that has expired", pod("dbtether.io/inject: past", "dbtether.io/optional: 'true'"), create},
		{"a pod that asks for a user that is being deleted", pod("dbtether.io/inject: leaving"), create},
		{"a pod with annotations that are not in order", pod(`dbtether.io/inject: "Orders API"`, "dbtether.io/ass: env"), create},
		{"a pod with an annotation that does nothing", pod("dbtether.io/as: env"), create},
		{"a pod that names a container it does not have", pod("dbtether.io/inject: orders-api", "dbtether.io/containers: web"), create},
		{"a pod that says that it was injected", pod(`dbtether.io/injected: "orders-api@3:env"`), create},
		{"a running pod that is to say so", "", []string{"annotate", "pod", "-n", plain, "running", "dbtether.io/injected=orders-api@3:env"}},
		{"a pod whose service account may not have what it asks for", pod("dbtether.io/inject: nightly"), create},
		{"a pod that takes a credential by itself", taking("orders-api-credentials"), create},
		{"a pod that takes the revision of one for other service accounts", taking("nightly-credentials.v1"), create},
		{"a pod with a pool of no size", pod("dbtether.io/inject: orders-api", "dbtether.io/pool-size: many"), create},
		{"two things at once", pod(`dbtether.io/inject: "pending,r=nobody"`), create},
	} {
		out, err := c.kubectl(d.manifest, d.args...)
		if err == nil {
			t.Fatalf("%s was not refused: %s", d.title, out)
		}
		text := strings.NewReplacer(ns, "shop-1", plain, "shop-2", elsewhere, "shop-3").Replace(err.Error())
		got.WriteString("# " + d.title + "\n" + text + "\n\n")
	}
	compareGolden(t, filepath.Join("testdata", "denials.golden"), got.String())
}

// seen waits until the manifest would be refused with the text.
func (c *cluster) seen(t *testing.T, text, manifest, namespace string) {
	t.Helper()
	eventually(t, text, func() error {
		out, err := c.kubectl(manifest, "create", "--dry-run=server", "-n", namespace, "-f", "-")
		if err != nil && strings.Contains(err.Error(), text) {
			return nil
		}
		return fmt.Errorf("%s %w", out, err)
	})
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		diff, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: difflib.SplitLines(string(want)), B: difflib.SplitLines(got), FromFile: "want", ToFile: "got", Context: 3})
		t.Errorf("%s differs (-update rewrites it):\n%s", file, diff)
	}
}
