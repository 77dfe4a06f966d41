package crash_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// change is a command that writes to Secrets which a team keeps, and to nothing else.
type change struct {
	name string
	// prepare makes what the command needs.
	prepare func(*testing.T, *site)
	// args follow "kubectl dbtether".
	args func(*site) []string
	// writes are all of its writes, in their order.
	writes []string
	// several is whether it writes to several Secrets at a time, in any order.
	several bool
	// purges is whether it deletes what the Secret held.
	purges bool
	// check looks at what the command led to; nil: that is in the state.
	check func(*testing.T, *site)
	// done is the number of the write after which the same command would do something else;
	// 0: run again, it finds nothing to do. After that write over is what it has to say, or
	// instead is run in its place; with neither it does the same once more.
	done    int
	over    string
	instead func(*site) []string
	// other is another command that may come after the kill; nil: it sets a key.
	other func(*testing.T, *site, crash.Point) repair
}

// repair is a command that comes after another one was killed.
type repair struct {
	secret string
	args   []string
	// makes returns what the Secret holds then, of what it was to hold.
	makes func(secret.Data) secret.Data
}

// app is the name of the Secret that is written to, by who writes to one.
const app = "app"

var changing = []change{
	{name: "secret set of a new one", prepare: nothing, args: set("B=2"), writes: []string{"POST secrets", "POST secrets", "POST events"}},
	{name: "secret set", prepare: holds("A=1"), args: set("A=2", "B=2"), writes: []string{"POST secrets", "PATCH secrets", "POST events"}},
	{name: "secret set over another's change", prepare: changedByAnother("A=1"), args: set("A=2", "B=2"),
		writes: []string{"POST secrets", "POST secrets", "PATCH secrets", "POST events"}},
	{name: "secret set of what nobody kept", prepare: foreign("X=1"), args: set("B=2"),
		writes: []string{"POST secrets", "POST secrets", "PATCH secrets", "POST events"}},
	{name: "secret set of a deleted one", prepare: deleted("A=1"), args: set("B=2"), writes: []string{"POST secrets", "POST secrets", "POST events"}},
	{name: "secret set at the history limit", prepare: limited(3, "A=1", "A=2", "A=3"), args: set("B=2"),
		writes: []string{"POST secrets", "PATCH secrets", "DELETE secrets", "POST events"}},
	{name: "secret set with a lower history limit", prepare: holds("A=1", "A=2", "A=3"), args: set("B=2", "--history-limit=2"),
		writes: []string{"POST secrets", "PATCH secrets", "DELETE secrets", "DELETE secrets", "POST events"}},
	{name: "secret rollback", prepare: holds("A=1", "A=2"), args: ofApp("rollback"), done: 2, instead: set("A=1"),
		writes: []string{"POST secrets", "PATCH secrets", "POST events"}},
	{name: "secret rollback at the history limit", prepare: limited(3, "A=1", "A=2", "A=3"), args: ofApp("rollback"), done: 2, instead: set("A=2"),
		writes: []string{"POST secrets", "PATCH secrets", "DELETE secrets", "POST events"}},
	{name: "secret rollback to a revision", prepare: limited(3, "A=1", "A=2", "A=3"), args: ofApp("rollback", "--to-revision=2"),
		writes: []string{"POST secrets", "PATCH secrets", "DELETE secrets", "POST events"}},
	{name: "secret rollback of another's change", prepare: changedByAnother("A=1"), args: ofApp("rollback"), done: 3, instead: set("A=1"),
		writes: []string{"POST secrets", "POST secrets", "PATCH secrets", "POST events"}},
	{name: "secret delete", prepare: changedByAnother("A=1"), args: ofApp("delete", "--yes"), done: 3, over: "was deleted by",
		writes: []string{"POST secrets", "POST secrets", "DELETE secrets", "POST events"}},
	{name: "secret delete with its history", prepare: holds("A=1", "A=2"), args: ofApp("delete", "--yes", "--purge"), purges: true, done: 5, over: "not found",
		writes: []string{"POST secrets", "DELETE secrets", "DELETE secrets", "DELETE secrets", "DELETE secrets", "POST events"}},
	{name: "secret undelete", prepare: deleted("A=1", "A=2"), args: ofApp("undelete"), done: 2, over: "exists",
		writes: []string{"POST secrets", "POST secrets", "POST events"}},
	{name: "secret rotate", prepare: holds("password="+foreignPassword, "password="+foreignPassword+"8"), args: ofApp("rotate", "password", "--every=30d"), done: 1,
		writes: []string{"POST secrets", "PATCH secrets", "POST events"}, check: checkScheduled},
	{name: "reconcile of a rotation that is due", prepare: dueForRotation, args: reconcile,
		writes: []string{"POST secrets", "PATCH secrets", "POST events"}, check: checkScheduled},
	{name: "secret expire", prepare: holds("A=1"), args: ofApp("expire", "--at=2100-01-01"), writes: []string{"PATCH secrets"}},
	{name: "secret copy", prepare: copyable, args: func(s *site) []string { return copying(s, "--all") }, several: true, other: copyOne,
		writes: []string{"POST secrets", "POST secrets", "POST secrets", "POST secrets", "POST secrets", "PATCH secrets", "PATCH secrets", "POST events", "POST events", "POST events"}},
}

