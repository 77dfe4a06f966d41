package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// teamPolicy returns the data of a ConfigMap: a policy that has something against
// Databases whose name begins with x, in one namespace, and its test. The code differs
// from set to set.
func teamPolicy(namespace, code string) map[string]string {
	name := strings.ReplaceAll(namespace, "-", "_")
	return map[string]string{
		"names.rego": `# METADATA
# title: Names
# custom:
#   area: resources
package dbtether.user.` + name + `.names

# METADATA
# custom:
#   code: ` + code + `
deny contains {"code": "` + code + `", "message": sprintf("database %q begins with x", [input.request.name]), "fix": "call it otherwise", "path": "metadata.name"} if {
	input.request.kind == "Database"
	input.namespace.name == "` + namespace + `"
	startswith(input.request.name, "x")
}
`,
		"names_test.rego": `package dbtether.user.` + name + `.names_test

test_denied if count(data.dbtether.user.` + name + `.names.deny) == 1 with input as {"request": {"kind": "Database", "name": "x"}, "namespace": {"name": "` + namespace + `"}}
`,
	}
}

// policyMap writes a ConfigMap with the label, in place of the one of that name.
func (c *cluster) policyMap(t *testing.T, name, label string, data map[string]string) {
	t.Helper()
	manifest, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": data,
		"metadata": map[string]any{"name": name, "namespace": systemNamespace, "labels": map[string]string{policy.LabelPolicy: label}}})
	if err != nil {
		t.Fatal(err)
	}
	_, found := c.kubectl("", "get", "configmap", name, "-n", systemNamespace)
	c.must(t, string(manifest), "apply", "--server-side", "--force-conflicts", "-f", "-")
	if found != nil {
		t.Cleanup(func() { c.withoutPolicyMap(t, name) })
	}
}

// withoutPolicyMap removes it, and waits until the webhook has loaded what is left.
func (c *cluster) withoutPolicyMap(t *testing.T, name string) {
	t.Helper()
	c.must(t, "", "delete", "configmap", name, "-n", systemNamespace, "--ignore-not-found")
	c.settled(t)
}

// settled waits until the webhook that runs has loaded what the ConfigMaps hold.
func (c *cluster) settled(t *testing.T) {
	t.Helper()
	if c.webhook == nil || c.webhook.gone() {
		return
	}
	out := c.must(t, "", "get", "configmap", "-n", systemNamespace, "-l", policy.LabelPolicy, "-o", "json")
	var list corev1.ConfigMapList
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	var documents []policy.Document
	for _, item := range list.Items {
		documents = append(documents, policy.Document{ObjectMeta: item.ObjectMeta, Data: item.Data})
	}
	engine, err := policy.Load(context.Background(), policy.ReadSet(documents, time.Now()), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the webhook has loaded revision "+engine.Revision(), func() error {
		report, err := c.report(c.webhook)
		if err == nil && (report.Revision != engine.Revision() || report.Error != "") {
			err = fmt.Errorf("it says %+v\n%s", report, c.webhook.text())
		}
		return err
	})
}

// report returns what a webhook says in the status ConfigMap.
func (c *cluster) report(w *webhook) (report policy.Report, err error) {
	data, err := c.reports()
	if err != nil {
		return report, err
	}
	text, ok := data[w.replica]
	if !ok {
		return report, fmt.Errorf("%s has no key %s: %v", policy.StatusName, w.replica, slices.Sorted(maps.Keys(data)))
	}
	return report, json.Unmarshal([]byte(text), &report)
}

func (c *cluster) reports() (map[string]string, error) {
	out, err := c.kubectl("", "get", "configmap", policy.StatusName, "-n", systemNamespace, "-o", "json")
	if err != nil {
		return nil, err
	}
	var config corev1.ConfigMap
	return config.Data, json.Unmarshal([]byte(out), &config)
}

// create tries to write a manifest, without leaving anything behind.
func (c *cluster) create(manifest string) error {
	_, err := c.kubectl(manifest, "create", "--dry-run=server", "-f", "-")
	return err
}

