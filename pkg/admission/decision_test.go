package admission

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// reviewed returns the newest line of the log about a review with the given fields.
func (w *webhook) reviewed(t *testing.T, fields map[string]any) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(w.text()), "\n")
	for _, text := range slices.Backward(lines) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("not JSON in the log: %s", text)
		}
		if line["msg"] != "review" {
			continue
		}
		found := true
		for key, value := range fields {
			found = found && reflect.DeepEqual(line[key], value)
		}
		if found {
			return line
		}
	}
	t.Fatalf("the log has no review with %v", fields)
	return nil
}

// decided checks what a line of the log says of a decision, and that it has no field but
// those that are meant.
func decided(t *testing.T, line map[string]any, want map[string]any) {
	t.Helper()
	known := []string{"time", "level", "msg", "entry", "outcome", "uid", "ms", "operation", "kind", "namespace", "name", "user", "dryRun", "allowed",
		"codes", "policies", "exceptions", "evaluated", "revision"}
	for key := range line {
		if !slices.Contains(known, key) {
			t.Errorf("the log has the field %s: %v", key, line[key])
		}
	}
	for _, key := range []string{"codes", "policies", "exceptions", "allowed", "dryRun", "user", "level"} {
		if !reflect.DeepEqual(line[key], want[key]) {
			t.Errorf("%s: got %v, want %v", key, line[key], want[key])
		}
	}
}

// databaseX returns a Database on a cluster that exists, so that nothing is said of it but
// by the policies of the test.
func (c *cluster) databaseX(t *testing.T, namespace, name string) string {
	t.Helper()
	c.must(t, manifestOf("DBCluster", "", namespace, "{endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}}"), "create", "-f", "-")
	return manifestOf("Database", namespace, name, "{clusterRef: {name: "+namespace+"}}")
}

func TestModesAndExceptionsAct(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	database := c.databaseX(t, ns, "x-orders")
	name := "dbtether.user." + strings.ReplaceAll(ns, "-", "_") + ".names"
	c.policyMap(t, "team-"+ns, policy.LabelPolicyRules, teamPolicy(ns, "NO-X"))
	about := map[string]any{"entry": "resources", "kind": "Database", "namespace": ns, "name": "x-orders", "operation": "CREATE"}
	// attempt returns what kubectl says, warnings included.
	attempt := func() string {
		t.Helper()
		c.settled(t)
		out, said, err := c.kubectlOutput(database, "create", "--dry-run=server", "-f", "-")
		return fmt.Sprintf("%v %s%s", err == nil, said, out)
	}
	line := func() map[string]any { t.Helper(); return c.webhook.reviewed(t, about) }
	user, err := c.kubectl("", "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
	if err != nil {
		t.Fatal(err)
	}
	with := func(allowed bool, codes, exceptions any) map[string]any {
		return map[string]any{"codes": codes, "policies": []any{name}, "exceptions": exceptions, "allowed": allowed, "dryRun": true, "user": user, "level": "INFO"}
	}
	codes := func(verdict string) map[string]any { return map[string]any{verdict: []any{"NO-X"}} }

	if got := attempt(); !strings.HasPrefix(got, "false ") {
		t.Errorf("got %s", got)
	}
	decided(t, line(), with(false, codes("deny"), nil))

	modes := "modes-" + ns
	c.policyMap(t, modes, policy.LabelPolicyModes, map[string]string{name: "warn"})
	const sentence = `NO-X: database "x-orders" begins with x. Call it otherwise.`
	if got := attempt(); !strings.HasPrefix(got, "true Warning: "+sentence) {
		t.Errorf("got %s", got)
	}
	decided(t, line(), with(true, codes("warn"), nil))

	c.policyMap(t, modes, policy.LabelPolicyModes, map[string]string{name: "dryrun"})
	if got := attempt(); !strings.HasPrefix(got, "true ") || strings.Contains(got, "NO-X") || strings.Contains(got, "Warning") {
		t.Errorf("got %s", got)
	}
	decided(t, line(), with(true, codes("dryrun"), nil))
	c.withoutPolicyMap(t, modes)

	exception := "exception-" + ns
	expires := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)
	c.policyMap(t, exception, policy.LabelPolicyException, map[string]string{"policy": "NO-X", "namespace": ns, "reason": "older than the rule", "expires": expires.Format(time.RFC3339)})
	want := "true Warning: NO-X: database \"x-orders\" begins with x. Allowed until " + expires.Format(time.RFC3339) +
		" by configmap dbtether-system/" + exception + ": older than the rule.\n"
	if got := attempt(); !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	decided(t, line(), with(true, codes("excepted"), []any{"configmap dbtether-system/" + exception}))
	_, text, err := get(c.webhook.metrics + "/metrics")
	for _, verdict := range []string{"deny", "warn", "dryrun", "excepted"} {
		if series := fmt.Sprintf(`dbtether_webhook_findings_total{code="NO-X",policy="%s",verdict="%s"} `, name, verdict); err != nil || !strings.Contains(text, series) {
			t.Errorf("the metrics do not have %s: %v", series, err)
		}
	}
}

