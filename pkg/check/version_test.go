package check

import (
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// recordOf is what an installation leaves.
func recordOf(t *testing.T, data string) Objects {
	t.Helper()
	return seen(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: dbtether-installation, namespace: dbtether-system}, data: {"+data+"}}")
}

func TestDefinitionVersion(t *testing.T) {
	const own = "v0.5.0"
	by := func(version string) Objects {
		return recordOf(t, `parameters: '{"version":"v9.9.9"}', state: complete, plugin: "`+version+`"`)
	}
	for _, c := range []struct {
		name   string
		record Objects
		want   []string
	}{
		{"no record", Objects{}, nil},
		{"the same", by(own), nil},
		{"a little older", by("v0.4.2"), []string{"note definition-version: what is installed is of version v0.4.2, this plugin of v0.5.0: one minor version apart they work together"}},
		{"a little newer", by("v0.6.0"), []string{"note definition-version: what is installed is of version v0.6.0, this plugin of v0.5.0: one minor version apart they work together"}},
		{"far older", by("v0.3.9"), []string{"warning definition-version: what is installed is of version v0.3.9, more than one minor version older than this plugin, v0.5.0"}},
		{"far newer", by("v1.0.0"), []string{"warning definition-version: what is installed is of version v1.0.0, more than one minor version newer than this plugin, v0.5.0"}},
		{"no release", by("1234567"), []string{"note definition-version: what is installed is of version 1234567, this plugin of v0.5.0: how far they are apart cannot be told"}},
		{"before records said so", recordOf(t, `parameters: '{"version":"v9.9.9"}', state: complete`), []string{"note definition-version: the record of the installation does not say which version installed: it is older than this plugin"}},
		{"broken off", recordOf(t, `parameters: '{"version":"v9.9.9"}', state: incomplete, plugin: "`+own+`"`),
			[]string{"warning definition-version: the installation was not completed: install runs, or has ended before the webhook answered"}},
		{"unread", Objects{Err: apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "", nil)},
			[]string{"warning definition-version: the record of the installation could not be looked at: you lack the right to read"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare(t, Definitions{Shipped: shippedNow(t), Seen: served(t), Record: c.record, Own: own}.Findings(), c.want...)
		})
	}
	var f findings
	Definitions{Record: recordOf(t, "parameters: no JSON"), Own: own}.version(&f)
	if got := fmt.Sprint(f); !strings.Contains(got, "the record of the installation cannot be understood") {
		t.Error(got)
	}
}

func TestWebhookVersion(t *testing.T) {
	for _, c := range []struct {
		replicas []Replica
		want     []string
	}{
		{nil, nil},
		{[]Replica{{Name: "a", Version: "v0.5.0"}}, nil},
		{[]Replica{{Name: "a", Version: "v0.5.0"}, {Name: "b", Version: "v0.4.0"}, {Name: "c"}}, []string{
			"note webhook-version: the replica b of the webhook is of version v0.4.0, this plugin of v0.5.0: one minor version apart they work together",
			"note webhook-version: the replica c of the webhook does not say of which version it is: it is older than this plugin"}},
		{[]Replica{{Name: "a", Version: "v0.2.0"}}, []string{"warning webhook-version: the replica a of the webhook is of version v0.2.0, more than one minor version older than this plugin, v0.5.0"}},
		{[]Replica{{Name: "a", Version: "v0.9.0"}}, []string{"warning webhook-version: the replica a of the webhook is of version v0.9.0, more than one minor version newer than this plugin, v0.5.0"}},
	} {
		var f findings
		Webhook{Replicas: c.replicas, Own: "v0.5.0"}.version(&f)
		compare(t, f, c.want...)
	}
}
