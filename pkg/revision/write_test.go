package revision_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// merging is the edit that sets the keys of pairs in a Secret.
func (f fixture) merging(name string, pairs ...string) revision.Edit {
	return revision.Edit{Namespace: f.namespace, Name: name, Author: "alice", Reason: "test",
		Change: func(now *revision.Standing) (secret.Data, error) {
			var held secret.Data
			if now.Live != nil {
				held = now.Live.Data
			}
			return held.Merge(data(pairs...)), nil
		}}
}

func (f fixture) set(name string, pairs ...string) revision.Written {
	f.Helper()
	written, err := f.store.Write(context.Background(), f.merging(name, pairs...))
	if err != nil {
		f.Fatal(err)
	}
	return written
}

func (f fixture) stand(name string) *revision.Standing {
	f.Helper()
	standing, err := f.store.Stand(context.Background(), f.namespace, name)
	if err != nil {
		f.Fatal(err)
	}
	return standing
}

func (f fixture) content(name string, number int64) secret.Data {
	f.Helper()
	r, err := f.store.ReadRevision(context.Background(), f.namespace, name, number)
	if err != nil {
		f.Fatal(err)
	}
	return r.Data
}

// holds fails unless the live Secret holds pairs, as revision number, and nothing waits.
func (f fixture) holds(name string, number int64, pairs ...string) {
	f.Helper()
	now := f.stand(name)
	if now.Live == nil {
		f.Fatalf("there is no secret %s", name)
	}
	pending, unfinished := now.Unfinished()
	if !now.Live.Data.Equal(data(pairs...)) || now.Revision() != number || now.Live.Revision != number || now.External() || unfinished {
		f.Errorf("%s holds %q at revision %d (its annotation says %d), external %t, unfinished %v %t; want %q at %d",
			name, now.Live.Data, now.Revision(), now.Live.Revision, now.External(), pending.Number, unfinished, pairs, number)
	}
}

func TestWrite(t *testing.T) {
	f := newFixture(t)
	if w := f.set("app", "A=1"); !w.Created || !w.Wrote || w.Revision.Number != 1 || w.Changes.String() != "+A" {
		t.Errorf("the first write: %+v", w)
	}
	if w := f.set("app", "B=2"); w.Created || w.Revision.Number != 2 || w.Revision.Changes != "+B" || w.Revision.Reason != "test" || w.Revision.Author != "alice" {
		t.Errorf("the second write: %+v", w)
	}
	f.writes.take()
	if w := f.set("app", "A=1"); w.Wrote || w.Revision.Number != 2 || !w.Changes.Empty() {
		t.Errorf("equal content: %+v", w)
	}
	if sent := f.writes.take(); len(sent) > 0 {
		t.Errorf("equal content sent %v", sent)
	}
	f.holds("app", 2, "A=1", "B=2")
	live := f.get("app")
	want := map[string]string{v1alpha1.AnnotationRevision: "2", v1alpha1.AnnotationKeys: "A,B"}
	if live.Labels[v1alpha1.LabelManaged] != "true" || !maps.Equal(live.Annotations, want) || live.Type != corev1.SecretTypeOpaque {
		t.Errorf("the live Secret is %v %v %s", live.Labels, live.Annotations, live.Type)
	}
	if r := f.get("app.v1"); r.Immutable == nil || !*r.Immutable || r.Type != v1alpha1.SecretTypeRevision {
		t.Errorf("the revision is %v %v", r.Immutable, r.Type)
	}
}

// TestSmallestPatch changes one of two keys of a Secret with fields that are not ours.
func TestSmallestPatch(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1", "B=2")
	f.patch("app", `{"metadata":{"labels":{"team":"shop"},"annotations":{"note":"x"},"finalizers":["example.com/keep"]}}`)
	f.set("app", "A=3")
	sent := f.writes.take()
	body := decode(t, sent[len(sent)-1].body)
	if values, _ := body["data"].(map[string]any); len(values) != 1 || values["A"] != "Mw==" || len(body) != 2 {
		t.Errorf("the patch is %v", body)
	}
	if live := f.get("app"); live.Labels["team"] != "shop" || live.Annotations["note"] != "x" || len(live.Finalizers) != 1 {
		t.Errorf("what is not ours is gone: %v %v %v", live.Labels, live.Annotations, live.Finalizers)
	}
	f.patch("app", `{"metadata":{"finalizers":null}}`)
}

