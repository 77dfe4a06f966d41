package revision_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// owned are the parts of a patch that make a Secret ours.
const owned = `"labels":{"dbtether.io/managed":"true"},"ownerReferences":[{"apiVersion":"dbtether.io/v1alpha1","kind":"DatabaseUser","name":"orders","uid":"uid-1"}]`

func (f fixture) taking(policy v1alpha1.ConflictPolicy) revision.Target {
	target := f.target("s", "uid-1")
	target.OnConflict = policy
	return target
}

// takeOver does what a caller does: Read, Preserve, Stage, Promote.
func (f fixture) takeOver(target revision.Target, content secret.Data) []write {
	f.Helper()
	history, err := f.store.Preserve(context.Background(), target, f.read(target))
	if err != nil {
		f.Fatal(err)
	}
	r := f.stage(target, history.LastNumber(), content)
	f.writes.take()
	if _, err := f.store.Promote(context.Background(), target, history.Live, r); err != nil {
		f.Fatal(err)
	}
	return f.writes.take()
}

// TestAdopt checks that the data is replaced, the former content kept, and what
// others added to the object left.
func TestAdopt(t *testing.T) {
	f := newFixture(t)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s", Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{"a": "b"}},
		Data: data("password=old", "theirs=1")})
	target := f.taking(v1alpha1.ConflictAdopt)
	f.checkPatch(f.takeOver(target, data("password=new", "host=h")), `{"data":{"password":"`+b64("new")+`","host":"`+b64("h")+`","theirs":null},
		"metadata":{`+owned+`,"annotations":{"dbtether.io/revision":"2","dbtether.io/owner-uid":"uid-1","dbtether.io/keys":"host,password"}}}`)
	history := f.read(target)
	if err := history.Check(f.target("s", "uid-1")); err != nil {
		t.Errorf("it is not ours: %v", err)
	}
	if !history.Live.Data.Equal(data("password=new", "host=h")) || !history.Live.Holds(data("password=new", "host=h"), target) {
		t.Errorf("live is %v", history.Live.Data)
	}
	if live := f.get("s"); live.Type != corev1.SecretTypeOpaque || live.Labels["team"] != "shop" || live.Annotations["a"] != "b" {
		t.Errorf("live is %+v of type %s", live.ObjectMeta, live.Type)
	}
	checkPreserved(f, history, data("password=old", "theirs=1"))
	if sent := f.promote(target); len(sent) != 0 {
		t.Errorf("a second run sent %v", sent)
	}
}

// checkPreserved checks that revision 1 is the content of somebody else, and that
// nothing takes it for the owner's.
func checkPreserved(f fixture, history revision.History, content secret.Data) {
	f.Helper()
	if len(history.Revisions) != 2 {
		f.Fatalf("there are %+v", history.Revisions)
	}
	kept := history.Revisions[0]
	if kept.Number != 1 || kept.Author != revision.AuthorExternal || kept.Reason != "content before it was taken over" || kept.OwnerUID != "" || !kept.Data.Equal(content) {
		f.Errorf("kept is %+v", kept)
	}
	if newest, ok := history.Newest("uid-1"); !ok || newest.Number != 2 {
		f.Errorf("the owner's newest is %+v", newest)
	}
	if object := f.get("s.v1"); object.Immutable == nil || !*object.Immutable || len(object.OwnerReferences) != 0 {
		f.Errorf("kept is %+v", object.ObjectMeta)
	}
}

// TestMerge checks which keys a merged Secret keeps: those that were never ours.
func TestMerge(t *testing.T) {
	f := newFixture(t)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s", Annotations: map[string]string{"dbtether.io/keys": "theirs"}}, Data: data("password=old", "theirs=1")})
	target := f.taking(v1alpha1.ConflictMerge)
	f.checkPatch(f.takeOver(target, data("password=new", "host=h")), `{"data":{"password":"`+b64("new")+`","host":"`+b64("h")+`"},
		"metadata":{`+owned+`,"annotations":{"dbtether.io/revision":"2","dbtether.io/owner-uid":"uid-1","dbtether.io/keys":"host,password"}}}`)
	checkPreserved(f, f.read(target), data("password=old", "theirs=1"))

	f.patch("s", `{"data":{"more":"eA==","theirs":"eA=="}}`)
	live := f.read(target).Live
	if !live.Holds(data("password=new", "host=h"), target) {
		t.Error("others' keys count")
	}
	for _, content := range []secret.Data{data("password=new"), data("password=x", "host=h"), data("password=new", "host=h", "port=1")} {
		if live.Holds(content, target) {
			t.Errorf("holds %v", content)
		}
	}
	if sent := f.promote(target); len(sent) != 0 {
		t.Errorf("a second run sent %v", sent)
	}

	f.stage(target, 2, data("password=new", "port=1"))
	f.checkPatch(f.promote(target), `{"data":{"host":null,"port":"`+b64("1")+`"},"metadata":{"annotations":{"dbtether.io/revision":"3","dbtether.io/keys":"password,port"}}}`)
	if live := f.read(target).Live; !live.Data.Equal(data("password=new", "port=1", "more=x", "theirs=x")) {
		t.Errorf("live is %v", live.Data)
	}
	f.patch("s", `{"data":{"port":null,"password":"eA=="}}`)
	f.checkPatch(f.promote(target), `{"data":{"password":"`+b64("new")+`","port":"`+b64("1")+`"},"metadata":{}}`)
}

