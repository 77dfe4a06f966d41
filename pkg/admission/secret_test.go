package admission

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Rules of roles of who works with Secrets.
const (
	writesSecrets = "{apiGroups: [''], resources: [secrets], verbs: ['*']}"
	provisions    = "{apiGroups: [dbtether.io], resources: [databaseusers/status], verbs: [get, patch]}"
	manages       = "{apiGroups: [dbtether.io], resources: [databaseusers], verbs: [manage]}"
)

// people are three users of one namespace: one may write Secrets, one may provision, too,
// and one may manage what is provisioned.
func (c *cluster) people(t *testing.T, namespace string) (writer, provisioner, manager string) {
	t.Helper()
	writer, provisioner, manager = "writer-"+namespace, "provisioner-"+namespace, "manager-"+namespace
	c.grant(t, namespace, writer, writesSecrets)
	c.grant(t, namespace, provisioner, writesSecrets, provisions)
	c.grant(t, namespace, manager, writesSecrets, manages)
	return writer, provisioner, manager
}

// store is what the plugin writes Secrets with, as a user.
func (c *cluster) store(t *testing.T, user string) revision.Store {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return revision.Store{Secrets: client.CoreV1(), Metadata: objects}
}

// What a team does with its own Secrets takes the rights to Secrets and no other, and goes
// by the name of who does it.
func TestFloorTakesWhatATeamWrites(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	writer, _, _ := c.people(t, ns)
	store := c.store(t, writer)
	set := func(author, key, value string) error {
		_, err := store.Write(t.Context(), revision.Edit{Namespace: ns, Name: "app", Author: author, Reason: "test",
			Change: func(now *revision.Standing) (secret.Data, error) {
				held := secret.Data{}
				if now.Live != nil {
					held = now.Live.Data
				}
				return held.Merge(secret.Data{key: []byte(value)}), nil
			}})
		return err
	}
	if err := errors.Join(set(writer, "A", "1"), set(writer, "A", "2")); err != nil {
		t.Fatal(err)
	}
	c.must(t, writer, "patch", "secret", "app", "-n", ns, "--type=merge", "-p", `{"stringData":{"B":"by hand"}}`)
	if err := set("somebody-else", "A", "3"); err == nil || !strings.Contains(err.Error(), "its author (dbtether.io/author) is not you") {
		t.Errorf("under another's name: %v", err)
	}
	if err := set(writer, "A", "3"); err != nil {
		t.Fatal(err)
	}
	now, err := store.Stand(t.Context(), ns, "app")
	if err != nil || len(now.Entries) != 4 || !now.Entries[2].External() || now.Entries[3].Author != writer {
		t.Errorf("%+v: %v", now, err)
	}
	removal := revision.Removal{Namespace: ns, Name: "app", Author: writer}
	if _, err := store.Remove(t.Context(), removal); err != nil {
		t.Error(err)
	}
	removal.Purge = true
	if removed, err := store.Remove(t.Context(), removal); err != nil || removed.Purged != 5 {
		t.Errorf("purged %d: %v", removed.Purged, err)
	}
}

func credentialOf(c *cluster, t *testing.T, namespace, name string) revision.Target {
	t.Helper()
	c.must(t, manifestOf("DatabaseUser", namespace, name, "{databaseRef: {name: orders}}"), "create", "-f", "-")
	uid := types.UID(c.must(t, "", "get", "databaseuser", name, "-n", namespace, "-o", "jsonpath={.metadata.uid}"))
	reference := metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.KindDatabaseUser, Name: name, UID: uid}
	return revision.Target{Namespace: namespace, Name: name + "-credentials", Type: v1alpha1.SecretTypeCredential, OwnerUID: uid, OwnerReference: &reference}
}

// write stages and promotes data, as the plugin does.
func write(t *testing.T, store revision.Store, target revision.Target, author, value string) error {
	t.Helper()
	ctx := context.Background()
	history, err := store.Read(ctx, target.Namespace, target.Name)
	if err != nil {
		t.Fatal(err)
	}
	if history, err = store.Preserve(ctx, target, history); err != nil {
		return err
	}
	next, err := store.Stage(ctx, target, history.LastNumber(), secret.Data{"password": []byte(value)}, author, "test")
	if err != nil {
		return err
	}
	_, err = store.Promote(ctx, target, history.Live, next)
	return err
}