func TestExternalChangeIsKept(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1")
	f.patch("app", `{"data":{"A":"OQ==","X":"OA=="}}`)
	if now := f.stand("app"); !now.External() || now.LastWriter() != "someone" || now.Revision() != 1 {
		t.Errorf("external %t, by %q, at %d", now.External(), now.LastWriter(), now.Revision())
	}
	if w := f.set("app", "B=2"); w.Kept != 2 || w.Revision.Number != 3 || w.Changes.String() != "+B" {
		t.Errorf("wrote %+v", w)
	}
	f.holds("app", 3, "A=9", "B=2", "X=8")
	if r := f.stand("app").Entries[1]; !r.External() || r.Reason != "written by someone" || !f.content("app", 2).Equal(data("A=9", "X=8")) {
		t.Errorf("kept %+v with %q", r, f.content("app", 2))
	}
	// Undone by hand to what a revision held: that is no revision of its own.
	f.patch("app", `{"data":{"A":"NQ=="}}`)
	if w := f.set("app", "A=5"); w.Kept != 4 || w.Revision.Number != 4 || !w.Wrote {
		t.Errorf("setting what somebody else has set: %+v", w)
	}
	f.holds("app", 4, "A=5", "B=2", "X=8")
}

func TestTakesOverWhatNothingManages(t *testing.T) {
	f := newFixture(t)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "app", Labels: map[string]string{"team": "shop"}}, Type: corev1.SecretTypeBasicAuth, Data: data("username=u", "password=p")})
	if w := f.set("app", "password=q"); w.Kept != 1 || w.Revision.Number != 2 || w.Created || w.Revision.Type != corev1.SecretTypeBasicAuth {
		t.Errorf("wrote %+v", w)
	}
	f.holds("app", 2, "username=u", "password=q")
	if live := f.get("app"); live.Labels["team"] != "shop" || live.Type != corev1.SecretTypeBasicAuth {
		t.Errorf("the live Secret is %v %v", live.Labels, live.Type)
	}
}

func TestRefusedWrites(t *testing.T) {
	f := newFixture(t)
	yes := true
	owner := func(kind, name string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{APIVersion: "example.com/v1", Kind: kind, Name: name, UID: "u", Controller: &yes}}
	}
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "helm"}, Type: "helm.sh/release.v1", Data: data("release=x")})
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "owned", OwnerReferences: owner("ExternalSecret", "outside")}, Data: data("A=1")})
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "fixed"}, Immutable: &yes, Data: data("A=1")})
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "taken.v1"}, Data: data("A=1")})
	f.write(f.target("credential", "uid-1"), data("password=p"))
	f.write(f.target("lost", "uid-2"), data("password=p"))
	if err := f.core.Secrets(f.namespace).Delete(t.Context(), "lost", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	f.set("typed", "A=1")
	large := strings.Repeat("x", corev1.MaxSecretSize)
	for _, c := range []struct {
		name, want string
		edit       revision.Edit
	}{
		{"helm", "has the type helm.sh/release.v1", f.merging("helm", "A=2")},
		{"owned", `belongs to ExternalSecret "outside"`, f.merging("owned", "A=2")},
		{"fixed", "is immutable", f.merging("fixed", "A=2")},
		{"credential", `holds the credential of DatabaseUser "orders"`, f.merging("credential", "A=2")},
		{"lost", "its history is that of the credential", f.merging("lost", "A=2")},
		{"taken", "has the name of the next revision of", f.merging("taken", "A=2")},
		{"name of a revision", `has the name of a revision of "x"`, f.merging("x.v12", "A=2")},
		{"bad name", "cannot be called so", f.merging("App_Secrets", "A=2")},
		{"long name", "must be no more than 233 bytes", f.merging(strings.Repeat("a", 234), "A=2")},
		{"bad key", `"A B" is no key`, f.merging("typed", "A B=2")},
		{"large", "would hold 1048577 bytes, and the API server takes 1048576", f.merging("typed", "B="+large)},
		{"other type", "has the type Opaque, which cannot become kubernetes.io/basic-auth", func() revision.Edit {
			e := f.merging("typed", "B=2")
			e.Type = corev1.SecretTypeBasicAuth
			return e
		}()},
	} {
		before := f.names()
		_, err := f.store.Write(t.Context(), c.edit)
		var hinted interface{ Hint() string }
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &hinted) || hinted.Hint() == "" {
			t.Errorf("%s: %v", c.name, err)
		} else if hint := hinted.Hint(); strings.Contains(hint, "kubectl") && !strings.Contains(hint, " -n "+f.namespace) {
			t.Errorf("%s: the hint is for another namespace: %s", c.name, hint)
		}
		if after := f.names(); !slices.Equal(before, after) {
			t.Errorf("%s: there were %v, and are %v", c.name, before, after)
		}
	}
}

