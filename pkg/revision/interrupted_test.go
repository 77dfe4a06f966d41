package revision_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

var errCut = errors.New("the writer is dead")

// through returns a store whose requests go through send, which is told how many of them
// were writing, this one included, and passes it on to next.
func (f fixture) through(send func(writes int64, request *http.Request, next http.RoundTripper) (*http.Response, error)) revision.Store {
	f.Helper()
	config := rest.CopyConfig(f.config)
	var writes atomic.Int64
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			count := writes.Load()
			if request.Method != http.MethodGet {
				count = writes.Add(1)
			}
			return send(count, request, next)
		})
	})
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		f.Fatal(err)
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		f.Fatal(err)
	}
	return revision.Store{Secrets: core, Metadata: objects}
}

// cut returns a store whose writer dies at its n-th writing request: before it is sent,
// or after the API server has done it. died tells whether it did.
func (f fixture) cut(n int64, after bool) (store revision.Store, died func() bool) {
	f.Helper()
	var dead atomic.Bool
	store = f.through(func(writes int64, request *http.Request, next http.RoundTripper) (*http.Response, error) {
		if writes < n {
			return next.RoundTrip(request)
		}
		if after && writes == n && request.Method != http.MethodGet {
			if response, err := next.RoundTrip(request); err == nil {
				response.Body.Close()
			}
		}
		dead.Store(true)
		return nil, errCut
	})
	return store, dead.Load
}

// before returns a store that lets something happen before its n-th writing request.
func (f fixture) before(n int64, happens func()) revision.Store {
	f.Helper()
	return f.through(func(writes int64, request *http.Request, next http.RoundTripper) (*http.Response, error) {
		if writes == n && request.Method != http.MethodGet {
			happens()
		}
		return next.RoundTrip(request)
	})
}

// interrupt runs do with a writer that dies at each of its writes, before and after it, and
// lets check look at what the next one makes of what it left. Each time is about a Secret
// of its own.
func (f fixture) interrupt(t *testing.T, prefix string, prepare func(name string), do func(store revision.Store, name string) error, check func(name string)) {
	t.Helper()
	for n := int64(1); ; n++ {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("%s-%d-%t", prefix, n, after)
			prepare(name)
			store, died := f.cut(n, after)
			if err := do(store, name); !died() {
				if err != nil || n == 1 {
					t.Fatalf("it has %d writes: %v", n-1, err)
				}
				t.Logf("%d writes", n-1)
				return
			}
			if check(name); t.Failed() {
				t.Fatalf("after the writer had died at write %d, sent %t", n, after)
			}
		}
	}
}

// TestInterruptedWrites kills the writer of each kind of change at each of its steps. The
// next command is another change: it finds all of the first or none of it, and no
// revision is lost.
func TestInterruptedWrites(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		name    string
		prepare func(name string)
		// before and after are the contents that there may be.
		before, after []string
	}{
		{"first", func(string) {}, nil, []string{"B=1"}},
		{"second", func(name string) { f.set(name, "A=1") }, []string{"A=1"}, []string{"A=1", "B=1"}},
		{"pruning", func(name string) {
			for i := range 11 {
				f.set(name, fmt.Sprintf("A=%d", i))
			}
		}, []string{"A=10"}, []string{"A=10", "B=1"}},
		{"external", func(name string) {
			f.set(name, "A=1")
			f.patch(name, `{"data":{"X":"MQ=="}}`)
		}, []string{"A=1", "X=1"}, []string{"A=1", "B=1", "X=1"}},
		{"foreign", func(name string) {
			f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data("X=1")})
		}, []string{"X=1"}, []string{"B=1", "X=1"}},
		{"deleted", func(name string) {
			f.set(name, "A=1")
			f.remove(name)
		}, nil, []string{"B=1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.interrupt(t, c.name, c.prepare, func(store revision.Store, name string) error {
				_, err := store.Write(t.Context(), f.merging(name, "B=1"))
				return err
			}, func(name string) {
				w := f.set(name, "next=1")
				held := f.stand(name).Live.Data
				before, after := data(c.before...).Merge(data("next=1")), data(c.after...).Merge(data("next=1"))
				if !held.Equal(before) && !held.Equal(after) {
					t.Errorf("it holds %q", held)
				}
				f.settled(name, w.Revision.Number)
				if len(c.before) > 0 && !f.keeps(name, data(c.before...)) {
					t.Errorf("what it held before is lost")
				}
			})
		})
	}
}