// What is wrong with a mode or an exception is left out, and not the rest with it.
func TestLeftOutOfThePolicies(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	name := "exception-" + ns
	c.policyMap(t, name, policy.LabelPolicyException, map[string]string{"policy": "NO-X", "namespace": ns, "expires": "2030-01-01"})
	c.settled(t)
	fault := "configmap dbtether-system/" + name + " is no exception: its reason is not set"
	eventually(t, "an Event says so", func() error {
		out, err := c.kubectl("", "get", "events", "-n", systemNamespace, "--field-selector", "involvedObject.name="+name, "-o", "jsonpath={.items[*].reason} {.items[*].message}")
		if err == nil && out != "PolicyLeftOut "+fault {
			err = fmt.Errorf("got %q", out)
		}
		return err
	})
	if _, text, err := get(c.webhook.metrics + "/metrics"); err != nil || !strings.Contains(text, "dbtether_webhook_policy_problems 1\n") {
		t.Errorf("the metrics do not say so: %v\n%s", err, text)
	}
	if text := c.webhook.text(); !strings.Contains(text, fault) {
		t.Errorf("the log does not say so:\n%s", text)
	}
}

// Nothing of an object but its name is in the log, whatever becomes of it.
func TestLogHasNothingOfThePod(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	const hidden = "geheim-4711"
	manifest := func(user string) string {
		return strings.NewReplacer("value: debug", "value: "+hidden, "registry.example/app:1", "registry.example/"+hidden+":1").
			Replace(podNamed("orders", "dbtether.io/inject: "+user, "dbtether.io/as: "+hidden, "example.com/note: "+hidden))
	}
	if _, err := c.kubectl(manifest("orders-api"), "create", "-n", ns, "-f", "-"); err == nil || !strings.Contains(err.Error(), hidden) {
		t.Fatalf("that it cannot be given so is not what is said: %v", err)
	}
	line := c.webhook.reviewed(t, map[string]any{"entry": "enforce", "namespace": ns, "outcome": "denied"})
	if want := map[string]any{"deny": []any{"ANNOTATION-INVALID"}}; !reflect.DeepEqual(line["codes"], want) {
		t.Errorf("the codes are %v, not %v", line["codes"], want)
	}
	valid := strings.Replace(manifest("orders-api"), "dbtether.io/as: "+hidden+", ", "", 1)
	c.must(t, valid, "create", "-n", ns, "-f", "-")
	for _, entry := range []string{"inject", "enforce"} {
		c.webhook.reviewed(t, map[string]any{"entry": entry, "namespace": ns, "name": "orders", "allowed": true})
	}
	if text := c.webhook.text(); strings.Contains(text, hidden) {
		t.Errorf("the log has what the pod holds:\n%s", text)
	}
}

