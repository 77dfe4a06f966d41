package skew

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// walk is the life of a database in a namespace of its own: what each step leaves is
// looked at in the API server and in PostgreSQL.
type walk struct {
	*site
	name string // of the namespace, the cluster, and part of all others
}

func (s *site) install() {
	s.t.Helper()
	s.do("", "dbtether install --image-version v1.0.0 --webhook-url "+s.webhook.URL)
}

// walk goes all the way but for the installation, which stands before and after.
func (s *site) walk(name string) {
	s.t.Helper()
	w := walk{s, name}
	w.provision()
	w.inject()
	w.refuse()
	w.floor()
	w.secrets()
	w.rotate()
	w.reconcile()
	w.do("", "dbtether check -A")
}

func (w walk) in(line string) string { return line + " -n " + w.name }

// provision registers the server and makes a database with two users.
func (w walk) provision() {
	w.t.Helper()
	w.do("", "create namespace "+w.name)
	w.do("", "label namespace "+w.name+" dbtether.io/injection=enabled")
	w.do(w.postgres.SuperuserPassword, fmt.Sprintf("dbtether cluster add %s --endpoint %s --port %d --admin-username %s --admin-password - --allowed-namespaces %[1]s",
		w.name, w.postgres.Host, w.postgres.Port, w.postgres.Superuser))
	w.do("", "dbtether cluster check "+w.name)
	w.do("", w.in("dbtether db create "+w.database()+" --cluster "+w.name+" --user "+w.user()))
	w.do("", w.in("dbtether user create "+w.reader()+" --database "+w.database()+" --privileges readonly"))
	w.expect(w.user(), "CREATE TABLE tea (name text)", "INSERT INTO tea VALUES ('oolong')")
	w.expect(w.reader(), "SELECT * FROM tea")
	if err := w.logIn(w.name, w.reader()+"-credentials", "INSERT INTO tea VALUES ('sencha')"); err == nil || !strings.Contains(err.Error(), "42501") {
		w.t.Fatalf("readonly inserts: %v", err)
	}
}

func (w walk) database() string { return w.name + "-orders" }
func (w walk) user() string     { return w.name + "-api" }
func (w walk) reader() string   { return w.name + "-reports" }

// expect logs in as a user, for whom all statements have to succeed.
func (w walk) expect(user string, statements ...string) {
	w.t.Helper()
	if err := w.logIn(w.name, user+"-credentials", statements...); err != nil {
		w.t.Fatalf("%s: %v", user, err)
	}
}

func (w walk) pod(name string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: " + w.name + ", annotations: {dbtether.io/inject: " + w.user() + "}}\n" +
		"spec: {containers: [{name: app, image: example/app:1}]}\n"
}

// inject creates a pod that asks for the credential, and looks at what was stored.
func (w walk) inject() {
	w.t.Helper()
	w.do(w.pod("app"), "create -f -")
	var pod corev1.Pod
	w.read(&pod, w.name, "pod", "app")
	secret := w.user() + "-credentials"
	container := pod.Spec.Containers[0]
	password := slices.ContainsFunc(container.Env, func(v corev1.EnvVar) bool {
		return v.Name == "PGPASSWORD" && v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil && v.ValueFrom.SecretKeyRef.Name == secret && v.ValueFrom.SecretKeyRef.Key == "password"
	})
	mounted := slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.Projected != nil && slices.ContainsFunc(v.Projected.Sources, func(p corev1.VolumeProjection) bool { return p.Secret != nil && p.Secret.Name == secret }) &&
			slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name })
	})
	if !password || !mounted || !strings.Contains(pod.Annotations["dbtether.io/injected"], w.user()) {
		w.t.Fatalf("the stored pod has not what it asks for: PGPASSWORD %v, files %v, %v\n%+v", password, mounted, pod.Annotations, pod.Spec)
	}
}

