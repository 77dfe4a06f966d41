package revision_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// promote makes the newest revision live, and returns what was sent for that.
func (f fixture) promote(target revision.Target) []write {
	f.Helper()
	history := f.read(target)
	newest, ok := history.Newest(target.OwnerUID)
	if !ok {
		f.Fatal("there is no revision")
	}
	f.writes.take()
	promoted, err := f.store.Promote(context.Background(), target, history.Live, newest)
	wrote := promoted.Wrote
	if err != nil {
		f.Fatal(err)
	}
	sent := f.writes.take()
	if wrote != (len(sent) > 0) {
		f.Errorf("Promote says %v after %d writes", wrote, len(sent))
	}
	return sent
}

// checkPatch compares the one patch that was sent, without its resourceVersion,
// which must be there.
func (f fixture) checkPatch(sent []write, want string) {
	f.Helper()
	if len(sent) != 1 || sent[0].method != http.MethodPatch {
		f.Fatalf("sent %v, want one patch", sent)
	}
	got := decode(f.T, sent[0].body)
	metadata, _ := got["metadata"].(map[string]any)
	if version, _ := metadata["resourceVersion"].(string); version == "" {
		f.Errorf("no resourceVersion in %s", sent[0].body)
	}
	delete(metadata, "resourceVersion")
	if !reflect.DeepEqual(got, decode(f.T, want)) {
		f.Errorf("sent %s\nwant %s", sent[0].body, want)
	}
}

func TestPromoteEqualContent(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	f.write(target, data("a=1"))
	version := f.get("s").ResourceVersion
	if sent := f.promote(target); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
	if now := f.get("s").ResourceVersion; now != version {
		t.Errorf("resourceVersion moved from %s to %s", version, now)
	}
}

// TestPromoteSendsWhatDiffers checks the patch for a second revision: the changed
// key, the new one, the removed one, and nothing else.
func TestPromoteSendsWhatDiffers(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	f.write(target, data("same=1", "changed=1", "removed=1"))
	f.stage(target, 1, data("same=1", "changed=2", "added=3"))
	f.checkPatch(f.promote(target), `{"data":{"changed":"`+b64("2")+`","added":"`+b64("3")+`","removed":null},
		"metadata":{"annotations":{"dbtether.io/revision":"2","dbtether.io/keys":"added,changed,same"}}}`)
	if live := f.read(target).Live; live.Revision != 2 || !live.Data.Equal(data("same=1", "changed=2", "added=3")) {
		t.Errorf("live is %+v", live)
	}
}