// TestInterruptedAgain kills a writer at each of its steps, and lets the same one come
// again: a new Secret has its labels, and no revision is left that is too old.
func TestInterruptedAgain(t *testing.T) {
	f := newFixture(t)
	limit := "2"
	write := func(store revision.Store, name string) error {
		e := f.merging(name, "B=1")
		e.Labels, e.Notes = map[string]string{"team": "shop"}, map[string]*string{v1alpha1.AnnotationHistoryLimit: &limit}
		_, err := store.Write(t.Context(), e)
		return err
	}
	for prefix, contents := range map[string][]string{"new": nil, "held": {"A=1", "A=2", "A=3"}} {
		f.interrupt(t, prefix, func(name string) {
			for _, content := range contents {
				f.set(name, content)
			}
		}, write, func(name string) {
			if err := write(f.store, name); err != nil {
				t.Error(err)
			}
			now := f.stand(name)
			if want := min(len(contents)+1, 2); len(now.Entries) != want || now.Revision() != int64(len(contents)+1) {
				t.Errorf("it is at %d, and has the revisions %+v", now.Revision(), now.Entries)
			}
			if contents == nil && now.Labels()["team"] != "shop" {
				t.Errorf("it has the labels %v", now.Labels())
			}
		})
	}
}

// TestFinishPrunes checks that who completes the write of another also deletes what is too
// old then.
func TestFinishPrunes(t *testing.T) {
	f := newFixture(t)
	for i := range revision.Kept {
		f.set("app", fmt.Sprintf("A=%d", i))
	}
	store, died := f.cut(2, false)
	if _, err := store.Write(t.Context(), f.merging("app", "B=1")); err == nil || !died() {
		t.Fatalf("was not killed: %v", err)
	}
	finished, err := f.store.Finish(t.Context(), f.namespace, "app", "alice")
	if err != nil || finished == nil {
		t.Fatalf("finished %v: %v", finished, err)
	}
	f.settled("app", finished.Number)
}

// settled fails unless the Secret is at a revision, the newest, and nothing is unfinished.
func (f fixture) settled(name string, number int64) {
	f.Helper()
	now := f.stand(name)
	_, unfinished := now.Unfinished()
	newest := now.Entries[len(now.Entries)-1]
	if now.Live == nil || now.Revision() != number || now.Live.Revision != number || newest.Number != number || unfinished || len(now.Entries) > revision.Kept {
		f.Errorf("%s is at %d, its annotation says %d, the newest of %d is %d, unfinished %t", name, now.Revision(), now.Live.Revision, len(now.Entries), newest.Number, unfinished)
	}
}

// keeps reports whether a revision holds content.
func (f fixture) keeps(name string, content secret.Data) bool {
	f.Helper()
	return slices.ContainsFunc(f.stand(name).Entries, func(e revision.Entry) bool { return !e.Deletes && f.content(name, e.Number).Equal(content) })
}

func (f fixture) remove(name string) {
	f.Helper()
	if _, err := f.store.Remove(context.Background(), revision.Removal{Namespace: f.namespace, Name: name, Author: "alice"}); err != nil {
		f.Fatal(err)
	}
}

// TestInterruptedRemoval kills who deletes a Secret, and lets the same command run again,
// or another one write to the Secret.
func TestInterruptedRemoval(t *testing.T) {
	f := newFixture(t)
	prepare := func(name string) {
		f.set(name, "A=1")
		f.patch(name, `{"data":{"X":"MQ=="}}`)
	}
	for _, purge := range []bool{false, true} {
		removal := func(name string) revision.Removal {
			return revision.Removal{Namespace: f.namespace, Name: name, Author: "alice", Purge: purge}
		}
		do := func(store revision.Store, name string) error {
			_, err := store.Remove(t.Context(), removal(name))
			return err
		}
		f.interrupt(t, fmt.Sprintf("again-%t", purge), prepare, do, func(name string) {
			again := removal(name)
			again.Seen = f.stand(name) // as who is asked again
			_, err := f.store.Remove(t.Context(), again)
			var gone *revision.NotFoundError // the one before had come to its end
			if err != nil && !errors.As(err, &gone) {
				t.Error(err)
			}
			now := f.stand(name)
			if now.Live != nil || purge && len(now.Entries) > 0 || !purge && (len(now.Entries) != 3 || !f.keeps(name, data("A=1", "X=1"))) {
				t.Errorf("left %+v", now)
			}
		})
		f.interrupt(t, fmt.Sprintf("set-%t", purge), prepare, do, func(name string) {
			w := f.set(name, "B=1")
			held := f.stand(name).Live.Data
			if !held.Equal(data("B=1")) && !held.Equal(data("A=1", "B=1", "X=1")) {
				t.Errorf("it holds %q", held)
			}
			f.settled(name, w.Revision.Number)
		})
	}
}