// What the plugin writes for whom it works the API server takes: the first revision and
// the next, a change of the deletion policy, a Secret that is taken over, the end.
func TestFloorTakesWhatThePluginWrites(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	writer, provisioner, _ := c.people(t, ns)
	runner := "system:serviceaccount:" + ns + ":runner"
	c.must(t, "", "create", "rolebinding", "runner", "-n", ns, "--role="+provisioner, "--serviceaccount="+ns+":runner")
	target := credentialOf(c, t, ns, "orders-api")
	err := write(t, c.store(t, writer), target, writer, "a")
	if want := `REVISION-FORGED: Secret "orders-api-credentials.v1" in namespace "` + ns + `" is a revision of the credential of a resource (dbtether.io/owner-uid), and you may not write one. Use kubectl dbtether, or ask for the right to patch databaseusers/status.`; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("who may write Secrets only: %v", err)
	}
	for _, step := range []struct{ author, value string }{{provisioner, "a"}, {provisioner, "b"}, {runner, "c"}} {
		if err := write(t, c.store(t, step.author), target, step.author, step.value); err != nil {
			t.Fatalf("%s by %s: %v", step.value, step.author, err)
		}
	}
	c.must(t, "", "annotate", "secret", target.Name, "-n", ns, "dbtether.io/protected=true")
	if err := write(t, c.store(t, provisioner), target, provisioner, "d"); err != nil {
		t.Errorf("a protected Secret: %v", err)
	}
	retained := target
	retained.OwnerReference = nil
	for _, t2 := range []revision.Target{retained, target} {
		if err := write(t, c.store(t, provisioner), t2, provisioner, "of "+fmt.Sprint(t2.OwnerReference != nil)); err != nil {
			t.Errorf("with another deletion policy: %v", err)
		}
	}
	err = c.store(t, provisioner).Delete(context.Background(), target)
	if err == nil || !strings.Contains(err.Error(), "SECRET-PROTECTED") {
		t.Errorf("the deletion of a protected Secret: %v", err)
	}
	c.must(t, "", "annotate", "secret", target.Name, "-n", ns, "dbtether.io/protected-")
	if err := c.store(t, provisioner).Delete(context.Background(), target); err != nil {
		t.Errorf("its deletion: %v", err)
	}

	c.must(t, "", "create", "secret", "generic", "mine", "-n", ns, "--from-literal=password=old")
	adopted := credentialOf(c, t, ns, "adopted")
	adopted.Name, adopted.OnConflict = "mine", v1alpha1.ConflictAdopt
	if err := write(t, c.store(t, provisioner), adopted, provisioner, "new"); err != nil {
		t.Errorf("a Secret that is taken over: %v", err)
	}
	long := credentialOf(c, t, ns, "long")
	long.Name = strings.Repeat("a-long.name", 10)
	if err := write(t, c.store(t, provisioner), long, provisioner, "new"); err != nil {
		t.Errorf("a long name: %v", err)
	}
}

