package plugin_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCheckFindsFaults breaks an installation in one way after another, and each time
// expects exactly what is wrong to be found, and nothing else. Where the webhook mends
// itself after a while, it is broken again until that was seen.
func TestCheckFindsFaults(t *testing.T) {
	c := newInstallation(t)
	c.finds(t, nil)
	if out, code := c.check(t, "webhook", "floor", "definitions", "policies", "runner"); code != 0 || out != green {
		t.Errorf("exit code %d, got:\n%s\nwant:\n%s", code, out, green)
	}
	for _, fault := range c.faults(t) {
		t.Run(fault.name, func(t *testing.T) {
			t.Cleanup(func() {
				fault.mend(t)
				c.finds(t, nil)
			})
			c.eventuallyFinds(t, fault.inject, fault.want)
		})
	}
	t.Run("the webhook is down", func(t *testing.T) {
		c.stopWebhook(t)
		c.finds(t, []string{
			`error webhook-answer: the API server cannot ask the webhook: Post "https://WEBHOOK/resources?timeout=3s": dial tcp WEBHOOK: connect: connection refused`,
			`warning policies-replicas: no replica of the webhook says which policies it has loaded`,
		})
		wait := exec.Command(filepath.Join(c.bin, "kubectl"), "dbtether", "check", "webhook", "policies", "--wait", "--timeout=90s")
		wait.Env = c.environment()
		if err := wait.Start(); err != nil {
			t.Fatal(err)
		}
		c.startWebhook(t)
		if err := wait.Wait(); err != nil {
			t.Errorf("check --wait: %v", err)
		}
		if out, code := c.check(t, "webhook", "policies"); code != 0 {
			t.Errorf("exit code %d\n%s", code, out)
		}
	})
}

// green is what is said of an installation that is well.
const green = `definitions
  ok       the 3 resource definitions are installed
  ok       the API server serves them
  ok       their fields are those of this version
  ok       everything is stored in versions that they have

webhook
  ok       the webhook configurations have all 6 entries
  ok       they are as this version ships them
  note     the webhook is called at 127.0.0.1, not through its Service
  ok       2 of 2 replicas of the webhook are ready
  ok       its Service has 2 ready endpoints
  ok       its version and that of this plugin work together
  ok       each entry has a caBundle whose certificates are valid
  ok       its certificate is signed by them, for 127.0.0.1, until <time>
  ok       it answers, and refuses what it has to

floor
  ok       all 12 ValidatingAdmissionPolicies are installed
  ok       each is bound, and denies
  ok       they are as this version ships them

policies
  ok       the built-in policies load, and those of 0 ConfigMaps
  ok       the webhook decides by them, on 1 replica

runner
  note     no runner is installed: what falls due waits for somebody to run kubectl dbtether reconcile
  ok       every user that has expired is closed
  ok       nothing is overdue
`

// installedFault is a way to break an installation.
type installedFault struct {
	name         string
	inject, mend func(*testing.T)
	// want are the findings that are no notes and not ok, with what changes from run to
	// run taken out.
	want []string
}

const system = "dbtether-system"