// TestHolds checks that a Secret which is absent or somebody else's is never as it
// should be, whatever it carries.
func TestHolds(t *testing.T) {
	f := newFixture(t)
	target := f.taking(v1alpha1.ConflictMerge)
	if f.read(target).Live.Holds(data(), target) {
		t.Error("nothing holds nothing")
	}
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: data("a=1")})
	if f.read(target).Live.Holds(data("a=1"), target) {
		t.Error("a foreign Secret holds our content")
	}
	f.takeOver(target, data("a=1"))
	f.patch("s", `{"data":{"b":"eA=="}}`)
	for policy, want := range map[v1alpha1.ConflictPolicy]bool{"Merge": true, "Adopt": false, "Fail": false, "": false} {
		if got := f.read(target).Live.Holds(data("a=1"), f.taking(policy)); got != want {
			t.Errorf("%q: %v", policy, got)
		}
	}
}

// TestTakeoverWithoutPreserve checks that Promote itself loses nothing.
func TestTakeoverWithoutPreserve(t *testing.T) {
	f := newFixture(t)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: data("theirs=1")})
	target := f.taking(v1alpha1.ConflictAdopt)
	r := f.stage(target, 0, data("ours=1"))
	stale := f.read(target)
	f.patch("s", `{"metadata":{"labels":{"x":"y"}}}`)
	for range 2 { // the content is kept before the conflict, and once
		if _, err := f.store.Promote(context.Background(), target, stale.Live, r); !apierrors.IsConflict(err) {
			t.Errorf("got %v", err)
		}
	}
	f.promote(target)
	history := f.read(target)
	if len(history.Revisions) != 2 || history.Revisions[1].Author != revision.AuthorExternal || !history.Revisions[1].Data.Equal(data("theirs=1")) {
		t.Errorf("there are %+v", history.Revisions)
	}
	if !history.Live.Data.Equal(data("ours=1")) || history.Live.Revision != 1 {
		t.Errorf("live is %+v", history.Live)
	}
	if newest, _ := history.Newest("uid-1"); newest.Number != 1 {
		t.Errorf("our newest is %d", newest.Number)
	}
	if r := f.stage(target, history.LastNumber(), data("ours=2")); r.Number != 3 {
		t.Errorf("the next is %d", r.Number)
	}
}

func TestPreserveTwice(t *testing.T) {
	f := newFixture(t)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: data("theirs=1")})
	target := f.taking(v1alpha1.ConflictMerge)
	stale := f.read(target)
	for _, history := range []revision.History{stale, stale, f.read(target)} { // a run that was killed, and the next
		after, err := f.store.Preserve(context.Background(), target, history)
		if err != nil || after.LastNumber() != 1 {
			t.Errorf("got %+v, %v", after.Revisions, err)
		}
	}
	if left := f.names(); !slices.Equal(left, []string{"s", "s.v1"}) {
		t.Errorf("there are %v", left)
	}
	f.writes.take()
	for _, nothing := range []revision.History{{}, {Live: &revision.Live{}}} {
		if after, err := f.store.Preserve(context.Background(), target, nothing); err != nil || len(after.Revisions) != 0 {
			t.Errorf("nothing to keep: %+v, %v", after, err)
		}
	}
	if sent := f.writes.take(); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
}

