package plugin_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// installCluster is an API server of its own, for what concerns all of one: definitions and
// webhook configurations.
type installCluster struct {
	program
	t *testing.T
}

func newInstallCluster(t *testing.T) installCluster {
	t.Helper()
	p := installed(t)
	return installCluster{program{server: ownControlPlane(t), bin: p.bin}, t}
}

// command is kubectl with arguments, by the bearer of a kubeconfig.
func (c installCluster) command(kubeconfig string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+c.path(), "KUBECACHEDIR="+c.t.TempDir())
	return cmd
}

// run runs kubectl by the bearer of a kubeconfig and returns what it says and its exit
// code.
func (c installCluster) run(kubeconfig string, args ...string) (stdout, stderr string, code int) {
	c.t.Helper()
	cmd := c.command(kubeconfig, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// do runs kubectl as cluster-admin, which has to succeed.
func (c installCluster) do(args ...string) string {
	c.t.Helper()
	out, errOut, code := c.run(c.server.Kubeconfig, args...)
	if code != 0 {
		c.t.Fatalf("kubectl %s: code %d\n%s%s", strings.Join(args, " "), code, out, errOut)
	}
	return out
}

// fails runs kubectl as cluster-admin, which has to fail with a code and say all of that.
func (c installCluster) fails(code int, said string, args ...string) {
	c.t.Helper()
	out, errOut, got := c.run(c.server.Kubeconfig, args...)
	if got != code || errOut != said {
		c.t.Errorf("kubectl %s: code %d, want %d\n%s\ngot\n%s\nwant\n%s", strings.Join(args, " "), got, code, out, errOut, said)
	}
}

// apply applies a manifest as cluster-admin.
func (c installCluster) apply(manifest string) {
	c.t.Helper()
	cmd := c.command(c.server.Kubeconfig, "apply", "--server-side", "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%v\n%s\n%s", err, out, manifest)
	}
}

// ours returns the names of all objects that an installation may have, and that are there.
func (c installCluster) ours() []string {
	c.t.Helper()
	out := c.do("get", "customresourcedefinitions,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,"+
		"mutatingwebhookconfigurations,validatingwebhookconfigurations,namespaces", "-o", "name")
	out += c.do("get", "-n", "dbtether-system", "configmaps,serviceaccounts,roles,rolebindings,services,poddisruptionbudgets,deployments,cronjobs,secrets", "-o", "name")
	var names []string
	for name := range strings.Lines(out) {
		// What the webhook has loaded it says in its own time.
		if name = strings.TrimSpace(name); strings.Contains(name, "dbtether") && name != "configmap/dbtether-policy-status" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// outcomes returns how often each outcome stands at the end of a line.
func outcomes(out string) map[string]int {
	count := map[string]int{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		count[fields[len(fields)-1]]++
	}
	return count
}

// webhook is a webhook that runs beside the API server.
type webhook struct {
	c       installCluster
	cmd     *exec.Cmd
	release func()
	url     string
	log     string
}

// webhook builds and starts one that ends with the test.
func (c installCluster) webhook() *webhook {
	c.t.Helper()
	w := &webhook{c: c, url: "https://" + freeAddress(c.t), log: filepath.Join(c.server.Dir, "webhook.log")}
	if err := compile(filepath.Join(c.server.Dir, "webhook"), "./cmd/webhook"); err != nil {
		c.t.Fatal(err)
	}
	w.start()
	c.t.Cleanup(w.stop)
	return w
}

// start runs it with exactly the rights of its service account.
func (w *webhook) start() {
	c := w.c
	c.t.Helper()
	kubeconfig, err := c.server.KubeconfigFor(webhookAccount, "system:serviceaccounts")
	if err != nil {
		c.t.Fatal(err)
	}
	log, err := os.Create(w.log)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	w.cmd = exec.Command(filepath.Join(c.server.Dir, "webhook"), "--kubeconfig="+kubeconfig, "--listen="+strings.TrimPrefix(w.url, "https://"),
		"--metrics-listen="+freeAddress(c.t), "--url="+w.url, "--drain=0s")
	w.cmd.Stdout, w.cmd.Stderr = log, log
	if w.release, err = testenv.StartBound(w.cmd, syscall.SIGKILL); err != nil {
		c.t.Fatal(err)
	}
}

// stop ends it as Kubernetes would; a second time it does nothing.
func (w *webhook) stop() {
	if w.cmd.ProcessState != nil {
		return
	}
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	if err := w.cmd.Wait(); err != nil {
		text, _ := os.ReadFile(w.log)
		w.c.t.Errorf("the webhook: %v\n%s", err, text)
	}
	w.release()
}

// From nothing to a webhook that judges, over changed flags, back to nothing but what was
// announced.
func TestInstall(t *testing.T) {
	c := newInstallCluster(t)
	webhook := c.webhook()
	arguments := func(more ...string) []string {
		return append([]string{"dbtether", "install", "--image-version", "v1.0.0", "--webhook-url", webhook.url}, more...)
	}

	first := outcomes(c.do(arguments()...))
	if len(first) != 1 || first["created"] == 0 {
		t.Errorf("the first time: %v", first)
	}
	standard := c.ours()
	if again := outcomes(c.do(arguments()...)); len(again) != 1 || again["unchanged"] == 0 {
		t.Errorf("the second time: %v", again)
	}

	// It judges: a team may not use a server that does not admit it.
	judges := func() {
		t.Helper()
		_, said, code := c.run(c.server.Kubeconfig, "dbtether", "db", "create", "orders", "--cluster", "main")
		if code != 3 || !strings.Contains(said, "CLUSTER-NOT-ALLOWED") {
			t.Errorf("code %d: %s", code, said)
		}
	}
	c.apply("apiVersion: dbtether.io/v1alpha1\nkind: DBCluster\nmetadata: {name: main}\nspec: {endpoint: db.example.com, allowedNamespaces: [shop], credentialsSecretRef: {name: admin, namespace: dbtether-system}}\n")
	judges()

	// An upgrade whose webhook does not start leaves the one that stands, and it still
	// fails closed.
	if _, said, code := c.run(c.server.Kubeconfig, "dbtether", "install", "--image-version", "v2.0.0", "--timeout", "0s"); code != 1 || !strings.Contains(said, "Deployment dbtether-system/dbtether-webhook") {
		t.Errorf("code %d: %s", code, said)
	}
	judges()
	if policy := c.do("get", "validatingwebhookconfiguration", "dbtether", "-o", "jsonpath={.webhooks[?(@.name=='resources.dbtether.io')].failurePolicy}"); policy != "Fail" {
		t.Errorf("a failed upgrade lets everything pass: %s", policy)
	}
	if back := c.do(arguments()...); !strings.Contains(back, "deployment.apps/dbtether-webhook deleted\n") {
		t.Errorf("what the failed upgrade has made is left:\n%s", back)
	}

	// With a runner, and without it again.
	withRunner := c.do(arguments("--runner", "cronjob")...)
	if !strings.Contains(withRunner, "cronjob.batch/dbtether-runner created\n") || !strings.Contains(withRunner, "deletion-protection.dbtether.io unchanged\n") {
		t.Errorf("with a runner:\n%s", withRunner)
	}
	dry := c.do(arguments("--dry-run=server")...)
	if !strings.Contains(dry, "cronjob.batch/dbtether-runner deleted (server dry run)\n") {
		t.Errorf("the dry run does not say what would be deleted:\n%s", dry)
	}
	without := c.do(arguments()...)
	for _, gone := range []string{"cronjob.batch/dbtether-runner", "rolebinding.rbac.authorization.k8s.io/dbtether-runner", "clusterrolebinding.rbac.authorization.k8s.io/dbtether-runner", "serviceaccount/dbtether-runner"} {
		if !strings.Contains(without, gone+" deleted\n") {
			t.Errorf("%s was not deleted:\n%s", gone, without)
		}
	}
	if got := c.ours(); !slices.Equal(got, standard) {
		t.Errorf("there is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(standard, "\n"))
	}
	c.uninstalls()
}

// uninstalls removes an installation, from which a server, a database and its credential
// are left.
func (c installCluster) uninstalls() {
	t := c.t
	c.do("create", "namespace", "shop")
	c.apply("apiVersion: dbtether.io/v1alpha1\nkind: Database\nmetadata: {name: orders, namespace: shop, finalizers: [dbtether.io/finalizer]}\nspec: {clusterRef: {name: main}, deletionPolicy: Delete, deletionProtection: true}\n")
	uid := c.do("get", "database", "orders", "-n", "shop", "-o", "jsonpath={.metadata.uid}")
	c.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: orders-credentials, namespace: shop, labels: {dbtether.io/managed: 'true'}, annotations: {dbtether.io/owner-uid: " + uid +
		"}, ownerReferences: [{apiVersion: dbtether.io/v1alpha1, kind: Database, name: orders, uid: " + uid + "}]}\n")
	c.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: admin, namespace: dbtether-system}\n")

	c.fails(2, "error: Remove dbtether: this has to be confirmed, and there is no terminal to ask on\nhint:  add --yes\n", "dbtether", "uninstall")
	before := c.ours()
	dry := c.do("dbtether", "uninstall", "--dry-run=client")
	if got := c.ours(); !slices.Equal(got, before) {
		t.Errorf("a dry run leaves only\n%s", strings.Join(got, "\n"))
	}
	out, said, code := c.run(c.server.Kubeconfig, "dbtether", "uninstall", "--yes")
	if code != 0 || strings.ReplaceAll(dry, " (dry run)", "") != out {
		t.Errorf("code %d\n%s\nthe dry run said\n%s", code, out, dry)
	}
	if !strings.HasPrefix(out, "validatingwebhookconfiguration.admissionregistration.k8s.io/dbtether deleted\nmutatingwebhookconfiguration.admissionregistration.k8s.io/dbtether deleted\n") {
		t.Errorf("what refuses is not removed first:\n%s", out)
	}
	for _, made := range []string{"secret/dbtether-webhook-certificate deleted\n", "configmap/dbtether-policy-status deleted\n"} {
		if !strings.Contains(out, made) {
			t.Errorf("what the webhook has made is left:\n%s", out)
		}
	}
	if !strings.Contains(said, "with 1 DBCluster, 1 Database; to remove them, too:\n         kubectl dbtether uninstall --crds --delete-resources\n") {
		t.Errorf("it does not say what stays:\n%s", said)
	}
	want := []string{"customresourcedefinition.apiextensions.k8s.io/databases.dbtether.io", "customresourcedefinition.apiextensions.k8s.io/databaseusers.dbtether.io",
		"customresourcedefinition.apiextensions.k8s.io/dbclusters.dbtether.io", "namespace/dbtether-system"}
	if got := c.ours(); !slices.Equal(got, want) {
		t.Errorf("there is\n%s", strings.Join(got, "\n"))
	}
	if again := c.do("dbtether", "uninstall", "--yes"); again != "" {
		t.Errorf("the second time:\n%s", again)
	}
	c.uninstallsDefinitions()
}

func (c installCluster) uninstallsDefinitions() {
	c.fails(1, "error: there are 2 resources, which would go with their definitions: Database shop/orders, DBCluster main\n"+
		"hint:  leave --crds out, or add --delete-resources: databases, roles and Secrets stay, and nobody looks after them any more\n", "dbtether", "uninstall", "--yes", "--crds")
	c.fails(1, "error: protected against deletion (spec.deletionProtection): Database shop/orders\nhint:  set it to false in each of them first\n",
		"dbtether", "uninstall", "--yes", "--crds", "--delete-resources")
	c.do("patch", "database", "orders", "-n", "shop", "--type=merge", "-p", `{"spec":{"deletionProtection":false}}`)
	out := c.do("dbtether", "uninstall", "--yes", "--crds", "--delete-resources")
	if want := "database.dbtether.io/orders deleted\ndbcluster.dbtether.io/main deleted\n"; !strings.HasPrefix(out, want) {
		c.t.Errorf("got\n%s", out)
	}
	if owners := c.do("get", "secret", "orders-credentials", "-n", "shop", "-o", "jsonpath={.metadata.ownerReferences}"); owners != "" {
		c.t.Errorf("the credential goes with %s", owners)
	}
	c.do("get", "secret", "admin", "-n", "dbtether-system")
	if got := c.do("get", "customresourcedefinitions", "-o", "name"); got != "" {
		c.t.Errorf("there is\n%s", got)
	}
}

// certManagerDefinition is as much of cert-manager's definitions as is looked at.
const certManagerDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]ss.cert-manager.io}
spec:
  group: cert-manager.io
  scope: Namespaced
  names: {kind: %[2]s, plural: %[1]ss, singular: %[1]s}
  versions:
    - {name: v1, served: true, storage: true, subresources: {status: {}}, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

// Nothing is refused while the webhook does not answer, and it is said what is missing.
func TestInstallWaits(t *testing.T) {
	c := newInstallCluster(t)
	arguments := []string{"dbtether", "install", "--image-version", "v1.0.0", "--timeout", "0s"}
	const hint = "hint:  see kubectl get pods -n dbtether-system and their logs, mend it and run the command again; until then nothing is refused that was not refused before\n"
	const deployment = "error: Deployment dbtether-system/dbtether-webhook: "
	c.fails(1, deployment+"no controller has seen it since it was written\n"+hint, arguments...)
	c.do("create", "namespace", "shop")
	c.apply("apiVersion: dbtether.io/v1alpha1\nkind: Database\nmetadata: {name: orders, namespace: shop}\nspec: {clusterRef: {name: main}}\n")
	for _, name := range []string{"pod-credentials.dbtether.io", "ephemeral-credentials.dbtether.io"} {
		if _, said, code := c.run(c.server.Kubeconfig, "get", "validatingadmissionpolicy", name); code == 0 {
			t.Errorf("%s refuses pods already: %s", name, said)
		}
	}

	status := func(text string) {
		c.do("patch", "deployment", "dbtether-webhook", "-n", "dbtether-system", "--subresource=status", "--type=merge", "-p", `{"status":`+text+`}`)
	}
	status(`{"observedGeneration":1,"replicas":2,"updatedReplicas":2,"unavailableReplicas":2}`)
	waits := func(name, image string) {
		c.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: dbtether-system, labels: {app.kubernetes.io/name: dbtether, app.kubernetes.io/component: webhook}}\n" +
			"spec: {securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}, containers: [{name: webhook, image: \"" + image + "\", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}\n")
		c.do("patch", "pod", name, "-n", "dbtether-system", "--subresource=status", "--type=merge", "-p",
			`{"status":{"containerStatuses":[{"name":"webhook","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff","message":"not found"}}}]}}`)
	}
	const images = "hint:  the node does not get the image: say where it is with --image-prefix and --image-version, and who may pull it with --image-pull-secret; then run the command again; until then nothing is refused that was not refused before\n"
	// Where every pod has another image, somebody writes them anew; beside one that has this
	// image, the others are left of an earlier installation and say nothing of this one.
	waits("webhook-0", "elsewhere/webhook:v0.9.0")
	c.fails(1, deployment+"0 of 2 replicas are ready\n       pod webhook-0: ImagePullBackOff: not found\n"+images, arguments...)
	waits("webhook-1", "dbtether/webhook:v1.0.0")
	c.fails(1, deployment+"0 of 2 replicas are ready\n       pod webhook-1: ImagePullBackOff: not found\n"+images, arguments...)

	// What no container waits for is in Events: the last one counts.
	c.do("patch", "pod", "webhook-1", "-n", "dbtether-system", "--subresource=status", "--type=merge", "-p", `{"status":{"containerStatuses":null}}`)
	uid := c.do("get", "pod", "webhook-1", "-n", "dbtether-system", "-o", "jsonpath={.metadata.uid}")
	event := func(day int, kind, reason, message string) {
		c.apply(fmt.Sprintf("apiVersion: v1\nkind: Event\nmetadata: {name: webhook-1.%d, namespace: dbtether-system}\ntype: %s\nreason: %s\nmessage: %s\nlastTimestamp: 2026-01-0%dT00:00:00Z\n"+
			"involvedObject: {apiVersion: v1, kind: Pod, name: webhook-1, namespace: dbtether-system, uid: %s}\n", day, kind, reason, message, day, uid))
	}
	event(2, "Warning", "FailedScheduling", "no node")
	event(1, "Normal", "Created", "it is there")
	c.fails(1, deployment+"0 of 2 replicas are ready\n       pod webhook-1: FailedScheduling: no node\n"+hint, arguments...)
	event(3, "Normal", "Scheduled", "on a node")
	c.fails(1, deployment+"0 of 2 replicas are ready\n"+hint, arguments...)
	event(3, "Normal", "Pulling", "Pulling image x")
	c.fails(1, deployment+"0 of 2 replicas are ready\n       pod webhook-1: Pulling: Pulling image x\n"+hint, arguments...)
	event(4, "Warning", "Failed", "Failed to pull image x")
	c.fails(1, deployment+"0 of 2 replicas are ready\n       pod webhook-1: Failed: Failed to pull image x\n"+images, arguments...)
	event(5, "Warning", "FailedMount", "no volume")
	stuck := deployment + "0 of 2 replicas are ready\n       pod webhook-1: FailedMount: no volume\n"
	c.fails(1, stuck+hint, arguments...)
	// Who waits is told before the time is over, once.
	c.fails(1, strings.Replace(stuck, "error: ", "note:  waiting for the webhook's pods: ", 1)+stuck+hint, append(arguments, "--timeout", "25s")...)

	status(`{"observedGeneration":1,"replicas":2,"updatedReplicas":2,"readyReplicas":2,"availableReplicas":2,"unavailableReplicas":null}`)
	c.fails(1, "error: MutatingWebhookConfiguration dbtether has no certificate authority yet, which the webhook, or cert-manager, writes there\n"+hint, arguments...)

	// Somebody has written one, and the API server does not reach what it belongs to.
	for _, kind := range []string{"mutating", "validating"} {
		entries := strings.Fields(c.do("get", kind+"webhookconfiguration", "dbtether", "-o", "jsonpath={.webhooks[*].name}"))
		var patch []string
		for i := range entries {
			patch = append(patch, fmt.Sprintf(`{"op":"add","path":"/webhooks/%d/clientConfig/caBundle","value":"%s"}`, i, c.authority()))
		}
		c.do("patch", kind+"webhookconfiguration", "dbtether", "--type=json", "-p", "["+strings.Join(patch, ",")+"]")
	}
	c.fails(1, "error: the API server does not reach the webhook: see whether a firewall or a NetworkPolicy lets it connect to port 9443 of its pods\n"+hint, arguments...)
	c.apply("apiVersion: dbtether.io/v1alpha1\nkind: Database\nmetadata: {name: again, namespace: shop}\nspec: {clusterRef: {name: main}}\n")

	// Without waiting it is a note, and the command has done what it could.
	_, said, code := c.run(c.server.Kubeconfig, append(arguments, "--wait=false")...)
	if code != 0 || !strings.HasPrefix(said, "note:  the webhook does not answer yet: the API server does not reach the webhook") {
		t.Errorf("code %d: %s", code, said)
	}

	for _, kind := range []string{"issuer", "certificate"} {
		c.apply(fmt.Sprintf(certManagerDefinition, kind, strings.ToUpper(kind[:1])+kind[1:]))
		c.do("wait", "--for=condition=Established", "crd/"+kind+"s.cert-manager.io")
	}
	c.do("delete", "mutatingwebhookconfiguration,validatingwebhookconfiguration", "dbtether")
	const certificate = "Certificate dbtether-system/dbtether-webhook-authority"
	arguments = append(arguments, "--certificate", "cert-manager")
	c.fails(1, "error: "+certificate+": cert-manager has not looked at it: does its controller run?\n"+hint, arguments...)
	c.do("patch", "certificate", "dbtether-webhook-authority", "-n", "dbtether-system", "--subresource=status", "--type=merge", "-p", `{"status":{"conditions":[{"type":"Ready","status":"False","message":"no issuer"}]}}`)
	c.fails(1, "error: "+certificate+" is not issued: no issuer\n"+hint, arguments...)
	for _, name := range []string{"dbtether-webhook-authority", "dbtether-webhook"} {
		c.do("patch", "certificate", name, "-n", "dbtether-system", "--subresource=status", "--type=merge", "-p", `{"status":{"conditions":[{"type":"Ready","status":"True","message":""}]}}`)
	}
	c.fails(1, deployment+"no controller has seen it since it was written\n       pod webhook-1: FailedMount: no volume\n"+hint, arguments...)
}