// saysExactly fails unless err is a refusal by resources.dbtether.io with the text.
func saysExactly(err error, reason, text string) error {
	want := `admission webhook "resources.dbtether.io" denied the request: ` + text
	if err == nil {
		return errors.New("it is not refused")
	}
	if _, got, _ := strings.Cut(err.Error(), "Error from server ("+reason+"): "); !strings.HasSuffix(got, want) {
		return fmt.Errorf("got  %w\nwant %s", err, want)
	}
	return nil
}

func TestPolicyOfConfigMap(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	database := manifestOf("Database", ns, "x-orders", "{clusterRef: {name: main}}")
	if err := c.create(database); err != nil {
		t.Fatal(err)
	}
	name := "team-" + ns

	// It arrives.
	c.policyMap(t, name, policy.LabelPolicyRules, teamPolicy(ns, "NO-X"))
	c.settled(t)
	if err := saysExactly(c.create(database), "Forbidden", `NO-X: database "x-orders" begins with x. Call it otherwise.`); err != nil {
		t.Error(err)
	}
	if err := c.create(manifestOf("Database", ns, "orders", "{clusterRef: {name: main}}")); err != nil {
		t.Error(err)
	}
	if err := c.create(strings.Replace(database, "namespace: "+ns, "namespace: default", 1)); err != nil {
		t.Error(err)
	}
	// It is changed.
	c.policyMap(t, name, policy.LabelPolicyRules, teamPolicy(ns, "NO-XX"))
	c.settled(t)
	if err := saysExactly(c.create(database), "Forbidden", `NO-XX: database "x-orders" begins with x. Call it otherwise.`); err != nil {
		t.Error(err)
	}
	user := strings.ReplaceAll(ns, "-", "_")
	for _, line := range []string{
		"dbtether_webhook_findings_total{code=\"NO-X\",policy=\"dbtether.user." + user + ".names\",verdict=\"deny\"} 1",
		"dbtether_webhook_findings_total{code=\"NO-XX\",policy=\"dbtether.user." + user + ".names\",verdict=\"deny\"} 1",
	} {
		if _, text, err := get(c.webhook.metrics + "/metrics"); err != nil || !strings.Contains(text, line) {
			t.Errorf("the metrics do not have %s: %v", line, err)
		}
	}
	// It goes.
	c.withoutPolicyMap(t, name)
	if err := c.create(database); err != nil {
		t.Error(err)
	}
}

func TestBrokenPolicyKeepsTheLastGood(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	database := manifestOf("Database", ns, "x-orders", "{clusterRef: {name: main}}")
	name := "team-" + ns
	c.policyMap(t, name, policy.LabelPolicyRules, teamPolicy(ns, "NO-X"))
	c.settled(t)
	good, err := c.report(c.webhook)
	if err != nil {
		t.Fatal(err)
	}

	broken := teamPolicy(ns, "NO-Y")
	broken["names.rego"] = strings.Replace(broken["names.rego"], "input.request.kind", "input.request.knd", 1)
	c.policyMap(t, name, policy.LabelPolicyRules, broken)
	const fault = "undefined ref: input.request.knd"
	eventually(t, "the status says so", func() error {
		report, err := c.report(c.webhook)
		if err == nil && (!strings.Contains(report.Error, fault) || report.Revision != good.Revision || !report.Loaded.Equal(good.Loaded) || report.Tried.Before(good.Tried)) {
			err = fmt.Errorf("it says %+v, before it said %+v", report, good)
		}
		return err
	})
	if err := saysExactly(c.create(database), "Forbidden", `NO-X: database "x-orders" begins with x. Call it otherwise.`); err != nil {
		t.Error(err)
	}
	if text := c.webhook.text(); !strings.Contains(text, `"level":"ERROR","msg":"policies cannot be loaded"`) || !strings.Contains(text, fault) {
		t.Errorf("the log does not say so:\n%s", text)
	}
	eventually(t, "an Event says so", func() error {
		out, err := c.kubectl("", "get", "events", "-n", systemNamespace, "--field-selector", "involvedObject.kind=ConfigMap,involvedObject.name="+name, "-o", "jsonpath={range .items[*]}{.type} {.reason} {.message}{end}")
		if err == nil && (!strings.HasPrefix(out, "Warning PoliciesNotLoaded policies cannot be loaded: ") || !strings.Contains(out, fault) ||
			!strings.Contains(out, "Those of revision "+good.Revision)) {
			err = errors.New(out)
		}
		return err
	})
	_, text, err := get(c.webhook.metrics + "/metrics")
	if err != nil || strings.Contains(text, "dbtether_webhook_policy_load_failures_total 0\n") || !strings.Contains(text, "dbtether_webhook_policy_load_failures_total ") ||
		strings.Contains(text, "dbtether_webhook_policies 0\n") || strings.Contains(text, "dbtether_webhook_policy_last_success_timestamp_seconds 0\n") {
		t.Errorf("the metrics do not say so: %v\n%s", err, text)
	}
	if code, text, err := get(c.webhook.metrics + "/readyz"); code != 200 {
		t.Errorf("readyz: %d %s %v", code, text, err)
	}

	// It is mended.
	c.policyMap(t, name, policy.LabelPolicyRules, teamPolicy(ns, "NO-Y"))
	c.settled(t)
	if err := saysExactly(c.create(database), "Forbidden", `NO-Y: database "x-orders" begins with x. Call it otherwise.`); err != nil {
		t.Error(err)
	}
}