// refuse asks for what a policy forbids, of the plugin and of the API server.
func (w walk) refuse() {
	w.t.Helper()
	other := w.name + "-other"
	w.do("", "create namespace "+other)
	w.refused(3, "CLUSTER-NOT-ALLOWED", "", "dbtether db create theirs --cluster "+w.name+" -n "+other)
	w.refused(1, `admission webhook "resources.dbtether.io" denied the request: CLUSTER-NOT-ALLOWED`,
		"apiVersion: dbtether.io/v1alpha1\nkind: Database\nmetadata: {name: theirs, namespace: "+other+"}\nspec: {clusterRef: {name: "+w.name+"}}\n", "create -f -")
}

// floor stops the webhook: what the API server refuses by itself it still refuses.
func (w walk) floor() {
	w.t.Helper()
	w.do("", w.in("patch database "+w.database()+` --type=merge -p {"spec":{"deletionProtection":true}}`))
	w.stopWebhook()
	w.eventually(1, "NOT-INJECTED", w.pod("late"), "create -f -")
	w.refused(1, "DELETION-PROTECTED", "", w.in("delete database "+w.database()))
	w.do("", "create clusterrole "+w.name+"-labels --verb=get,patch --resource=namespaces")
	w.do("", "create clusterrolebinding "+w.name+"-labels --clusterrole="+w.name+"-labels --user=jane")
	w.eventually(1, "LABEL-NOT-YOURS", "", "label namespace "+w.name+" dbtether.io/injection- --as jane")
	w.startWebhook()
	w.do(w.pod("later"), "create -f -")
	w.do("", w.in("patch database "+w.database()+` --type=merge -p {"spec":{"deletionProtection":false}}`))
}

// secrets writes a Secret of the team's own, and goes back.
func (w walk) secrets() {
	w.t.Helper()
	w.do("one", w.in("dbtether secret set settings KEY=-"))
	w.do("two", w.in("dbtether secret set settings KEY=-"))
	if history := w.do("", w.in("dbtether secret history settings -o json")); strings.Count(history, `"revision":`) != 2 {
		w.t.Fatalf("two revisions are\n%s", history)
	}
	w.do("", w.in("dbtether secret rollback settings"))
	var settings corev1.Secret
	w.read(&settings, w.name, "secret", "settings")
	if got := string(settings.Data["KEY"]); got != "one" {
		w.t.Fatalf("rolled back, it holds %q", got)
	}
}

// rotate gives the user another password, with which the new content of the Secret logs in.
func (w walk) rotate() {
	w.t.Helper()
	var before, after corev1.Secret
	w.read(&before, w.name, "secret", w.user()+"-credentials")
	w.do("", w.in("dbtether user rotate "+w.user()))
	w.read(&after, w.name, "secret", w.user()+"-credentials")
	if string(before.Data["password"]) == string(after.Data["password"]) {
		w.t.Fatal("a rotation has left the password")
	}
	w.expect(w.user(), "SELECT * FROM tea")
}

// reconcile takes back what somebody did by hand, and then has nothing to do.
func (w walk) reconcile() {
	w.t.Helper()
	w.expect(w.user(), "GRANT TRUNCATE ON tea TO "+strings.ReplaceAll(w.reader(), "-", "_"))
	if out, errOut, code := w.run("", w.in("dbtether drift")); code != 1 || !strings.Contains(out, "TRUNCATE") {
		w.t.Fatalf("drift: code %d\n%s%s", code, out, errOut)
	}
	w.do("", w.in("dbtether reconcile"))
	w.settled()
}

// settled fails where the plugin finds anything left to do.
func (w walk) settled() {
	w.t.Helper()
	if out, errOut, code := w.run("", w.in("dbtether drift")); code != 0 {
		w.t.Fatalf("drift: code %d\n%s%s", code, out, errOut)
	}
}

// uninstall removes everything, resources and definitions included.
func (s *site) uninstall() {
	s.t.Helper()
	s.do("", "dbtether uninstall --yes --crds --delete-resources")
	// The API server deletes a definition a moment after its last resource.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		left := s.do("", "get customresourcedefinitions,validatingadmissionpolicies,validatingwebhookconfigurations,mutatingwebhookconfigurations -o name")
		if !strings.Contains(left, "dbtether") {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("it is still there:\n%s", left)
		}
	}
}