func (c *installation) faults(t *testing.T) []installedFault {
	t.Helper()
	run := func(stdin string, args ...string) func(*testing.T) {
		return func(t *testing.T) { c.must(t, stdin, args...) }
	}
	validating := c.kept(t, "validatingwebhookconfiguration", "dbtether")
	mutating := c.kept(t, "mutatingwebhookconfiguration", "dbtether")
	binding := c.kept(t, "validatingadmissionpolicybinding", "deletion-protection.dbtether.io")
	floorPolicy := c.kept(t, "validatingadmissionpolicy", "revisions.dbtether.io")
	endpoints := c.kept(t, "endpointslice", "-n", system, "dbtether-webhook")
	secret := c.kept(t, "secret", "-n", system, "dbtether-webhook-certificate")
	restore := func(kept string) func(*testing.T) { return run(kept, "replace", "-f", "-") }
	restored := func(kept string) func(*testing.T) {
		return func(t *testing.T) {
			if _, err := c.kubectl(kept, "create", "-f", "-"); err != nil && !strings.Contains(err.Error(), "already exists") {
				t.Fatal(err)
			}
		}
	}
	status := func(ready string) func(*testing.T) {
		return run("", "patch", "deployment", "dbtether-webhook", "-n", system, "--subresource=status", "--type=merge", "-p", `{"status":{"readyReplicas":`+ready+`}}`)
	}
	patch := func(kind, name, operations string) func(*testing.T) {
		return run("", "patch", kind, name, "--type=json", "-p", operations)
	}
	foreign := c.bundleOf(t, c.CAFile)
	return []installedFault{
		{"an expired certificate", c.expireCertificate, restore(secret), []string{
			"error webhook-certificate: the certificate in the Secret dbtether-system/dbtether-webhook-certificate expired at <time>",
			"error webhook-certificate: the certificate in the Secret dbtether-system/dbtether-webhook-certificate is signed by no authority in the caBundle of the entries default.dbtether.io, inject.dbtether.io, enforce.dbtether.io and 3 more",
		}},
		{"no Secret", run("", "delete", "secret", "dbtether-webhook-certificate", "-n", system, "--ignore-not-found"), restored(secret), []string{
			"error webhook-certificate: the Secret dbtether-system/dbtether-webhook-certificate with the webhook's certificate is not there",
		}},
		{"another authority", patch("validatingwebhookconfiguration", "dbtether", `[{"op":"replace","path":"/webhooks/2/clientConfig/caBundle","value":"`+foreign+`"}]`), restore(validating), []string{
			"error webhook-answer: the API server cannot ask the webhook: Post \"https://WEBHOOK/resources?timeout=3s\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
			"error webhook-certificate: the certificate in the Secret dbtether-system/dbtether-webhook-certificate is signed by no authority in the caBundle of the entry resources.dbtether.io",
		}},
		{"no authority", patch("mutatingwebhookconfiguration", "dbtether", `[{"op":"add","path":"/webhooks/1/clientConfig/caBundle","value":""}]`), restore(mutating), []string{
			"error webhook-authority: the caBundle of the entry inject.dbtether.io is empty: the API server trusts no certificate of the webhook that is not of a public authority",
		}},
		{"an entry is missing", run("", "patch", "validatingwebhookconfiguration", "dbtether", "-p", `{"webhooks":[{"name":"guard.dbtether.io","$patch":"delete"}]}`), restore(validating), []string{
			"error webhook-entries: the ValidatingWebhookConfiguration dbtether has no entry guard.dbtether.io",
		}},
		{"an entry is not asked of everything", patch("validatingwebhookconfiguration", "dbtether",
			`[{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Ignore"},{"op":"add","path":"/webhooks/0/objectSelector","value":{"matchLabels":{"a":"b"}}}]`), restore(validating), []string{
			"warning webhook-shipped: the entry enforce.dbtether.io is not as this version ships it: failurePolicy, objectSelector",
		}},
		{"a binding is missing", run("", "delete", "validatingadmissionpolicybinding", "deletion-protection.dbtether.io", "--ignore-not-found"), restored(binding), []string{
			"error floor-binding: the ValidatingAdmissionPolicyBinding deletion-protection.dbtether.io is not there: its policy is not enforced",
		}},
		{"a binding only audits", patch("validatingadmissionpolicybinding", "deletion-protection.dbtether.io", `[{"op":"replace","path":"/spec/validationActions","value":["Audit"]}]`), restore(binding), []string{
			"error floor-binding: the ValidatingAdmissionPolicyBinding deletion-protection.dbtether.io does not deny: its validationActions are Audit",
		}},
		{"a policy of the floor has another rule", patch("validatingadmissionpolicy", "revisions.dbtether.io", `[{"op":"replace","path":"/spec/validations/0/expression","value":"true"}]`), restore(floorPolicy), []string{
			"warning floor-shipped: the ValidatingAdmissionPolicy revisions.dbtether.io is not as this version ships it: spec.validations[0].expression",
		}},
		{"a policy is broken", run(brokenPolicy, "apply", "-f", "-"), run("", "delete", "configmap", "broken", "-n", system), []string{
			"error policies-load: the policies cannot be loaded, so that those before them stand: CAUSE",
			"error policies-replicas: the replica webhook cannot load these: CAUSE",
		}},
		{"a replica is down", status("1"), status("2"), []string{
			"warning webhook-replicas: 1 of 2 replicas of the webhook are ready (Deployment dbtether-system/dbtether-webhook)",
		}},
		{"all replicas are down", status("0"), status("2"), []string{
			"error webhook-replicas: no replica of the webhook is ready (Deployment dbtether-system/dbtether-webhook, 2 wanted)",
		}},
		{"no endpoint is ready", run("", "delete", "endpointslice", "dbtether-webhook", "-n", system, "--ignore-not-found"), restored(endpoints), []string{
			"error webhook-endpoints: the Service dbtether-system/dbtether-webhook has no ready endpoint: the API server reaches no webhook",
		}},
	}
}

