package admission

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestDatabasesAreShared follows a user from one namespace to the databases of
// others, through everything that admits it and takes its leave away again.
func TestDatabasesAreShared(t *testing.T) {
	c := newCluster(t)
	ours, theirs := c.namespace(t), c.namespace(t)
	c.must(t, manifestOf("DBCluster", "", ours, "{endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}}")+"---\n"+
		manifestOf("Database", ours, "own", "{clusterRef: {name: "+ours+"}}")+"---\n"+
		manifestOf("Database", theirs, "orders", "{clusterRef: {name: "+ours+"}}")+"---\n"+
		manifestOf("Database", theirs, "stock", "{clusterRef: {name: "+ours+"}}"), "create", "-f", "-")
	user := func(privileges string) string {
		return manifestOf("DatabaseUser", ours, "report", fmt.Sprintf("{databaseRefs: [{name: own, privileges: admin}, {name: orders, namespace: %s}, {name: stock, namespace: %[1]s}], privileges: %s}", theirs, privileges))
	}
	refused := func(databases ...string) {
		t.Helper()
		c.answers(t, user("readonly"), ours, len(databases), databases...)
	}
	share := func(kind, name, value string, args ...string) {
		t.Helper()
		c.must(t, "", append([]string{"annotate", "--overwrite", kind, name, "dbtether.io/allow-users-from" + value}, args...)...)
	}

	refused(`database "orders"`, `database "stock"`)
	share("database", "orders", "="+ours, "-n", theirs)
	refused(`database "stock"`)
	share("database", "orders", "-", "-n", theirs)
	share("namespace", theirs, "=somebody, "+ours)
	refused()
	share("namespace", theirs, "=*")
	refused()
	c.answers(t, user("admin"), ours, 2, "ADMIN-NOT-SHARED")
	share("namespace", theirs, "-")
	refused(`database "orders"`, `database "stock"`)
	c.must(t, "", "label", "namespace", ours, theirs, "dbtether.io/team=backend")
	refused()
	c.answers(t, user("admin"), ours, 0)
	c.must(t, "", "label", "--overwrite", "namespace", ours, "dbtether.io/team=frontend")
	c.answers(t, user("admin"), ours, 4, "ADMIN-NOT-SHARED", `database "orders"`, `database "stock"`)
	c.must(t, "", "label", "--overwrite", "namespace", ours, theirs, "dbtether.io/team=")
	refused(`database "orders"`, `database "stock"`)
}

// answers waits until the manifest is refused for so many reasons, in which the texts
// are, or accepted where there are none.
func (c *cluster) answers(t *testing.T, manifest, namespace string, reasons int, texts ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d reasons, with %q", reasons, texts), func() error {
		_, err := c.kubectl(manifest, "create", "--dry-run=server", "-n", namespace, "-f", "-")
		if reasons == 0 {
			return err
		}
		if err == nil {
			return errors.New("it is accepted")
		}
		for _, text := range texts {
			if !strings.Contains(err.Error(), text) {
				return fmt.Errorf("%q is not in: %w", text, err)
			}
		}
		if n := strings.Count(err.Error(), "-NOT-SHARED: "); n != reasons {
			return fmt.Errorf("%d reasons: %w", n, err)
		}
		return nil
	})
}