// The marks of a managed Secret are for who may give them.
func TestManagedSecret(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	writer, provisioner, manager := c.people(t, ns)
	target := credentialOf(c, t, ns, "orders-api")
	if err := write(t, c.store(t, provisioner), target, provisioner, "a"); err != nil {
		t.Fatal(err)
	}
	name := target.Name
	c.must(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: mine}\nstringData: {a: b}\n", "create", "-n", ns, "-f", "-")
	patch := func(secret, patch string) []string {
		return []string{"patch", "secret", secret, "-n", ns, "--type=merge", "-p", patch}
	}
	create := []string{"create", "-n", ns, "-f", "-"}
	secret := func(metadata, rest string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {" + metadata + "}\n" + rest
	}
	sentence := func(mark, secret, rest string) string {
		return fmt.Sprintf(`SECRET-MANAGED: the %s of Secret "%s" in namespace "%s" says %s`, mark, secret, ns, rest)
	}
	label := sentence("label dbtether.io/managed", name, "that dbtether keeps its history, and you may not take it off. Ask the platform team: it takes the verb manage on databaseusers.dbtether.io.")
	owner := sentence("annotation dbtether.io/owner-uid", name, "which resource it belongs to, and you may not change it. Ask the platform team: it takes the verb manage on databaseusers.dbtether.io.")
	given := func(secret string) string {
		return sentence("annotation dbtether.io/owner-uid", secret, "which resource it belongs to, and you may not give it. Use kubectl dbtether, or ask for the right to patch databaseusers/status.")
	}
	goes := func(secret string) string {
		return fmt.Sprintf(`SECRET-MANAGED: Secret "%s" in namespace "%s" would go with a resource that it does not belong to (metadata.ownerReferences). Leave that reference out, or use kubectl dbtether.`, secret, ns)
	}
	other := `{"apiVersion":"dbtether.io/v1alpha1","kind":"DatabaseUser","name":"other","uid":"0"}`
	foreign := `{"apiVersion":"v1","kind":"ConfigMap","name":"other","uid":"1"}`
	c.try(t, []attempt{
		{"the label taken off", writer, "", []string{"label", "secret", name, "-n", ns, "dbtether.io/managed-"}, label},
		{"the label taken off, as a trial", writer, "", []string{"label", "secret", name, "-n", ns, "dbtether.io/managed-", "--dry-run=server"}, label},
		{"the label taken off, by who provisions", provisioner, "", []string{"label", "secret", name, "-n", ns, "dbtether.io/managed-"}, label},
		{"another value of the label", writer, "", []string{"label", "secret", name, "-n", ns, "--overwrite", "dbtether.io/managed=false"}, label},
		{"all labels", writer, "", patch(name, `{"metadata":{"labels":null}}`), label},
		{"another owner", writer, "", []string{"annotate", "secret", name, "-n", ns, "--overwrite", "dbtether.io/owner-uid=x"}, owner},
		{"no annotations", provisioner, "", patch(name, `{"metadata":{"annotations":null}}`), owner},
		{"a replacement without metadata", writer, secret("name: "+name, "type: servicebinding.io/postgresql\n"), []string{"replace", "-n", ns, "-f", "-"}, label},
		{"another owner, by server-side apply", writer, secret("name: "+name+", annotations: {dbtether.io/owner-uid: x}", "type: servicebinding.io/postgresql\n"),
			[]string{"apply", "--server-side", "--force-conflicts", "-n", ns, "-f", "-"}, owner},
		{"going with another resource", provisioner, "", patch(name, `{"metadata":{"ownerReferences":[`+other+`]}}`), goes(name)},
		{"an owner for a Secret that has none", writer, "", []string{"annotate", "secret", "mine", "-n", ns, "dbtether.io/owner-uid=x"}, given("mine")},
		{"a new Secret with an owner", writer, secret("name: new, annotations: {dbtether.io/owner-uid: x}", ""), create, given("new")},
		{"a new managed Secret that goes with another resource", writer, secret("name: new, labels: {dbtether.io/managed: 'true'}, ownerReferences: ["+other+"]", ""), create, goes("new")},

		{"another label", writer, "", []string{"label", "secret", name, "-n", ns, "tier=a"}, ""},
		{"another annotation", writer, "", []string{"annotate", "secret", name, "-n", ns, "other=a"}, ""},
		{"the content, which is no mark", writer, "", patch(name, `{"stringData":{"password":"x"}}`), ""},
		{"going with something else, too", writer, "", patch(name, `{"metadata":{"ownerReferences":[`+foreign+`]}}`), ""},
		{"going with nothing, as after an orphaning deletion", "system:serviceaccount:kube-system:generic-garbage-collector", "", patch(name, `{"metadata":{"ownerReferences":null}}`), ""},
		{"a managed Secret that is nobody's", writer, secret("name: nobodys, labels: {dbtether.io/managed: 'true'}", ""), create, ""},
		{"a Secret that goes with our resource and is not managed", writer, secret("name: beside, ownerReferences: ["+other+"]", ""), create, ""},
		{"a new Secret with an owner, by who provisions", provisioner, secret("generateName: new-, annotations: {dbtether.io/owner-uid: x}", ""), create, ""},
		{"another owner, by who manages", manager, "", []string{"annotate", "secret", name, "-n", ns, "--overwrite", "dbtether.io/owner-uid=x"}, ""},
		{"the label taken off, by who manages", manager, "", []string{"label", "secret", name, "-n", ns, "dbtether.io/managed-"}, ""},
		{"a mark in kube-system", "", secret("name: x-"+ns+", annotations: {dbtether.io/owner-uid: x}", ""), []string{"create", "--dry-run=server", "-n", "kube-system", "-f", "-"}, ""},
		{"deletion", writer, "", []string{"delete", "secret", name, "-n", ns}, ""},
	})
	// The type is Kubernetes' to keep.
	if _, err := c.kubectl("", patch("mine", `{"type":"dbtether.io/revision"}`)...); err == nil || !strings.Contains(err.Error(), "field is immutable") {
		t.Errorf("another type: %v", err)
	}
}