// A replica that starts with a set that cannot be loaded has no last good one.
func TestStartWithBrokenPolicy(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	database := manifestOf("Database", ns, "x-orders", "{clusterRef: {name: main}}")
	leaving := manifestOf("Database", ns, "leaving", "{clusterRef: {name: main}}")
	c.must(t, leaving, "create", "-f", "-")
	c.must(t, "", "patch", "database", "leaving", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":["dbtether.io/finalizer"]}}`)
	c.must(t, "", "delete", "database", "leaving", "-n", ns, "--wait=false")
	if err := c.webhook.stop(); err != nil {
		t.Fatal(err)
	}
	if data, err := c.reports(); err != nil || data[c.webhook.replica] != "" {
		t.Errorf("a replica that has ended still says what it has loaded: %v, %v", data, err)
	}
	name := "team-" + ns
	t.Cleanup(func() { c.running(t) })
	c.policyMap(t, name, policy.LabelPolicyRules, map[string]string{"names.rego": "package dbtether.user.a.b\n\ndeny contains 1 if\n", "names_test.rego": ""})
	c.webhook = c.startWebhook(t, "--drain=1s", "--cert-secret=dbtether-webhook-certificate")
	c.webhook.waitReady(t)
	const reason = "denied the request: POLICY-ERROR: policies cannot be loaded: "
	source := "configmap " + systemNamespace + "/" + name
	eventually(t, "what policies decide is refused, with the reason", func() error {
		err := c.create(database)
		if err != nil && strings.HasPrefix(err.Error(), "Error from server (InternalError): ") && strings.Contains(err.Error(), reason) && strings.Contains(err.Error(), source) {
			return nil
		}
		return fmt.Errorf("got %w", err)
	})
	if _, err := c.kubectl(podNamed("orders", "dbtether.io/inject: orders-api"), "create", "--dry-run=server", "-n", ns, "-f", "-"); err == nil ||
		!strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), source) {
		t.Errorf("a pod: %v", err)
	}
	// What policies do not decide goes on.
	c.must(t, podNamed("plain"), "create", "--dry-run=server", "-n", ns, "-f", "-")
	c.must(t, "", "patch", "database", "leaving", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	report, err := c.report(c.webhook)
	if err != nil || report.Revision != "" || !report.Loaded.IsZero() || !strings.Contains(report.Error, source) {
		t.Errorf("the status says %+v, %v", report, err)
	}
	if _, text, err := get(c.webhook.metrics + "/metrics"); err != nil || !strings.Contains(text, "dbtether_webhook_policies 0\n") || !strings.Contains(text, `dbtether_webhook_findings_total{code="POLICY-ERROR",policy="",verdict="error"}`) {
		t.Errorf("the metrics do not say so: %v\n%s", err, text)
	}

	// It is mended.
	c.policyMap(t, name, policy.LabelPolicyRules, teamPolicy(ns, "NO-X"))
	c.settled(t)
	if err := saysExactly(c.create(database), "Forbidden", `NO-X: database "x-orders" begins with x. Call it otherwise.`); err != nil {
		t.Error(err)
	}
	c.must(t, podNamed("orders", "dbtether.io/inject: orders-api"), "create", "--dry-run=server", "-n", ns, "-f", "-")
}
