package plugin_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Without any one of its rights the webhook says which it misses. Left out are list, which
// API servers that stream lists are not asked for, and get on namespaces, which is for the
// moment in which a namespace is younger than the watch: pkg/admission lacks both.
func TestWebhookRoleIsMinimal(t *testing.T) {
	c := newInstallCluster(t)
	w := c.webhook()
	c.do("dbtether", "install", "--image-version", "v1.0.0", "--webhook-url", w.url)
	c.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {dbtether.io/injection: enabled}}\n")
	for _, role := range []string{"clusterrole/dbtether-webhook", "role/dbtether-webhook"} {
		var whole rbacv1.Role // the two have the same rules
		if err := json.Unmarshal([]byte(c.do("get", role, "-n", "dbtether-system", "-o", "json")), &whole); err != nil {
			t.Fatal(err)
		}
		for r, rule := range whole.Rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					if verb != "list" && verb+" "+resource != "get namespaces" {
						c.withoutRight(w, role, whole.Rules, r, resource, verb)
					}
				}
			}
		}
		c.setRules(role, whole.Rules)
	}
}

func (c installCluster) setRules(role string, rules []rbacv1.PolicyRule) {
	c.t.Helper()
	patch, err := json.Marshal(map[string]any{"rules": rules})
	if err != nil {
		c.t.Fatal(err)
	}
	c.do("patch", role, "-n", "dbtether-system", "--type=merge", "-p", string(patch))
}

// withoutRight takes one right away, starts the webhook anew, and looks for what it says
// of that in its log or to those who ask it.
func (c installCluster) withoutRight(w *webhook, role string, rules []rbacv1.PolicyRule, at int, resource, verb string) {
	c.t.Helper()
	w.stop()
	rule := rules[at]
	less := slices.Delete(slices.Clone(rules), at, at+1)
	for _, other := range rule.Resources {
		verbs := slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return other == resource && v == verb })
		if len(verbs) > 0 {
			less = append(less, rbacv1.PolicyRule{APIGroups: rule.APIGroups, Resources: []string{other}, ResourceNames: rule.ResourceNames, Verbs: verbs})
		}
	}
	c.prepare(resource, verb)
	c.setRules(role, less)
	object := resource + "." + rule.APIGroups[0]
	if len(rule.ResourceNames) > 0 {
		object += "/" + rule.ResourceNames[0]
	}
	deadline := time.Now().Add(time.Minute)
	for can := "yes"; can != "no" && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		can, _, _ = c.run(c.server.Kubeconfig, "auth", "can-i", verb, object, "-n", "dbtether-system", "--as="+webhookAccount)
		can = strings.TrimSpace(can)
	}
	w.start()
	deadline = time.Now().Add(time.Minute)
	missed := fmt.Sprintf("cannot %s resource \\\"%s\\\"", verb, resource)
	var said string
	for ; time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		text, err := os.ReadFile(w.log)
		if err != nil {
			c.t.Fatal(err)
		}
		if said = string(text) + c.provoke(resource); strings.Contains(said, missed) || strings.Contains(said, strings.ReplaceAll(missed, `\`, "")) {
			return
		}
	}
	c.t.Errorf("without the right to %s %s nothing is missed:\n%s", verb, resource, said)
}

// prepare lets something be to do that takes a right.
func (c installCluster) prepare(resource, verb string) {
	c.t.Helper()
	switch resource + " " + verb {
	case "secrets create":
		c.do("delete", "secret", "dbtether-webhook-certificate", "-n", "dbtether-system", "--ignore-not-found")
	case "secrets update":
		c.do("patch", "secret", "dbtether-webhook-certificate", "-n", "dbtether-system", "--type=merge", "-p", `{"data":{"tls.key":"eA=="}}`)
	case "configmaps create":
		c.do("delete", "configmap", "dbtether-policy-status", "-n", "dbtether-system", "--ignore-not-found")
	case "mutatingwebhookconfigurations patch", "validatingwebhookconfigurations patch":
		c.do("patch", resource, "dbtether", "--type=json", "-p", `[{"op":"replace","path":"/webhooks/0/clientConfig/caBundle","value":"`+c.authority()+`"}]`)
	case "events create":
		c.do("create", "configmap", "broken", "-n", "dbtether-system", "--from-literal=broken.rego=package")
		c.do("label", "configmap", "broken", "-n", "dbtether-system", "dbtether.io/policy=true")
	}
}

// provoke asks for what is not there, and returns the answer: for that the webhook asks
// the API server.
func (c installCluster) provoke(resource string) string {
	manifest := map[string]string{
		"dbclusters":    "apiVersion: dbtether.io/v1alpha1\nkind: Database\nmetadata: {name: x, namespace: shop}\nspec: {clusterRef: {name: nowhere}}\n",
		"databases":     "apiVersion: dbtether.io/v1alpha1\nkind: DatabaseUser\nmetadata: {name: x, namespace: shop}\nspec: {databaseRef: {name: nowhere}}\n",
		"databaseusers": "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: shop, annotations: {dbtether.io/inject: nobody}}\nspec: {containers: [{name: x, image: x}]}\n",
	}[resource]
	if manifest == "" {
		return ""
	}
	cmd := c.command(c.server.Kubeconfig, "create", "--dry-run=server", "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	out, _ := cmd.CombinedOutput() // to be refused is what it is for
	return string(out)
}

// What dbtether-policy-reader gives to everybody is what `policy list` reads: without any
// one of its rights that says which it misses.
func TestPolicyReaderIsMinimal(t *testing.T) {
	c := newInstallCluster(t)
	w := c.webhook()
	c.do("dbtether", "install", "--image-version", "v1.0.0", "--webhook-url", w.url)
	kubeconfig, err := c.server.KubeconfigFor("jane", "system:authenticated")
	if err != nil {
		t.Fatal(err)
	}
	const role = "role/dbtether-policy-reader"
	var whole rbacv1.Role
	if err := json.Unmarshal([]byte(c.do("get", role, "-n", "dbtether-system", "-o", "json")), &whole); err != nil {
		t.Fatal(err)
	}
	list := func() string {
		out, said, _ := c.run(kubeconfig, "dbtether", "policy", "list")
		return out + said
	}
	missed := map[string]string{"get": `user "jane" may not get configmaps`, "list": `user "jane" may not list configmaps`}
	for r, rule := range whole.Rules {
		for _, verb := range rule.Verbs {
			less := slices.Clone(whole.Rules)
			less[r].Verbs = slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return v == verb })
			c.setRules(role, less)
			said := ""
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && !strings.Contains(said, missed[verb]); said = list() {
			}
			if !strings.Contains(said, missed[verb]) {
				t.Errorf("without the right to %s:\n%s", verb, said)
			}
		}
	}
	c.setRules(role, whole.Rules)
}