// A revision is written once, in its author's own name.
func TestRevisionIsItsAuthors(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	writer, provisioner, _ := c.people(t, ns)
	create := []string{"create", "-n", ns, "-f", "-"}
	sentence := func(code, name, rest string) string {
		return fmt.Sprintf(`%s: Secret "%s" in namespace "%s" %s`, code, name, ns, rest)
	}
	const byPlugin = " Use kubectl dbtether, which writes revisions."
	revision := func(name, of, number, author, owner, rest string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: Secret\ntype: dbtether.io/revision\nmetadata: {name: %s, labels: {dbtether.io/revision-of: %s}, annotations: {dbtether.io/revision: '%s', dbtether.io/author: '%s', dbtether.io/owner-uid: '%s'}}\n%s",
			name, of, number, author, owner, rest)
	}
	c.must(t, "", "create", "role", "creators", "-n", ns, "--verb=create", "--resource=secrets")
	c.must(t, "", "create", "rolebinding", "creators", "-n", ns, "--role=creators", "--user=creator-"+ns)
	creator := "creator-" + ns
	begun := func(name, of, number, author, more string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: Secret\ntype: dbtether.io/revision\nimmutable: true\nmetadata: {name: %s, labels: {dbtether.io/revision-of: %s}, annotations: {dbtether.io/revision: '%s', dbtether.io/author: '%s', %s}}\n",
			name, of, number, author, more)
	}
	const fixed = "immutable: true\ndata: {password: eA==}\n"
	misnamed := func(name string) string {
		return sentence("REVISION-FORGED", name, "is a revision whose name does not say of what and which number, as dbtether.io/revision-of and dbtether.io/revision do."+byPlugin)
	}
	author := sentence("REVISION-FORGED", "a.v1", "is a revision and its author (dbtether.io/author) is not you."+byPlugin)
	kept := sentence("REVISION-FIXED", "a.v1", "is a revision: the labels and annotations dbtether.io/… say what was written, by whom and why, and do not change. Delete it if nothing needs it.")
	change := func(patch string) []string {
		return []string{"patch", "secret", "a.v1", "-n", ns, "--type=merge", "-p", patch}
	}
	c.try(t, []attempt{
		{"a label on another Secret", writer, "apiVersion: v1\nkind: Secret\nmetadata: {name: a.v1, labels: {dbtether.io/revision-of: a}}\n", create,
			sentence("REVISION-FORGED", "a.v1", "has the label dbtether.io/revision-of and is no revision. Remove the label.")},
		{"another author", provisioner, revision("a.v1", "a", "1", writer, "u", fixed), create, author},
		{"no author", provisioner, revision("a.v1", "a", "1", "", "u", fixed), create, author},
		{"an unknown author of a resource's revision", provisioner, revision("a.v1", "a", "1", "external", "u", fixed), create, author},
		{"another number", provisioner, revision("a.v1", "a", "2", provisioner, "u", fixed), create, misnamed("a.v1")},
		{"no number", provisioner, revision("a.v1", "a", "", provisioner, "u", fixed), create, misnamed("a.v1")},
		{"a name without number", provisioner, revision("a", "a", "1", provisioner, "u", fixed), create, misnamed("a")},
		{"a revision of another Secret", provisioner, revision("a.v1", "b", "1", provisioner, "u", fixed), create, misnamed("a.v1")},
		{"one that can change", provisioner, revision("a.v1", "a", "1", provisioner, "u", "data: {password: eA==}\n"), create,
			sentence("REVISION-FORGED", "a.v1", "is a revision and not immutable."+byPlugin)},
		{"a bare type", provisioner, "apiVersion: v1\nkind: Secret\ntype: dbtether.io/revision\nmetadata: {name: bare}\n", create, misnamed("bare")},
		{"a resource's, by who may not provision", writer, revision("a.v1", "a", "1", writer, "u", fixed), create,
			sentence("REVISION-FORGED", "a.v1", "is a revision of the credential of a resource (dbtether.io/owner-uid), and you may not write one. Use kubectl dbtether, or ask for the right to patch databaseusers/status.")},

		{"of what she may not change", creator, begun("d.v2", "d", "2", creator, "dbtether.io/follows: u"), create,
			sentence("REVISION-FORGED", "d.v2", `is a revision of Secret "d", which you may not patch. Ask for that right.`)},
		{"of what she may not delete", creator, begun("d.v2", "d", "2", creator, "dbtether.io/deleted: 'true'"), create,
			sentence("REVISION-FORGED", "d.v2", `is a revision of Secret "d", which you may not delete. Ask for that right.`)},
		{"the first of what she may create", creator, begun("d.v1", "d", "1", creator, "dbtether.io/reason: x"), create, ""},
		{"of what she may change", writer, begun("d.v2", "d", "2", writer, "dbtether.io/follows: u"), create, ""},
		{"that it is deleted", writer, begun("d.v3", "d", "3", writer, "dbtether.io/follows: u, dbtether.io/deleted: 'true'"), create, ""},

		{"one's own", provisioner, revision("a.v1", "a", "1", provisioner, "u", fixed), create, ""},
		{"of a Secret that is no resource's", writer, revision("b.v1", "b", "1", writer, "", fixed), create, ""},
		{"of what was there before", writer, revision("b.v2", "b", "2", "external", "", fixed), create, ""},

		{"another author, later", provisioner, "", change(`{"metadata":{"annotations":{"dbtether.io/author":"somebody"}}}`), kept},
		{"a further mark", provisioner, "", change(`{"metadata":{"labels":{"dbtether.io/managed":"true"}}}`), kept},
		{"no marks", provisioner, "", change(`{"metadata":{"labels":null,"annotations":null}}`), kept},
		{"going with another resource", provisioner, "", change(`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"0"}]}}`),
			sentence("REVISION-FIXED", "a.v1", "is a revision and would go with a resource that it does not belong to (metadata.ownerReferences). Leave that reference out.")},
		{"a finalizer", provisioner, "", change(`{"metadata":{"finalizers":["example.com/held"]}}`), ""},
		{"another label", provisioner, "", change(`{"metadata":{"labels":{"tier":"a"}}}`), ""},
		{"going with its resource", provisioner, "", change(`{"metadata":{"ownerReferences":[{"apiVersion":"dbtether.io/v1alpha1","kind":"DatabaseUser","name":"x","uid":"u"}]}}`), ""},
		{"deletion", writer, "", []string{"delete", "secret", "a.v1", "-n", ns, "--wait=false"}, ""},
		{"the finalizer, during the deletion", writer, "", change(`{"metadata":{"finalizers":null}}`), ""},
	})
	if _, err := c.kubectl("", "patch", "secret", "b.v1", "-n", ns, "--type=merge", "-p", `{"stringData":{"password":"y"}}`); err == nil || !strings.Contains(err.Error(), "immutable") {
		t.Errorf("other content: %v", err)
	}
}