// authority is a certificate that any client can read, in base64.
func (c installCluster) authority() string {
	return c.do("config", "view", "--raw", "--minify", "-o", "jsonpath={.clusters[0].cluster.certificate-authority-data}")
}

// Whatever is in the way is said before anything is written.
func TestInstallRefuses(t *testing.T) {
	c := newInstallCluster(t)
	arguments := []string{"dbtether", "install", "--image-version", "v1.0.0", "--timeout", "0s"}
	untouched := func() {
		t.Helper()
		if out := c.do("get", "clusterroles,customresourcedefinitions", "-o", "name"); strings.Contains(out, "dbtether-webhook") || strings.Contains(out, "databaseusers") {
			t.Errorf("something was installed:\n%s", out)
		}
	}

	nobody, err := c.server.KubeconfigFor("jane")
	if err != nil {
		t.Fatal(err)
	}
	_, said, code := c.run(nobody, arguments...)
	for _, missing := range []string{"error: you may not install dbtether, for you may not\n       get namespaces\n       create namespaces\n", "\n       create databases.dbtether.io in namespace default\n",
		"\n       patch validatingadmissionpolicies.admissionregistration.k8s.io\n", "\n       patch deployments.apps in namespace dbtether-system\n"} {
		if code != 1 || !strings.Contains(said, missing) {
			t.Errorf("code %d, without %q:\n%s", code, missing, said)
		}
	}

	// Who may write all kinds, but gives rights away that she has not.
	c.apply("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: writer}\nrules: [{apiGroups: ['*'], resources: ['*'], verbs: [get, create, patch]}]\n")
	c.do("create", "clusterrolebinding", "writer", "--clusterrole=writer", "--user=jane")
	_, said, code = c.run(nobody, arguments...)
	if code != 1 || !strings.HasPrefix(said, "error: apply ClusterRole dbtether-") || !strings.Contains(said, "is attempting to grant RBAC permissions not currently held") {
		t.Errorf("code %d: %s", code, said)
	}
	untouched()

	c.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: dbtether-system, labels: {pod-security.kubernetes.io/enforce: privileged}}\n")
	c.apply("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: databases.dbtether.io}\nspec: {group: dbtether.io, scope: Namespaced, names: {kind: Database, plural: databases}, " +
		"versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}\n")
	c.apply("apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: dbtether}\nwebhooks: [{name: x.example.com, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Ignore, " +
		"clientConfig: {url: 'https://127.0.0.1:1/x'}, rules: [{apiGroups: [example.com], apiVersions: [v1], resources: [x], operations: [CREATE]}]}]\n")
	c.apply("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: dbtether-view, labels: {app.kubernetes.io/managed-by: Helm}}\n")
	c.fails(1, `error: nothing was installed:
       Namespace dbtether-system enforces Pod Security "privileged", not "restricted"
       CustomResourceDefinition databases.dbtether.io defines the resources of the dbtether operator, or of somebody else
       ClusterRole dbtether-view is managed by Helm
       ValidatingWebhookConfiguration dbtether has the entry "x.example.com", which is not ours
       there is no ConfigMap "authority" in namespace "dbtether-system" with certificates in PEM in its key ca.crt: kubectl create configmap authority -n dbtether-system --from-file=ca.crt
       cert-manager is not installed: there is no CustomResourceDefinition certificates.cert-manager.io
hint:  remove what is in the way; where a definition, a field or a label may be taken over: --force-conflicts
`, append(arguments, "--certificate", "cert-manager", "--client-ca", "authority")...)
	untouched()

	c.do("delete", "validatingwebhookconfiguration", "dbtether")
	_, said, code = c.run(c.server.Kubeconfig, append(arguments, "--force-conflicts")...)
	if code != 1 || !strings.HasPrefix(said, "error: Deployment dbtether-system/dbtether-webhook") {
		t.Errorf("taken over: code %d: %s", code, said)
	}
	if level := c.do("get", "namespace", "dbtether-system", "-o", `jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}`); level != "restricted" {
		t.Errorf("the namespace enforces %q", level)
	}
	c.fails(2, "error: dbtether lives in namespace \"dbtether-system\", not in \"shop\"\nhint:  leave -n out\n", append(arguments, "-n", "shop")...)
	c.fails(2, "error: 0 replicas of the webhook are none: at least one has to answer\n", append(arguments, "--replicas", "0")...)
}