// TestPromoteRestores checks that changes made behind our back are undone with the
// smallest patch, and that what others added to the object stays.
func TestPromoteRestores(t *testing.T) {
	for _, c := range []struct{ name, change, want string }{
		{"changed value", `{"data":{"a":"eA=="}}`, `{"data":{"a":"` + b64("1") + `"},"metadata":{}}`},
		{"removed key", `{"data":{"a":null}}`, `{"data":{"a":"` + b64("1") + `"},"metadata":{}}`},
		{"added key", `{"data":{"c":"eA=="}}`, `{"data":{"c":null},"metadata":{}}`},
		{"added key through stringData", `{"stringData":{"c":"x"}}`, `{"data":{"c":null},"metadata":{}}`},
		{"all gone", `{"data":null}`, `{"data":{"a":"` + b64("1") + `","b":"` + b64("2") + `"},"metadata":{}}`},
		{"revision number", `{"metadata":{"annotations":{"dbtether.io/revision":"9"}}}`, `{"metadata":{"annotations":{"dbtether.io/revision":"1"}}}`},
		{"list of keys", `{"metadata":{"annotations":{"dbtether.io/keys":null}}}`, `{"metadata":{"annotations":{"dbtether.io/keys":"a,b"}}}`},
		{"our owner reference", `{"metadata":{"ownerReferences":null}}`,
			`{"metadata":{"ownerReferences":[{"apiVersion":"dbtether.io/v1alpha1","kind":"DatabaseUser","name":"orders","uid":"uid-1"}]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			target := f.target("s", "uid-1")
			f.write(target, data("a=1", "b=2"))
			f.patch("s", c.change)
			f.checkPatch(f.promote(target), c.want)
			if live := f.read(target).Live; !live.Data.Equal(data("a=1", "b=2")) || live.Revision != 1 {
				t.Errorf("live is %+v", live)
			}
			if sent := f.promote(target); len(sent) != 0 {
				t.Errorf("a second run sent %v", sent)
			}
		})
	}
}

func TestPromoteKeepsWhatOthersAdded(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	f.write(target, data("a=1"))
	f.patch("s", `{"metadata":{"labels":{"team":"shop"},"annotations":{"reloader":"on"},"finalizers":["example.com/keep"],
		"ownerReferences":[{"apiVersion":"dbtether.io/v1alpha1","kind":"DatabaseUser","name":"orders","uid":"uid-1"},{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"uid-x"}]}}`)
	f.stage(target, 1, data("a=2"))
	f.checkPatch(f.promote(target), `{"data":{"a":"`+b64("2")+`"},"metadata":{"annotations":{"dbtether.io/revision":"2"}}}`)
	live := f.get("s")
	if live.Labels["team"] != "shop" || live.Annotations["reloader"] != "on" || len(live.Finalizers) != 1 || len(live.OwnerReferences) != 2 {
		t.Errorf("live is %+v", live.ObjectMeta)
	}
}

// TestPromoteFollowsTheDeletionPolicy checks that a resource that turns to Retain no
// longer owns its Secret, nor others' references suffer.
func TestPromoteFollowsTheDeletionPolicy(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	f.write(target, data("a=1"))
	f.patch("s", `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"uid-x"},{"apiVersion":"dbtether.io/v1alpha1","kind":"DatabaseUser","name":"orders","uid":"uid-1"}]}}`)
	retained := target
	retained.OwnerReference = nil
	f.checkPatch(f.promote(retained), `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"uid-x"}]}}`)
	if sent := f.promote(retained); len(sent) != 0 {
		t.Errorf("a second run sent %v", sent)
	}
	f.promote(target)
	if owners := f.get("s").OwnerReferences; len(owners) != 2 || owners[0].UID != "uid-x" || owners[1].UID != "uid-1" {
		t.Errorf("owners are %v", owners)
	}
}

// TestPromoteForeign checks that a Secret of somebody else is told apart.
func TestPromoteForeign(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: data("theirs=1")}
	if _, err := f.core.Secrets(f.namespace).Create(context.Background(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var refused *revision.ForeignError
	if err := f.read(target).Check(target); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	// Created in the moment between the check and the write:
	r := f.stage(target, 0, data("ours=1"))
	if promoted, err := f.store.Promote(context.Background(), target, nil, r); !apierrors.IsAlreadyExists(err) || promoted.Wrote {
		t.Errorf("got %v, %v", promoted.Wrote, err)
	}
	if live := f.get("s"); len(live.Data) != 1 || string(live.Data["theirs"]) != "1" {
		t.Errorf("their Secret became %v", live.Data)
	}
	// Ours, with our label taken away, is no longer ours.
	f.patch("s", `{"metadata":{"labels":{"dbtether.io/managed":"true"},"annotations":{"dbtether.io/owner-uid":"uid-1"}}}`)
	if err := f.read(target).Check(target); err != nil {
		t.Error(err)
	}
	f.patch("s", `{"metadata":{"labels":{"dbtether.io/managed":null}}}`)
	if err := f.read(target).Check(target); !errors.As(err, &refused) {
		t.Errorf("without our label: got %v", err)
	}
}

// TestPromoteStale checks that a live Secret that changed after it was read is not
// overwritten, and that one which is gone asks for another attempt.
func TestPromoteStale(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	f.write(target, data("a=1"))
	stale := f.read(target)
	f.patch("s", `{"metadata":{"labels":{`+"\""+v1alpha1.LabelManaged+`":"false"}},"data":{"a":"eA=="}}`)
	r := f.stage(target, 1, data("a=2"))
	if promoted, err := f.store.Promote(context.Background(), target, stale.Live, r); !apierrors.IsConflict(err) || promoted.Wrote {
		t.Errorf("got %v, %v", promoted.Wrote, err)
	}
	if got := string(f.get("s").Data["a"]); got != "x" {
		t.Errorf("it was overwritten: %q", got)
	}
	if err := f.core.Secrets(f.namespace).Delete(context.Background(), "s", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.store.Promote(context.Background(), target, stale.Live, r); !apierrors.IsConflict(err) {
		t.Errorf("after it was deleted: got %v", err)
	}
}