// TestTakeoverIsRefused checks that neither Preserve nor Promote touches what Check
// refuses.
func TestTakeoverIsRefused(t *testing.T) {
	yes := true
	controlled := metav1.ObjectMeta{Name: "s", OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ExternalSecret", Name: "x", UID: "uid-x", Controller: &yes}}}
	managed := metav1.ObjectMeta{Name: "s", Labels: map[string]string{v1alpha1.LabelManaged: "true"}, Annotations: map[string]string{v1alpha1.AnnotationOwner: "uid-2"}}
	plain := metav1.ObjectMeta{Name: "s"}
	for name, c := range map[string]struct {
		object corev1.Secret
		policy v1alpha1.ConflictPolicy
		hint   string
	}{
		"Fail":                {corev1.Secret{ObjectMeta: plain}, v1alpha1.ConflictFail, "onConflict"},
		"Fail, controlled":    {corev1.Secret{ObjectMeta: controlled}, v1alpha1.ConflictFail, `ExternalSecret "x"`},
		"another resource":    {corev1.Secret{ObjectMeta: managed}, v1alpha1.ConflictAdopt, "if the resource that managed it is gone"},
		"another, merging":    {corev1.Secret{ObjectMeta: managed}, v1alpha1.ConflictMerge, "if the resource that managed it is gone"},
		"controlled":          {corev1.Secret{ObjectMeta: controlled}, v1alpha1.ConflictMerge, `ExternalSecret "x"`},
		"immutable":           {corev1.Secret{ObjectMeta: plain, Immutable: &yes}, v1alpha1.ConflictAdopt, "made anew"},
		"certificate":         {corev1.Secret{ObjectMeta: plain, Type: corev1.SecretTypeTLS, Data: data("tls.crt=", "tls.key=")}, v1alpha1.ConflictMerge, "made anew"},
		"revision of another": {corev1.Secret{ObjectMeta: plain, Type: v1alpha1.SecretTypeRevision}, v1alpha1.ConflictAdopt, "made anew"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if c.object.Data == nil {
				c.object.Data = data("theirs=1")
			}
			f.foreign(c.object)
			target := f.taking(c.policy)
			history, r := f.read(target), f.stage(target, 0, data("ours=1"))
			f.writes.take()
			result, promoted := f.store.Promote(context.Background(), target, history.Live, r)
			wrote := result.Wrote
			_, preserved := f.store.Preserve(context.Background(), target, history)
			for _, err := range []error{history.Check(target), preserved, promoted} {
				var hinted interface{ Hint() string }
				if !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), c.hint) {
					t.Errorf("got %v", err)
				}
			}
			if sent := f.writes.take(); wrote || len(sent) != 0 {
				t.Errorf("sent %v", sent)
			}
		})
	}
}

// TestTakeoverKeepsTheType checks the types that a credential may have.
func TestTakeoverKeepsTheType(t *testing.T) {
	for _, kind := range []corev1.SecretType{"", corev1.SecretTypeOpaque, corev1.SecretTypeBasicAuth, "servicebinding.io/mysql", v1alpha1.SecretTypeCredential} {
		f := newFixture(t)
		f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Type: kind, Data: data("username=u")})
		before := f.get("s").Type
		f.takeOver(f.taking(v1alpha1.ConflictAdopt), data("username=v", "password=p"))
		if live := f.get("s"); live.Type != before || len(live.Data) != 2 {
			t.Errorf("%q became %q with %v", kind, live.Type, live.Data)
		}
	}
}

// TestPromoteMeetsImmutable checks the error about our own Secret that somebody made
// immutable. Its metadata can still be written.
func TestPromoteMeetsImmutable(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	f.write(target, data("a=1"))
	f.patch("s", `{"immutable":true}`)
	f.stage(target, 1, data("a=1"))
	f.promote(target)
	r := f.stage(target, 2, data("a=2"))
	f.writes.take()
	_, err := f.store.Promote(context.Background(), target, f.read(target).Live, r)
	var fixed *revision.FixedError
	if !errors.As(err, &fixed) || len(f.writes.take()) != 0 {
		t.Errorf("got %v", err)
	}
}

// TestDeleteAfterTakeover checks that a Secret which may be taken over is not yet
// ours to delete, and that what it held survives the one that was.
func TestDeleteAfterTakeover(t *testing.T) {
	f := newFixture(t)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: data("theirs=1")})
	target := f.taking(v1alpha1.ConflictAdopt)
	if err := f.store.Delete(context.Background(), target); err != nil {
		t.Fatal(err)
	}
	if sent := f.writes.take(); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
	f.takeOver(target, data("ours=1"))
	if err := f.store.Delete(context.Background(), target); err != nil {
		t.Fatal(err)
	}
	if left := f.names(); !slices.Equal(left, []string{"s.v1"}) {
		t.Errorf("left are %v", left)
	}
	for _, w := range f.writes.take() {
		if w.method != http.MethodDelete {
			t.Errorf("sent %v", w)
		}
	}
}

// TestPruneCountsWhatWasPreserved checks that ten revisions are ten, whoever wrote them.
func TestPruneCountsWhatWasPreserved(t *testing.T) {
	f := newFixture(t)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: data("theirs=1")})
	target := f.taking(v1alpha1.ConflictMerge)
	f.takeOver(target, data("n=0"))
	for i := range int64(revision.Kept - 1) {
		f.stage(target, i+2, data("n="+string(rune('a'+i))))
	}
	if err := f.store.Prune(context.Background(), target, f.read(target)); err != nil {
		t.Fatal(err)
	}
	if history := f.read(target); len(history.Revisions) != revision.Kept || history.Revisions[0].Number != 2 {
		t.Errorf("left are %+v", history.Revisions)
	}
}