// A code that a policy makes of what was sent is neither in the log nor in the metrics.
func TestComputedCodesAreNotTold(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	data := teamPolicy(ns, "NO-X")
	data["names.rego"] = strings.Replace(data["names.rego"], `"code": "NO-X"`, `"code": input.request.name`, 1)
	c.policyMap(t, "team-"+ns, policy.LabelPolicyRules, data)
	c.settled(t)
	if err := saysExactly(c.create(c.databaseX(t, ns, "x-geheim")), "Forbidden",
		`x-geheim: database "x-geheim" begins with x. Call it otherwise.`); err != nil {
		t.Error(err)
	}
	line := c.webhook.reviewed(t, map[string]any{"namespace": ns, "name": "x-geheim"})
	if want := map[string]any{"deny": []any{"other"}}; !reflect.DeepEqual(line["codes"], want) {
		t.Errorf("the codes are %v, not %v", line["codes"], want)
	}
	if _, text, err := get(c.webhook.metrics + "/metrics"); err != nil || strings.Contains(text, "geheim") || !strings.Contains(text, `dbtether_webhook_findings_total{code="other",`) {
		t.Errorf("%v\n%s", err, text)
	}
}

// Each replica has a key of its own; that of one that is gone is dropped.
func TestPolicyStatusOfReplicas(t *testing.T) {
	c := newCluster(t)
	old, err := json.Marshal(policy.Report{Revision: "0", Renewed: time.Now().Add(-2 * statusStale)})
	if err != nil {
		t.Fatal(err)
	}
	young, err := json.Marshal(policy.Report{Revision: "0", Renewed: time.Now().Add(-statusStale / 2)})
	if err != nil {
		t.Fatal(err)
	}
	patch, err := json.Marshal(map[string]any{"data": map[string]string{"gone": string(old), "slow": string(young), "nonsense": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	c.must(t, "", "patch", "configmap", policy.StatusName, "-n", systemNamespace, "--type=merge", "-p", string(patch))
	w := c.alone(t)
	w.waitReady(t)
	eventually(t, "it says what it has loaded, and what is gone is dropped", func() error {
		data, err := c.reports()
		if err == nil && (data[w.replica] == "" || data[c.webhook.replica] == "" || data["slow"] == "" || data["gone"] != "" || data["nonsense"] != "") {
			err = fmt.Errorf("%s has %v", policy.StatusName, data)
		}
		return err
	})
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	data, err := c.reports()
	if err != nil || data[w.replica] != "" || data[c.webhook.replica] == "" {
		t.Errorf("afterwards: %v, %v", data, err)
	}
}

// Everybody may read what everybody is judged by, and nobody but an administrator may
// change it.
func TestPoliciesAreReadByEverybody(t *testing.T) {
	c := newCluster(t)
	for verb, want := range map[string]string{"get": "yes", "list": "yes", "create": "no", "update": "no", "patch": "no", "delete": "no"} {
		out, _ := c.kubectl("", "auth", "can-i", verb, "configmaps", "-n", systemNamespace, "--as=somebody", "--as-group=system:authenticated")
		if strings.TrimSpace(out) != want {
			t.Errorf("%s: %s", verb, out)
		}
	}
	for what, want := range map[string]string{"update configmaps/x": "no", "patch configmaps/x": "no", "patch configmaps/" + policy.StatusName: "yes", "delete configmaps/" + policy.StatusName: "no",
		"list secrets": "no", "create pods": "no"} {
		args := append([]string{"auth", "can-i", "-n", systemNamespace, "--as=" + serviceAccount, "--as-group=system:serviceaccounts"}, strings.Fields(what)...)
		if out, _ := c.kubectl("", args...); strings.TrimSpace(out) != want {
			t.Errorf("the webhook: %s: %s", what, out)
		}
	}
}

func TestSampled(t *testing.T) {
	for share, want := range map[float64][2]int{0: {0, 0}, 0.01: {50, 150}, 0.5: {4800, 5200}, 1: {10000, 10000}} {
		l, got := decisionLog{allows: share}, 0
		for n := range 10000 {
			if l.sampled(fmt.Sprintf("3f0c4d0e-6b1f-4f0e-9a52-%012x", uint64(n)*0x9e3779b97f4a7c15>>16)) {
				got++
			}
		}
		if got < want[0] || got > want[1] {
			t.Errorf("%v: %d of 10000", share, got)
		}
	}
}
