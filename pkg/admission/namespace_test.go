package admission

import "testing"

// editor makes a user who may edit namespaces, and has further rules besides.
func (c *cluster) editor(t *testing.T, name, rules string) {
	t.Helper()
	c.must(t, "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: "+name+"}\nrules:\n"+
		"- {apiGroups: [''], resources: [namespaces, namespaces/status, namespaces/finalize], verbs: [get, create, update, patch, delete]}\n"+rules, "create", "-f", "-")
	c.must(t, "", "create", "clusterrolebinding", name, "--clusterrole="+name, "--user="+name)
}

// Our labels are not for everybody who may edit a namespace; what lets others in is.
func TestNamespaceLabels(t *testing.T) {
	c := newCluster(t)
	ns, backend := c.namespace(t), c.namespace(t, "dbtether.io/team=backend", enabled)
	owner, platform := "owner-"+ns, "platform-"+ns
	c.editor(t, owner, "")
	c.editor(t, platform, "- {apiGroups: [dbtether.io], resources: [dbclusters], verbs: [bind]}\n")
	fresh := func(name, label string) string {
		return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {" + label + "}}\n"
	}
	const ask = "Ask the platform team: it takes the verb bind on dbclusters.dbtether.io."
	team := func(namespace string) string {
		return `TEAM-NOT-YOURS: the label dbtether.io/team of namespace "` + namespace + `" says who shares and administers its databases, and you may not set it. ` + ask
	}
	other := func(namespace string) string {
		return `LABEL-NOT-YOURS: the labels dbtether.io/… of namespace "` + namespace + `" say whether its pods get credentials and are watched, and you may not change them. ` + ask
	}
	withoutEffect := func(namespace string) string {
		return `DEFAULT-WITHOUT-EFFECT: namespace "` + namespace + `" has the label dbtether.io/inject-default, which does nothing without dbtether.io/injection=enabled: ` +
			"its pods would start without a credential. Set both, or take the first away: kubectl label namespace " + namespace + " dbtether.io/inject-default-"
	}
	create := []string{"create", "-f", "-"}
	label := func(namespace, label string) []string {
		return []string{"label", "--overwrite", "namespace", namespace, label}
	}
	sub := func(namespace, subresource, patch string) []string {
		return []string{"patch", "namespace", namespace, "--subresource=" + subresource, "--type=merge", "-p", patch}
	}
	c.try(t, []attempt{
		{"joining a team", owner, "", label(ns, "dbtether.io/team=backend"), team(ns)},
		{"joining a team, as a trial", owner, "", append(label(ns, "dbtether.io/team=backend"), "--dry-run=server"), team(ns)},
		{"joining a team by the status", owner, "", sub(ns, "status", `{"metadata":{"labels":{"dbtether.io/team":"backend"}}}`), team(ns)},
		{"joining a team by server-side apply", owner, fresh(ns, "dbtether.io/team: backend"), []string{"apply", "--server-side", "-f", "-"}, team(ns)},
		{"changing the team", owner, "", label(backend, "dbtether.io/team=frontend"), team(backend)},
		{"leaving the team", owner, "", label(backend, "dbtether.io/team-"), team(backend)},
		{"a new namespace in a team", owner, fresh("t-"+ns, "dbtether.io/team: backend"), create, team("t-" + ns)},
		{"enabling", owner, "", label(ns, enabled), other(ns)},
		{"an empty label", owner, "", label(ns, "dbtether.io/inject-default="), other(ns)},
		{"disabling", owner, "", label(backend, "dbtether.io/injection-"), other(backend)},
		{"another value", owner, "", label(backend, "dbtether.io/injection=off"), other(backend)},
		{"a new namespace that is enabled", owner, fresh("e-"+ns, "dbtether.io/injection: enabled"), create, other("e-" + ns)},
		{"no labels", owner, "", []string{"patch", "namespace", backend, "--type=merge", "-p", `{"metadata":{"labels":null}}`}, team(backend)},

		{"a new namespace", owner, fresh("n-"+ns, "team: backend"), create, ""},
		{"no team", owner, "", label(ns, "dbtether.io/team="), ""},
		{"another label", owner, "", label(backend, "tier=a"), ""},
		{"a label that only looks like ours", owner, "", label(backend, "x.dbtether.io/team=a"), ""},
		{"the labels that it has", owner, "", label(backend, enabled), ""},
		{"letting others in", owner, "", []string{"annotate", "namespace", backend, "dbtether.io/allow-users-from=*"}, ""},
		{"joining a team, by the platform team", platform, "", label(ns, "dbtether.io/team=backend"), ""},
		{"leaving it, by the platform team", platform, "", label(ns, "dbtether.io/team-"), ""},
		{"enabling, by the platform team", platform, "", label(ns, enabled), ""},
		{"disabling, by the platform team", platform, "", label(ns, "dbtether.io/injection-"), ""},
		{"a new namespace that is enabled, by the platform team", platform, fresh("e-"+ns, "dbtether.io/injection: enabled, dbtether.io/team: backend"), create, ""},
		{"a default where nobody is injected", platform, "", label(ns, "dbtether.io/inject-default=orders-api"), withoutEffect(ns)},
		{"no default where nobody is injected", platform, "", label(ns, "dbtether.io/inject-default=none"), ""},
		{"both", platform, fresh("d-"+ns, "dbtether.io/injection: enabled, dbtether.io/inject-default: orders-api"), create, ""},
		{"disabling before the default goes", platform, "", label("d-"+ns, "dbtether.io/injection-"), withoutEffect("d-" + ns)},
		{"the default goes", platform, "", label("d-"+ns, "dbtether.io/inject-default-"), ""},
		{"then disabling", platform, "", label("d-"+ns, "dbtether.io/injection-"), ""},
		{"deletion", owner, "", []string{"delete", "namespace", backend, "--wait=false"}, ""},
	})
	// The end of a namespace, as its controller writes it.
	c.must(t, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"`+backend+`","labels":{"dbtether.io/team":"backend","dbtether.io/injection":"enabled","kubernetes.io/metadata.name":"`+backend+`"}},"spec":{"finalizers":[]}}`,
		"replace", "--as="+owner, "--raw", "/api/v1/namespaces/"+backend+"/finalize", "-f", "-")
}