// set returns the arguments of secret set.
func set(args ...string) func(*site) []string { return ofApp("set", args...) }

func ofApp(verb string, args ...string) func(*site) []string {
	return func(*site) []string { return append([]string{"secret", verb, app}, args...) }
}

// setOther sets a key that no other command knows of.
func setOther(*testing.T, *site, crash.Point) repair {
	return repair{app, set("OTHER=1")(nil), func(held secret.Data) secret.Data { return held.Merge(data("OTHER=1")) }}
}

func data(assignments ...string) secret.Data {
	d := secret.Data{}
	for _, a := range assignments {
		key, value, _ := strings.Cut(a, "=")
		d[key] = []byte(value)
	}
	return d
}

// write lets a Secret hold one content after the other, past the proxies.
func (s *site) write(t *testing.T, limit int, name string, contents ...string) {
	t.Helper()
	for _, content := range contents {
		edit := revision.Edit{Namespace: s.name, Name: name, Author: "alice", Change: func(*revision.Standing) (secret.Data, error) { return data(content), nil }}
		if limit > 0 {
			note := fmt.Sprint(limit)
			edit.Notes = map[string]*string{v1alpha1.AnnotationHistoryLimit: &note}
		}
		if _, err := s.revisions(t).Write(t.Context(), edit); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *site) revisions(t *testing.T) revision.Store {
	t.Helper()
	objects, err := metadata.NewForConfig(s.env.kube)
	if err != nil {
		t.Fatal(err)
	}
	return revision.Store{Secrets: s.env.core, Metadata: objects}
}

func holds(contents ...string) func(*testing.T, *site) { return limited(0, contents...) }

func limited(limit int, contents ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) { s.write(t, limit, app, contents...) }
}

// changedByAnother leaves a Secret that has a key which no revision has.
func changedByAnother(contents ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		s.write(t, 0, app, contents...)
		s.addKey(t, app)
	}
}

func (s *site) addKey(t *testing.T, name string) {
	t.Helper()
	if _, err := s.env.core.Secrets(s.name).Patch(t.Context(), name, types.MergePatchType, []byte(`{"data":{"X":"MQ=="}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
}

func foreign(content ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) { s.createSecret(t, s.name, app, data(content...)) }
}

func (s *site) createSecret(t *testing.T, namespace, name string, content secret.Data) {
	t.Helper()
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": "shop"}}, Data: content}
	if _, err := s.env.core.Secrets(namespace).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func deleted(contents ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		s.write(t, 0, app, contents...)
		if _, err := s.revisions(t).Remove(t.Context(), revision.Removal{Namespace: s.name, Name: app, Author: "alice"}); err != nil {
			t.Fatal(err)
		}
	}
}

// dueForRotation leaves a Secret whose rules ask for a new password.
func dueForRotation(t *testing.T, s *site) {
	s.write(t, 0, app, "password="+foreignPassword)
	s.patch(t, secrets, app, types.MergePatchType, `{"metadata":{"annotations":{"dbtether.io/rotated-at":"2020-01-01T00:00:00Z",
		"dbtether.io/rotation":"{\"days\":30,\"keys\":{\"password\":{\"generator\":\"alnum\"}}}"}}}`)
}

// checkScheduled expects a new password, rules by which it gets the next one, and that
// this one is not due.
func checkScheduled(t *testing.T, s *site) {
	live := s.secret(t, app)
	rotated, err := time.Parse(time.RFC3339, live.Annotations[v1alpha1.AnnotationRotatedAt])
	if err != nil || time.Since(rotated) > time.Hour || !strings.Contains(live.Annotations[v1alpha1.AnnotationRotation], `"password"`) {
		t.Errorf("the Secret has the annotations %v", live.Annotations)
	}
	if password := string(live.Data["password"]); len(password) != 32 || strings.HasPrefix(password, foreignPassword) {
		t.Errorf("the password has %d bytes, or is an old one", len(password))
	}
}

// copied are the Secrets of the other namespace, by what a copy finds in this one.
var copied = []string{"changed", "edited", "missing", "same"}

// from is the namespace that Secrets are copied from, into that of the site.
func (s *site) from() string { return s.name + "-from" }

func copying(s *site, args ...string) []string {
	return append([]string{"secret", "copy", "--namespace", s.from(), "--to-namespace", s.name}, args...)
}

// copyable makes Secrets to copy, and what they find where they are copied to.
func copyable(t *testing.T, s *site) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.from()}}
	if _, err := s.env.core.Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.env.core.Secrets(s.from()).DeleteCollection(context.WithoutCancel(t.Context()), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
	})
	for _, name := range copied {
		s.createSecret(t, s.from(), name, data("A=2"))
	}
	s.write(t, 0, "changed", "A=1")
	s.write(t, 0, "edited", "A=1")
	s.addKey(t, "edited")
	s.write(t, 0, "same", "A=2")
}

// copyOne copies one of them: with each point another one.
func copyOne(_ *testing.T, s *site, p crash.Point) repair {
	one := copied[p.Number%len(copied)]
	return repair{one, copying(s, one), func(held secret.Data) secret.Data { return held.Merge(data("A=2")) }}
}

// sameWrites reports whether a command made the writes that it should have made. The order
// does not count for one that writes to several Secrets at a time.
func (c change) sameWrites(got, want []string) bool {
	if c.several {
		got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	}
	return slices.Equal(got, want)
}