const brokenPolicy = `
apiVersion: v1
kind: ConfigMap
metadata: {name: broken, namespace: dbtether-system, labels: {dbtether.io/policy: "true"}}
data:
  broken.rego: "package dbtether.user.broken\n\ndeny contains"
`

// check runs the command and returns its stdout, without what changes from run to run,
// and its exit code.
func (c *installation) check(t *testing.T, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(c.bin, "kubectl"), append([]string{"dbtether", "check"}, args...)...)
	cmd.Env = c.environment()
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return c.plain(string(out)), cmd.ProcessState.ExitCode()
}

var (
	aTime  = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	aCause = regexp.MustCompile(`(before them stand|cannot load these): (?s:.*)`)
	aNamed = regexp.MustCompile(`replica webhook-[0-9]+ decides by older policies, because it`)
)

func (c *installation) plain(text string) string {
	text = aTime.ReplaceAllString(text, "<time>")
	return strings.ReplaceAll(text, c.webhook.address, "WEBHOOK")
}

// found returns what check finds that is neither ok nor a note, sorted, and whether the
// exit code fits it.
func (c *installation) found(t *testing.T) ([]string, error) {
	t.Helper()
	out, code := c.check(t, "-o", "json", "definitions", "webhook", "floor", "policies", "runner", "resources", "secrets", "-A")
	var report []struct {
		Findings []struct{ Check, Level, Text, Fix string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		return nil, fmt.Errorf("%w in:\n%s", err, out)
	}
	var found []string
	want := 0
	for _, category := range report {
		for _, f := range category.Findings {
			if f.Level == "ok" || f.Level == "note" {
				continue
			}
			if f.Level == "error" {
				want = 1
			}
			if f.Fix == "" {
				return nil, fmt.Errorf("%s says not what to do: %s", f.Check, f.Text)
			}
			text := aNamed.ReplaceAllString(aCause.ReplaceAllString(f.Text, "$1: CAUSE"), "replica webhook")
			found = append(found, f.Level+" "+f.Check+": "+text)
		}
	}
	if code != want {
		return nil, fmt.Errorf("exit code %d for:\n%s", code, out)
	}
	slices.Sort(found)
	return found, nil
}

// finds waits until exactly what is wanted is found.
func (c *installation) finds(t *testing.T, want []string) {
	t.Helper()
	c.eventuallyFinds(t, func(*testing.T) {}, want)
}

// eventuallyFinds does something again and again until exactly what is wanted is found:
// the API server needs a moment to see a change, and the webhook takes some back.
func (c *installation) eventuallyFinds(t *testing.T, again func(*testing.T), want []string) {
	t.Helper()
	slices.Sort(want)
	var found []string
	var err error
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); {
		again(t)
		if found, err = c.found(t); err == nil && slices.Equal(found, want) {
			return
		}
	}
	t.Fatalf("not within a minute and a half, %v, found:\n%s\nwant:\n%s", err, strings.Join(found, "\n"), strings.Join(want, "\n"))
}