// A protected Secret is not edited or deleted by hand, and goes with what it belongs to.
func TestProtectedSecret(t *testing.T) {
	c := newCluster(t)
	ns := c.namespace(t)
	writer, provisioner, manager := c.people(t, ns)
	target := credentialOf(c, t, ns, "orders-api")
	if err := write(t, c.store(t, provisioner), target, provisioner, "a"); err != nil {
		t.Fatal(err)
	}
	name := target.Name
	patch := func(patch string) []string {
		return []string{"patch", "secret", name, "-n", ns, "--type=merge", "-p", patch}
	}
	annotate := func(value string) []string {
		return []string{"annotate", "secret", name, "-n", ns, "--overwrite", value}
	}
	protected := func(rest string) string {
		return fmt.Sprintf(`SECRET-PROTECTED: Secret "%s" in namespace "%s" is protected (dbtether.io/protected)%s`, name, ns, rest)
	}
	const first = " To do so, take that annotation off first, with the verb manage on databaseusers.dbtether.io."
	edited, deleted := protected(" and is not edited by hand. Change it with kubectl dbtether."+first), protected(" and is not deleted."+first)
	lifted := protected(", and you may not lift that. Ask the platform team: it takes the verb manage on databaseusers.dbtether.io.")
	collector, ending := "system:serviceaccount:kube-system:generic-garbage-collector", "system:serviceaccount:kube-system:namespace-controller"
	remove := []string{"delete", "secret", name, "-n", ns}
	ours := fmt.Sprintf(`{"metadata":{"ownerReferences":[{"apiVersion":"dbtether.io/v1alpha1","kind":"DatabaseUser","name":"orders-api","uid":"%s"}]}}`, target.OwnerUID)
	c.must(t, "", "create", "secret", "generic", "plain", "-n", ns, "--from-literal=a=b")
	c.must(t, "", "annotate", "secret", "plain", "-n", ns, "dbtether.io/protected=true")
	c.try(t, []attempt{
		{"protection", writer, "", annotate("dbtether.io/protected=true"), ""},
		{"a key", writer, "", patch(`{"stringData":{"password":"x"}}`), edited},
		{"a key, as a trial", writer, "", append(patch(`{"stringData":{"password":"x"}}`), "--dry-run=server"), edited},
		{"a key, by who manages", manager, "", patch(`{"stringData":{"password":"x"}}`), edited},
		{"a key, by cluster-admin", "", "", patch(`{"stringData":{"password":"x"}}`), edited},
		{"a key less", provisioner, "", patch(`{"data":null}`), edited},
		{"a key with a new revision, by who may not provision", writer, "", patch(`{"stringData":{"password":"x"},"metadata":{"annotations":{"dbtether.io/revision":"2"}}}`), edited},
		{"a key with a revision that is none", provisioner, "", patch(`{"stringData":{"password":"x"},"metadata":{"annotations":{"dbtether.io/revision":null}}}`), edited},
		{"deletion", writer, "", remove, deleted},
		{"deletion, by cluster-admin", "", "", remove, deleted},
		{"deletion of all", writer, "", []string{"delete", "--raw", "/api/v1/namespaces/" + ns + "/secrets"}, deleted},
		{"going with what does not exist", provisioner, "", patch(`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"0"}]}}`),
			protected(" and does not get another owner, with which it would go." + first)},
		{"going with nothing", writer, "", patch(`{"metadata":{"ownerReferences":null}}`), ""},
		{"going with its resource, by who may not provision", writer, "", patch(ours), protected(" and does not get another owner, with which it would go." + first)},
		{"going with its resource, by who provisions", provisioner, "", patch(ours), ""},
		{"an end of the protection", writer, "", annotate("dbtether.io/protected-"), lifted},
		{"an end of the protection, by who provisions", provisioner, "", annotate("dbtether.io/protected=false"), lifted},

		{"a label", writer, "", []string{"label", "secret", name, "-n", ns, "tier=a"}, ""},
		{"deletion by the garbage collector", collector, "", append(remove, "--dry-run=server"), ""},
		{"deletion with the namespace", ending, "", append(remove, "--dry-run=server"), ""},
		{"a Secret that is not managed", writer, "", []string{"delete", "secret", "plain", "-n", ns}, ""},
		{"an end of the protection, by who manages", manager, "", annotate("dbtether.io/protected-"), ""},
		{"a key, after that", writer, "", patch(`{"stringData":{"password":"x"}}`), ""},
		{"deletion, after that", writer, "", remove, ""},
	})
}
