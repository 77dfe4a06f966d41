package admission

import (
	"fmt"
	"strings"
	"testing"
)

// A protected Database is not deleted by any way there is to delete it, and what it is
// called in PostgreSQL does not change instead. The webhook has no part in that.
func TestProtectedDatabaseStays(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	c.must(t, manifestOf("DBCluster", "", ns, "{endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}}")+"---\n"+
		manifestOf("Database", ns, "precious", "{clusterRef: {name: "+ns+"}, databaseName: precious, deletionProtection: true}")+"---\n"+
		manifestOf("Database", ns, "spare", "{clusterRef: {name: "+ns+"}, deletionProtection: false}")+"---\n"+
		manifestOf("DatabaseUser", ns, "orders-api", "{databaseRef: {name: precious}, username: orders_api}"), "create", "-f", "-")
	remove := []string{"delete", "database", "precious", "-n", ns}
	stays := `DELETION-PROTECTED: database "precious" in namespace "` + ns + `" has spec.deletionProtection. To delete it, set that to false first.`
	patch := func(kind, name, spec string) []string {
		return []string{"patch", kind, name, "-n", ns, "--type=merge", "-p", `{"spec":` + spec + `}`}
	}
	c.try(t, []attempt{
		{"deletion", "", "", remove, stays},
		{"deletion, as a trial", "", "", append(remove, "--dry-run=server"), stays},
		{"deletion without a period of grace", "", "", append(remove, "--force", "--grace-period=0"), stays},
		{"deletion that leaves what depends on it", "", "", append(remove, "--cascade=orphan"), stays},
		{"deletion of all", "", "", []string{"delete", "--raw", "/apis/dbtether.io/v1alpha1/namespaces/" + ns + "/databases"}, stays},
		{"a replacement by deletion", "", manifestOf("Database", ns, "precious", "{clusterRef: {name: "+ns+"}}"), []string{"replace", "--force", "-f", "-"}, stays},
		{"deletion by the garbage collector", "system:serviceaccount:kube-system:generic-garbage-collector", "", remove, stays},
		{"deletion with its namespace", "system:serviceaccount:kube-system:namespace-controller", "", remove, stays},
	})
	// The API server says these without us.
	for _, d := range []struct {
		args []string
		want string
	}{
		{patch("database", "precious", `{"databaseName":"other"}`), "databaseName is immutable"},
		{patch("database", "precious", `{"databaseName":null}`), "databaseName is immutable"},
		{patch("database", "precious", `{"clusterRef":{"name":"other"}}`), "clusterRef is immutable"},
		{patch("database", "precious", `{"encoding":"UTF8"}`), "encoding is immutable"},
		{patch("database", "precious", `null`), "spec: Required value"},
		{patch("databaseuser", "orders-api", `{"username":"other"}`), "username is immutable"},
		{patch("databaseuser", "orders-api", `{"username":null}`), "username is immutable"},
		{patch("databaseuser", "orders-api", `null`), "spec: Required value"},
	} {
		if _, err := c.kubectl("", d.args...); err == nil || !strings.Contains(err.Error(), d.want) {
			t.Errorf("kubectl %s: %v, and not: %s", strings.Join(d.args, " "), err, d.want)
		}
	}
	c.try(t, []attempt{
		{"deletion of one that is not protected", "", "", []string{"delete", "database", "spare", "-n", ns, "--ignore-not-found"}, ""},
		{"an end of the protection", "", "", patch("database", "precious", `{"deletionProtection":false}`), ""},
		{"deletion, after that", "", "", remove, ""},
	})
	if out, err := c.kubectl("", remove...); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q not found", "precious")) {
		t.Errorf("it is still there: %s, %v", out, err)
	}
}