// Killed anywhere, the same command completes the installation, and what was begun with
// other flags is not forgotten.
func TestInstallKilled(t *testing.T) {
	c := newInstallCluster(t)
	webhook := c.webhook()
	arguments := []string{"dbtether", "install", "--image-version", "v1.0.0", "--webhook-url", webhook.url}
	var want []string
	for _, lines := range []int{0, 1, 4, 16, 24, 40} {
		if lines > 0 {
			c.killAfter(lines, append(arguments, "--runner", "cronjob")...)
		}
		c.do(arguments...)
		got := c.ours()
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("killed after %d lines, there is\n%s\nwant\n%s", lines, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if again := outcomes(c.do(arguments...)); len(again) != 1 {
			t.Errorf("killed after %d lines, the installation was not complete: %v", lines, again)
		}
		// A new one, as it would be: one that has served for long looks at its
		// configurations twice a minute.
		webhook.stop()
		c.do("dbtether", "uninstall", "--yes")
		webhook.start()
	}
	c.do(arguments...)
	// An uninstallation, too.
	c.killAfter(5, "dbtether", "uninstall", "--yes")
	c.do("dbtether", "uninstall", "--yes")
	if got := c.ours(); len(got) != 4 {
		t.Errorf("there is\n%s", strings.Join(got, "\n"))
	}
}

// killAfter runs the plugin and kills it when it has printed so many lines. kubectl is
// replaced by the plugin, so it is that which dies.
func (c installCluster) killAfter(lines int, args ...string) {
	c.t.Helper()
	cmd := c.command(c.server.Kubeconfig, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	scanner := bufio.NewScanner(out)
	for n := 0; n < lines && scanner.Scan(); n++ {
	}
	_ = cmd.Process.Kill()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
}

// What is printed without a cluster is what the pure package renders.
func TestInstallDryRunNeedsNoCluster(t *testing.T) {
	c := installCluster{installed(t), t}
	out, said, code := c.run("/nonexistent", "dbtether", "install", "--image-version", "v1.0.0", "--dry-run=client", "-o", "name")
	if code != 0 || said != "" {
		t.Fatalf("code %d: %s", code, said)
	}
	objects, err := install.Render(install.Defaults("v1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out, "\n"); got != len(objects) || !strings.Contains(out, "deployment.apps/dbtether-webhook\n") {
		t.Errorf("%d lines for %d objects:\n%s", got, len(objects), out)
	}
}