// TestRefusedByTheServer writes what the API server does not let become live, with a
// writer that comes to know that, and with one that was killed before: nothing stays
// in the way of the next.
func TestRefusedByTheServer(t *testing.T) {
	f := newFixture(t)
	e := f.merging("app", "tls.crt=1")
	e.Type = corev1.SecretTypeTLS // which has to have a key, too
	if _, err := f.store.Write(t.Context(), e); !apierrors.IsInvalid(err) {
		t.Errorf("wrote it: %v", err)
	}
	if names := f.names(); len(names) != 0 {
		t.Errorf("left %v", names)
	}
	store, died := f.cut(2, false)
	if _, err := store.Write(t.Context(), e); err == nil || !died() {
		t.Fatalf("was not killed: %v", err)
	}
	if w := f.set("app", "A=1"); w.Revision.Number != 2 { // the first never was live
		t.Errorf("the next write is %+v", w)
	}
	f.holds("app", 2, "A=1")
}

// TestOthersAreLeftAside lets alice be killed between her revision and the Secret, and bob
// write next: what she may not have been allowed to write he does not make live, and it is
// in the history. Her own command goes on where it was.
func TestOthersAreLeftAside(t *testing.T) {
	f := newFixture(t)
	by := func(author, name string, pairs ...string) revision.Edit {
		e := f.merging(name, pairs...)
		e.Author = author
		return e
	}
	for _, next := range []string{"bob", "alice"} {
		f.set(next, "A=1")
		store, died := f.cut(2, false)
		if _, err := store.Write(t.Context(), by("alice", next, "B=2")); err == nil || !died() {
			t.Fatalf("was not killed: %v", err)
		}
		if pending, unfinished := f.stand(next).Unfinished(); !unfinished || pending.Number != 2 {
			t.Fatalf("%+v is unfinished: %t", pending, unfinished)
		}
		w, err := f.store.Write(t.Context(), by(next, next, "C=3"))
		if err != nil || w.Revision.Number != 3 {
			t.Fatalf("wrote %+v: %v", w, err)
		}
		now := f.stand(next)
		if next == "alice" {
			f.holds(next, 3, "A=1", "B=2", "C=3")
			continue
		}
		f.holds(next, 3, "A=1", "C=3")
		if !f.content(next, 2).Equal(data("A=1", "B=2")) || !now.Abandoned(now.Entries[1]) || now.Abandoned(now.Entries[0]) || now.Abandoned(now.Entries[2]) {
			t.Errorf("of what she wrote is left %+v", now.Entries)
		}
		if before, err := now.Previous(); err != nil || before.Number != 1 {
			t.Errorf("a rollback goes to %+v, which never was live: %v", before, err)
		}
	}
}

// TestRefusedWritersFinishNothing lets a write be refused that would have had something to
// finish: it stays as it was.
func TestRefusedWritersFinishNothing(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1")
	store, _ := f.cut(2, false)
	if _, err := store.Remove(t.Context(), revision.Removal{Namespace: f.namespace, Name: "app", Author: "alice"}); err == nil {
		t.Fatal("was not killed")
	}
	store, _ = f.cut(3, false) // after its dry run
	if _, err := store.Remove(t.Context(), revision.Removal{Namespace: f.namespace, Name: "app", Author: "alice"}); err == nil {
		t.Fatal("was not killed")
	}
	number := int64(7)
	e := f.merging("app", "B=2")
	e.IfRevision = &number
	var moved *revision.MovedError
	if _, err := f.store.Write(t.Context(), e); !errors.As(err, &moved) {
		t.Errorf("wrote it: %v", err)
	}
	if now := f.stand("app"); now.Live == nil || now.Revision() != 1 {
		t.Fatalf("a refused write has deleted the Secret")
	}
	if w := f.set("app", "B=2"); w.Created { // nor does one that is not
		t.Errorf("a write has deleted the Secret: %+v", w)
	}
	if held := f.stand("app").Live.Data; !held.Equal(data("A=1", "B=2")) {
		t.Errorf("it holds %q", held)
	}
}