func TestIfRevision(t *testing.T) {
	f := newFixture(t)
	at := func(number int64, pairs ...string) error {
		e := f.merging("app", pairs...)
		e.IfRevision = &number
		_, err := f.store.Write(t.Context(), e)
		return err
	}
	if err := errors.Join(at(0, "A=1"), at(1, "A=2")); err != nil {
		t.Fatal(err)
	}
	for number, want := range map[int64]string{0: "is at revision 2, not 0: alice wrote that at", 1: "is at revision 2, not 1", 7: "is at revision 2, not 7"} {
		if err := at(number, "A=3"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("if revision %d: %v", number, err)
		}
	}
	f.patch("app", `{"data":{"A":"OQ=="}}`)
	if err := at(2, "A=3"); err == nil || !strings.Contains(err.Error(), "was changed by something else since revision 2") {
		t.Errorf("an external change: %v", err)
	}
}

// TestManyWriters lets fifty set a key each: none is lost, and each is a revision.
func TestManyWriters(t *testing.T) {
	f := newFixture(t)
	const writers = 50
	var all sync.WaitGroup
	errs := make([]error, writers)
	f.set("app", "FIRST=1")
	want := []string{"FIRST=1"}
	for i := range writers {
		pair := fmt.Sprintf("KEY_%02d=%d", i, i)
		want = append(want, pair)
		all.Go(func() { _, errs[i] = f.store.Write(t.Context(), f.merging("app", pair)) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	f.holds("app", writers+1, want...)
	entries := f.stand("app").Entries
	for i, e := range entries {
		if e.Number != int64(writers+1-len(entries)+1+i) {
			t.Errorf("revision %d stands at place %d of %d", e.Number, i, len(entries))
		}
	}
	f.set("app", "last=1") // what others were about to delete is deleted by now
	if n := len(f.stand("app").Entries); n != revision.Kept {
		t.Errorf("%d revisions are kept", n)
	}
}

// TestOneOfTwoWins lets two writers expect the same revision, again and again.
func TestOneOfTwoWins(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=0")
	for round := range int64(10) {
		var all sync.WaitGroup
		var errs [2]error
		for i := range errs {
			e := f.merging("app", fmt.Sprintf("A=%d-%d", round, i))
			at := round + 1
			e.IfRevision = &at
			all.Go(func() { _, errs[i] = f.store.Write(t.Context(), e) })
		}
		all.Wait()
		winner, loser := errs[0], errs[1]
		if winner != nil {
			winner, loser = loser, winner
		}
		var behind *revision.MovedError
		if winner != nil || !errors.As(loser, &behind) || behind.Is != round+2 || behind.Author != "alice" {
			t.Fatalf("round %d: %v, %v", round, errs[0], errs[1])
		}
	}
	if now := f.stand("app"); now.Revision() != 11 {
		t.Errorf("at revision %d", now.Revision())
	}
}

func TestHistoryLimit(t *testing.T) {
	f := newFixture(t)
	limit := "3"
	e := f.merging("app", "A=0")
	e.Notes = map[string]*string{v1alpha1.AnnotationHistoryLimit: &limit}
	if _, err := f.store.Write(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		f.set("app", fmt.Sprintf("A=%d", i+1))
	}
	if entries := f.stand("app").Entries; len(entries) != 3 || entries[2].Number != 7 {
		t.Errorf("kept %+v", entries)
	}
	e.Notes, e.Change = map[string]*string{v1alpha1.AnnotationHistoryLimit: nil}, func(now *revision.Standing) (secret.Data, error) { return now.Live.Data, nil }
	if w, err := f.store.Write(t.Context(), e); err != nil || !w.Wrote || w.Revision.Number != 7 {
		t.Errorf("taking the limit away: %+v, %v", w, err)
	}
	if notes := f.get("app").Annotations; len(notes) != 2 {
		t.Errorf("annotations are %v", notes)
	}
}

func TestRemoveAndPurge(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1")
	f.set("app", "A=2")
	removal := revision.Removal{Namespace: f.namespace, Name: "app", Author: "bob", Reason: "no longer used"}
	removed, err := f.store.Remove(t.Context(), removal)
	if err != nil || removed.Revision.Number != 3 || !removed.Revision.Deletes || removed.Revision.Author != "bob" {
		t.Fatalf("removed %+v: %v", removed, err)
	}
	now := f.stand("app")
	before, err := now.Before()
	if now.Live != nil || len(now.Entries) != 3 || err != nil || before.Number != 2 {
		t.Errorf("left %+v, before %+v: %v", now, before, err)
	}
	var gone *revision.NotFoundError
	if _, err := f.store.Remove(t.Context(), removal); !errors.As(err, &gone) || gone.Deleted == nil || gone.Deleted.Author != "bob" {
		t.Errorf("removing again: %v", err)
	}
	if w := f.set("app", "B=1"); !w.Created || w.Revision.Number != 4 { // not with what it held before
		t.Errorf("written again: %+v", w)
	}
	f.holds("app", 4, "B=1")
	removal.Purge = true
	if removed, err := f.store.Remove(t.Context(), removal); err != nil || removed.Purged != 5 {
		t.Errorf("purged %+v: %v", removed, err)
	}
	if names := f.names(); len(names) != 0 {
		t.Errorf("left %v", names)
	}
	if _, err := f.store.Remove(t.Context(), removal); !errors.As(err, &gone) || gone.Deleted != nil || apierrors.IsNotFound(err) {
		t.Errorf("purging again: %v", err)
	}
}

// TestPurgeOfWhatWasSeen lets somebody get in the way between a look at a Secret and its
// purge: nothing is deleted that was not there then.
func TestPurgeOfWhatWasSeen(t *testing.T) {
	f := newFixture(t)
	purge := func(store revision.Store, name string, seen *revision.Standing) error {
		_, err := store.Remove(t.Context(), revision.Removal{Namespace: f.namespace, Name: name, Author: "alice", Purge: true, Seen: seen})
		return err
	}
	edit := func(name string) { f.patch(name, `{"data":{"A":"OQ=="}}`) }
	for _, c := range []struct {
		name              string
		deleted           bool
		meanwhile, during func(name string)
		left              int // revisions; 0: it is purged
	}{
		{name: "left-alone"},
		{name: "annotated", meanwhile: func(name string) { f.patch(name, `{"metadata":{"annotations":{"example.com/touched":"1"}}}`) }},
		{name: "deleted-by-hand", meanwhile: func(name string) {
			if err := f.core.Secrets(f.namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}},
		{name: "written", meanwhile: func(name string) { f.set(name, "A=3") }, left: 3},
		{name: "edited", meanwhile: edit, left: 2},
		{name: "gone", deleted: true},
		{name: "undeleted", deleted: true, meanwhile: func(name string) { f.set(name, "A=2") }, left: 4},
		{name: "made-by-hand", deleted: true, meanwhile: func(name string) {
			f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data("A=2")})
		}, left: 3},
		{name: "written-during", during: func(name string) { f.set(name, "A=3") }, left: 3},
		{name: "edited-during", during: edit, left: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.set(c.name, "A=1")
			f.set(c.name, "A=2")
			if c.deleted {
				f.remove(c.name)
			}
			seen, store := f.stand(c.name), f.store
			if c.meanwhile != nil {
				c.meanwhile(c.name)
			}
			if c.during != nil {
				store = f.before(3, func() { c.during(c.name) }) // after the revision that announces the deletion
			}
			err := purge(store, c.name, seen)
			var refused *revision.RefusedError
			if c.left == 0 && err != nil || c.left > 0 && !errors.As(err, &refused) {
				t.Errorf("got %v", err)
			}
			now := f.stand(c.name)
			if len(now.Entries) != c.left || (now.Live != nil) != (c.left > 0) {
				t.Errorf("there is %+v, with %+v", now.Live, now.Entries)
			}
			if err := purge(f.store, c.name, now); c.left > 0 && err != nil { // she has seen it now
				t.Error(err)
			}
		})
	}
}

// TestDeletedByHand writes to a Secret that somebody has deleted without us: what it held
// does not come back by itself, and stays in its history.
func TestDeletedByHand(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1")
	f.set("app", "A=2")
	if err := f.core.Secrets(f.namespace).Delete(t.Context(), "app", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if w := f.set("app", "B=1"); !w.Created || w.Revision.Number != 3 {
		t.Errorf("wrote %+v", w)
	}
	f.holds("app", 3, "B=1")
	if !f.content("app", 2).Equal(data("A=2")) {
		t.Error("what it held is lost")
	}
}

func TestWriteDryRun(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1")
	f.patch("app", `{"data":{"X":"OA=="}}`)
	for _, server := range []bool{false, true} {
		e := f.merging("app", "B=2")
		e.DryRun, e.Server = true, server
		w, err := f.store.Write(t.Context(), e)
		if err != nil || w.Changes.String() != "+B" {
			t.Errorf("server %t: %+v, %v", server, w, err)
		}
	}
	if names := f.names(); len(names) != 2 {
		t.Errorf("there are %v", names)
	}
	if live := f.get("app"); len(live.Data) != 2 {
		t.Errorf("the live Secret holds %v", live.Data)
	}
}
