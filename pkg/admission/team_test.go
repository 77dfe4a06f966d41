package admission

import (
	"strings"
	"testing"
)

// editor makes a user who may edit namespaces, and has further rules besides.
func (c *cluster) editor(t *testing.T, name, rules string) {
	t.Helper()
	c.must(t, "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: "+name+"}\nrules:\n"+
		"- {apiGroups: [''], resources: [namespaces, namespaces/status], verbs: [get, create, update, patch]}\n"+rules, "create", "-f", "-")
	c.must(t, "", "create", "clusterrolebinding", name, "--clusterrole="+name, "--user="+name)
}

// The label that makes a team is not for everybody who may edit a namespace.
func TestTeamLabel(t *testing.T) {
	c := newCluster(t)
	ns, backend := c.namespace(t), c.namespace(t, "dbtether.io/team=backend")
	owner, platform := "owner-"+ns, "platform-"+ns
	c.editor(t, owner, "")
	c.editor(t, platform, "- {apiGroups: [dbtether.io], resources: [dbclusters], verbs: [bind]}\n")
	fresh := func(name, label string) string {
		return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {" + label + "}}\n"
	}
	for _, d := range []struct {
		title, by, manifest string
		args                []string
		refused             bool
	}{
		{"joining a team", owner, "", []string{"label", "namespace", ns, "dbtether.io/team=backend"}, true},
		{"joining a team by the status", owner, "", []string{"patch", "namespace", ns, "--subresource=status", "--type=merge", "-p", `{"metadata":{"labels":{"dbtether.io/team":"backend"}}}`}, true},
		{"changing the team", owner, "", []string{"label", "--overwrite", "namespace", backend, "dbtether.io/team=frontend"}, true},
		{"leaving the team", owner, "", []string{"label", "namespace", backend, "dbtether.io/team-"}, true},
		{"a new namespace in a team", owner, fresh("t-"+ns, "dbtether.io/team: backend"), []string{"create", "-f", "-"}, true},
		{"a new namespace", owner, fresh("n-"+ns, "team: backend"), []string{"create", "-f", "-"}, false},
		{"no team", owner, "", []string{"label", "namespace", ns, "dbtether.io/team="}, false},
		{"another label", owner, "", []string{"label", "namespace", backend, "tier=a"}, false},
		{"joining a team, by the platform team", platform, "", []string{"label", "--overwrite", "namespace", ns, "dbtether.io/team=backend"}, false},
		{"leaving it, by the platform team", platform, "", []string{"label", "namespace", ns, "dbtether.io/team-"}, false},
	} {
		_, err := c.kubectl(d.manifest, append([]string{"--as=" + d.by}, d.args...)...)
		if refused := err != nil && strings.Contains(err.Error(), "TEAM-NOT-YOURS"); refused != d.refused || err != nil && !refused {
			t.Errorf("%s: %v", d.title, err)
		}
	}
}