// TestDeletedOnce lets somebody create the Secret anew while who deletes it waits for the
// answer: that one is not deleted, nor is its history purged.
func TestDeletedOnce(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1")
	store := f.before(3, func() { // its own deletion, which comes too late
		if err := f.core.Secrets(f.namespace).Delete(t.Context(), "app", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		f.set("app", "B=1")
	})
	if _, err := store.Remove(t.Context(), revision.Removal{Namespace: f.namespace, Name: "app", Author: "alice", Purge: true}); err != nil {
		t.Fatal(err)
	}
	f.holds("app", 3, "B=1")
	if entries := f.stand("app").Entries; len(entries) != 1 {
		t.Errorf("there are %+v", entries)
	}
}

// TestRemovalThatCannotBeTakenBack lets somebody change the Secret while it is being deleted,
// and the API server fail when the revision that announces the deletion is deleted: that is
// told, and the Secret stays.
func TestRemovalThatCannotBeTakenBack(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1")
	store := f.through(func(writes int64, request *http.Request, next http.RoundTripper) (*http.Response, error) {
		switch {
		case request.Method == http.MethodGet:
		case writes == 3: // the deletion of the Secret, after its dry run and the revision
			f.patch("app", `{"data":{"A":"OQ=="}}`)
		case writes == 4:
			return nil, errCut
		}
		return next.RoundTrip(request)
	})
	if _, err := store.Remove(t.Context(), revision.Removal{Namespace: f.namespace, Name: "app", Author: "alice"}); !errors.Is(err, errCut) {
		t.Errorf("got %v", err)
	}
	if f.stand("app").Live == nil {
		t.Error("the Secret is gone")
	}
}

// TestBrokenRevisions leaves those out that somebody has changed, and goes on behind them.
func TestBrokenRevisions(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1")
	f.set("app", "A=2")
	f.patch("app.v2", `{"metadata":{"annotations":{"dbtether.io/revision":null}}}`)
	f.foreign(corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "app.v9223372036854775807", Labels: map[string]string{v1alpha1.LabelRevisionOf: "app"},
		Annotations: map[string]string{v1alpha1.AnnotationRevision: "9223372036854775807"}}, Type: v1alpha1.SecretTypeRevision})
	if w := f.set("app", "B=1"); w.Kept != 3 || w.Revision.Number != 4 {
		t.Errorf("wrote %+v", w)
	}
	f.holds("app", 4, "A=2", "B=1")
	if _, err := f.store.Remove(t.Context(), revision.Removal{Namespace: f.namespace, Name: "app", Author: "alice", Purge: true}); err != nil {
		t.Fatal(err)
	}
	if names := f.names(); len(names) != 0 { // their values, too
		t.Errorf("left %v", names)
	}
}

// TestRemoveAtAnotherRevision lets a deletion be killed, and a second one expect what the
// Secret is not at: what the first has begun is no reason to go on.
func TestRemoveAtAnotherRevision(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1")
	removal := revision.Removal{Namespace: f.namespace, Name: "app", Author: "alice"}
	store, died := f.cut(3, false)
	if _, err := store.Remove(t.Context(), removal); err == nil || !died() {
		t.Fatalf("was not killed: %v", err)
	}
	number := int64(7)
	removal.IfRevision = &number
	var moved *revision.MovedError
	if _, err := f.store.Remove(t.Context(), removal); !errors.As(err, &moved) || f.stand("app").Live == nil {
		t.Errorf("deleted it: %v", err)
	}
	number = 1
	if _, err := f.store.Remove(t.Context(), removal); err != nil || f.stand("app").Live != nil {
		t.Errorf("did not delete it: %v", err)
	}
}
