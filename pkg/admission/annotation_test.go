package admission

import (
	"strings"
	"testing"
)

// What a running pod asked for and got stays written as it is; all else about it may
// change.
func TestPodAnnotationsStay(t *testing.T) {
	c := newCluster(t)
	ns, elsewhere := c.namespace(t, enabled), c.namespace(t)
	c.user(t, ns, "orders-api", 3)
	c.must(t, podNamed("orders", "dbtether.io/inject: orders-api", "other: a"), "create", "-n", ns, "-f", "-")
	for _, namespace := range []string{ns, elsewhere} {
		c.must(t, podNamed("plain"), "create", "-n", namespace, "-f", "-")
	}
	annotate := func(namespace, pod, value string, by ...string) []string {
		return append([]string{"annotate", "pod", "-n", namespace, pod, "--overwrite", value}, by...)
	}
	status := func(patch string) []string {
		return []string{"patch", "pod", "orders", "-n", ns, "--subresource=status", "--type=merge", "-p", patch}
	}
	for _, d := range []struct {
		title   string
		args    []string
		refused bool
	}{
		{"another revision", annotate(ns, "orders", "dbtether.io/injected=orders-api@9:files"), true},
		{"no revision", annotate(ns, "orders", "dbtether.io/injected-"), true},
		{"another user", annotate(ns, "orders", "dbtether.io/inject=reports"), true},
		{"a further annotation", annotate(ns, "orders", "dbtether.io/env=X=uri"), true},
		{"a pod that has none", annotate(ns, "plain", "dbtether.io/injected=orders-api@1:env"), true},
		{"a pod that has none, in another namespace", annotate(elsewhere, "plain", "dbtether.io/injected=orders-api@1:env"), true},
		{"all annotations", []string{"patch", "pod", "orders", "-n", ns, "--type=merge", "-p", `{"metadata":{"annotations":null}}`}, true},
		{"another revision, by the status", status(`{"metadata":{"annotations":{"dbtether.io/injected":"x"}}}`), true},
		{"the status", status(`{"status":{"phase":"Running"}}`), false},
		{"somebody else's annotation", annotate(ns, "orders", "other=b"), false},
		{"no annotation of somebody else", annotate(ns, "orders", "other-"), false},
		{"an annotation that only looks like ours", annotate(ns, "orders", "x.dbtether.io/inject=y"), false},
		{"a label", []string{"label", "pod", "orders", "-n", ns, "tier=a"}, false},
		{"the same value", annotate(ns, "orders", "dbtether.io/inject=orders-api"), false},
	} {
		_, err := c.kubectl("", d.args...)
		if refused := err != nil && strings.Contains(err.Error(), "ANNOTATION-FIXED"); refused != d.refused || err != nil && !refused {
			t.Errorf("%s: %v", d.title, err)
		}
	}
	if got := c.pod(t, ns, "orders").Annotations["dbtether.io/injected"]; got != "orders-api@3:env+files" {
		t.Errorf("dbtether.io/injected is %q", got)
	}
	c.must(t, "", "delete", "pod", "orders", "-n", ns, "--grace-period=0", "--force")
}
