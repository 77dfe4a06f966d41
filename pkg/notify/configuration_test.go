package notify_test

import (
	"fmt"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/notify"
)

func TestConfiguration(t *testing.T) {
	const good = "https://hooks.example.com/T0KEN"
	for _, test := range []struct {
		data map[string]string
		want string
	}{
		{map[string]string{"key": keyText}, `it has no key "url"`},
		{map[string]string{"url": " \n", "key": keyText}, `it has no key "url"`},
		{map[string]string{"url": "hooks.example.com/T0KEN", "key": keyText}, `its key "url" is not an absolute URL`},
		{map[string]string{"url": "https:///T0KEN", "key": keyText}, `its key "url" is not an absolute URL`},
		{map[string]string{"url": "https://hooks.example.com/%T0KEN", "key": keyText}, `its key "url" is not an absolute URL`},
		{map[string]string{"url": "ftp://hooks.example.com/T0KEN", "key": keyText}, `its key "url" is not an https URL`},
		{map[string]string{"url": "http://T0KEN:T0KEN@hooks.example.com:81/T0KEN?T0KEN#T0KEN", "key": keyText},
			`its key "url" begins with http://hooks.example.com:81: plain http goes to this machine only, others are told by https`},
		{map[string]string{"url": "http://localhost.example.com/T0KEN", "key": keyText},
			`its key "url" begins with http://localhost.example.com: plain http goes to this machine only, others are told by https`},
		{map[string]string{"url": "http://10.0.0.1/T0KEN", "key": keyText}, `its key "url" begins with http://10.0.0.1: plain http goes to this machine only, others are told by https`},
		{map[string]string{"url": good}, `it has no key "key"`},
		{map[string]string{"url": good, "key": ""}, `it has no key "key"`},
		{map[string]string{"url": good, "key": "whsec_"}, `it has no key "key"`},
		{map[string]string{"url": good, "key": "T0KENT0KENT0KEN"}, `its key "key" has fewer than 16 bytes`},
		{map[string]string{"url": good, "key": "whsec_VDBLRU5UMEtFTlQwS0VO"}, `its key "key" has fewer than 16 bytes`},
		{map[string]string{"url": good, "key": "whsec_T0KEN*T0KEN*T0KEN*T0KEN"}, `what follows whsec_ in its key "key" is not base64`},
		{map[string]string{"url": good, "key": keyText, "ca": "T0KEN"}, `its key "ca" has no certificate in PEM`},
	} {
		f := newFixture(t)
		f.configure(test.data)
		failed := one(t, f.notifier().Tell(f.Context(), f.change(), f.change()))
		want := "read secret " + f.namespace + "/dbtether-notifications, by which others are told: " + test.want
		if failed.Error() != want || failed.Stage != notify.StageConfiguration {
			t.Errorf("%v:\n got %v\nwant %s", test.data, failed, want)
		}
		if said := fmt.Sprintf("%v %+v %#v %s", failed, failed, failed, failed.Hint()); strings.Contains(said, "T0KEN") {
			t.Errorf("it says too much: %s", said)
		}
		if !strings.Contains(failed.Hint(), "kubectl delete secret dbtether-notifications -n "+f.namespace) {
			t.Errorf("hint: %s", failed.Hint())
		}
	}
}

// A key without a prefix is its own bytes.
func TestPlainKey(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, status(200))
	f.configure(map[string]string{"url": receiver.URL, "key": string(hmacKey)})
	if errs := f.notifier().Tell(f.Context(), f.change()); errs != nil {
		t.Fatal(errs)
	}
	if got := len(receiver.requests(t)); got != 1 {
		t.Errorf("%d requests", got)
	}
}

func TestNobodyIsConfigured(t *testing.T) {
	f := newFixture(t)
	if errs := f.notifier().Tell(f.Context(), f.change()); errs != nil {
		t.Error(errs)
	}
	if len(f.events("api")) != 1 {
		t.Error("there is no Event")
	}
}

// Many changes are told by one reading of each namespace, not all at a time.
func TestMany(t *testing.T) {
	f := newFixture(t)
	together := newCrowd(8)
	receiver := newInbox(f, together.answer)
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	other := f
	other.namespace = f.newNamespace()
	other.configure(map[string]string{"url": receiver.URL + "/other", "key": keyText})
	notifier := f.notifier()
	var changes []notify.Change
	for i := range 40 {
		c := f.change()
		c.Name = fmt.Sprintf("api-%d", i)
		if i%2 == 1 {
			c.Namespace = other.namespace
		}
		changes = append(changes, c)
	}
	for _, half := range [][]notify.Change{changes[:20], changes[20:]} {
		if errs := notifier.Tell(f.Context(), half...); errs != nil {
			t.Fatal(errs)
		}
	}
	ids := map[string]bool{}
	for _, id := range receiver.ids(t) {
		ids[id] = true
	}
	if len(ids) != 40 || len(receiver.requests(t)) != 40 {
		t.Errorf("%d ids in %d requests", len(ids), len(receiver.requests(t)))
	}
	if together.most > 8 {
		t.Errorf("%d at a time", together.most)
	}
	for _, namespace := range []string{f.namespace, other.namespace} {
		if n := f.asked.count("GET /api/v1/namespaces/" + namespace + "/secrets/dbtether-notifications"); n != 1 {
			t.Errorf("the configuration of %s is read %d times", namespace, n)
		}
	}
}

// Of many that are not told there is one error, which has them all.
func TestManyNotTold(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, status(410))
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	var changes []notify.Change
	for _, name := range []string{"a", "b", "c"} {
		c := f.change()
		c.Name = name
		changes = append(changes, c)
	}
	failed := one(t, f.notifier().Tell(f.Context(), changes...))
	want := "tell " + receiver.URL + " about secret " + f.namespace + "/a and 2 more: it answers 410 Gone"
	if failed.Error() != want || strings.Join(failed.Names, " ") != "a b c" {
		t.Errorf("%v, %q", failed, failed.Names)
	}
}

// Who may not read the configuration cannot know whether others are to be told: she is
// told that. That she may not write Events is recognised.
func TestRights(t *testing.T) {
	f := newFixture(t)
	receiver := newInbox(f, status(200))
	f.configure(map[string]string{"url": receiver.URL, "key": keyText})
	f.secret("ready", nil)
	core := f.as("jane", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"api", "ready"}, Verbs: []string{"get", "patch"}})
	notifier := f.notifier()
	notifier.Secrets, notifier.Events = core, core
	errs := notifier.Tell(f.Context(), f.change(), f.change())
	if len(errs) != 2 || len(receiver.requests(t)) != 0 {
		t.Fatalf("%d requests: %v", len(receiver.requests(t)), errs)
	}
	if !notify.IsEventForbidden(errs[0]) || notify.IsEventForbidden(errs[1]) {
		t.Errorf("%v\n%v", errs[0], errs[1])
	}
	failed := one(t, errs[1:])
	if !strings.Contains(failed.Error(), `cannot get resource "secrets"`) || !strings.Contains(failed.Hint(), "has to be allowed to get the secret dbtether-notifications") {
		t.Errorf("%v\n%s", failed, failed.Hint())
	}

	// With both rights, everything is told.
	core = f.as("kim", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{notify.ConfigurationName, "ready"}, Verbs: []string{"get"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create"}})
	notifier = f.notifier()
	notifier.Secrets, notifier.Events = core, core
	if errs := notifier.Tell(f.Context(), f.change()); errs != nil || len(receiver.requests(t)) != 1 {
		t.Errorf("%d requests: %v", len(receiver.requests(t)), errs)
	}
}
