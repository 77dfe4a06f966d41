package revision_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// head returns what the metadata of a Secret say.
func (f fixture) head(name string) revision.Summary {
	f.Helper()
	m, err := f.store.Head(f.Context(), f.namespace, name)
	if err != nil {
		f.Fatal(err)
	}
	if m == nil {
		m = &revision.Summary{}
		m.Namespace, m.Name = f.namespace, name
	}
	return *m
}

// rotate gives keys new values now.
func (f fixture) rotate(store revision.Store, name string, r revision.Regeneration) (revision.Written, error) {
	f.Helper()
	r.Random = rand.Reader
	edit, err := r.Edit(f.head(name))
	if err != nil {
		return revision.Written{}, err
	}
	edit.Author = "alice"
	return store.Write(f.Context(), edit)
}

var keyA = map[string]secret.Rule{"A": {}}

func TestRotate(t *testing.T) {
	f := newFixture(t)
	f.set("app", "A=1", "B=2")
	w, err := f.rotate(f.store, "app", revision.Regeneration{Now: noon, Keys: map[string]secret.Rule{"A": {}, "C": {Generator: secret.UUID}}, Reason: "leaked"})
	if err != nil || w.Changes.String() != "+C ~A" || w.Revision.Number != 2 || w.Revision.Reason != "rotated: A, C: leaked" {
		t.Fatalf("wrote %+v, %v", w, err)
	}
	now := f.stand("app")
	if len(now.Live.Data["A"]) != 32 || len(now.Live.Data["C"]) != 36 || string(now.Live.Data["B"]) != "2" {
		t.Errorf("it holds %d, %d and %q", len(now.Live.Data["A"]), len(now.Live.Data["C"]), now.Live.Data["B"])
	}
	if at := now.Annotations()[v1alpha1.AnnotationRotatedAt]; at != "2026-03-01T12:00:00Z" || now.Annotations()[v1alpha1.AnnotationRotation] != "" {
		t.Errorf("rotated at %s, rules %s", at, now.Annotations()[v1alpha1.AnnotationRotation])
	}

	// A Secret that there is not is made, its rules with it.
	rules := secret.Rotation{}.With(30, keyA)
	w, err = f.rotate(f.store, "new", revision.Regeneration{Now: noon, Keys: keyA, Rotation: &rules})
	if err != nil || !w.Created || w.Annotations[v1alpha1.AnnotationRotation] != rules.String() || w.Annotations[v1alpha1.AnnotationRotatedAt] != "2026-03-01T12:00:00Z" {
		t.Errorf("made %+v, %v", w, err)
	}

	// Who rotates one key of two does not put the other off.
	rules = rules.With(30, map[string]secret.Rule{"B": {}})
	later := revision.Regeneration{Now: noon.Add(time.Hour), Keys: keyA, Rotation: &rules}
	if w, err = f.rotate(f.store, "new", later); err != nil || w.Annotations[v1alpha1.AnnotationRotatedAt] != "2026-03-01T12:00:00Z" {
		t.Errorf("one of two: %v, %v", w.Annotations, err)
	}
	later.Rotation = nil
	later.Keys = rules.Keys
	if w, err = f.rotate(f.store, "new", later); err != nil || w.Annotations[v1alpha1.AnnotationRotatedAt] != "2026-03-01T13:00:00Z" || w.Annotations[v1alpha1.AnnotationRotation] != rules.String() {
		t.Errorf("both: %v, %v", w.Annotations, err)
	}
}

// TestRotateIfDue checks that what is not due is left alone, whatever the metadata said
// before.
func TestRotateIfDue(t *testing.T) {
	f := newFixture(t)
	rules := secret.Rotation{}.With(30, keyA)
	f.set("app", "A=1")
	f.patch("app", fmt.Sprintf(`{"metadata":{"annotations":{"dbtether.io/rotation":%q}}}`, rules))
	due := revision.Regeneration{Now: time.Now(), Keys: keyA, IfDue: true}

	// Nobody has rotated it so far: its rules count from when its content was written.
	w, err := f.rotate(f.store, "app", due)
	written := f.stand("app").Entries[0].Time.UTC().Format(time.RFC3339)
	if err != nil || w.Revision.Number != 1 || w.Annotations[v1alpha1.AnnotationRotatedAt] != written {
		t.Errorf("not due: %+v, %v, want %s", w, err, written)
	}
	due.Now = due.Now.Add(30*24*time.Hour + time.Minute)
	if w, err = f.rotate(f.store, "app", due); err != nil || w.Revision.Number != 2 || w.Annotations[v1alpha1.AnnotationRotatedAt] != due.Now.UTC().Format(time.RFC3339) {
		t.Errorf("due: %+v, %v", w, err)
	}
	if w, err = f.rotate(f.store, "app", due); err != nil || w.Wrote {
		t.Errorf("again: %+v, %v", w, err)
	}

	// Rules that are taken away meanwhile, a Secret that goes, and one that somebody makes again.
	due.Now = due.Now.Add(31 * 24 * time.Hour)
	due.Random = rand.Reader
	edit, err := due.Edit(f.head("app"))
	if err != nil {
		t.Fatal(err)
	}
	f.patch("app", `{"metadata":{"annotations":{"dbtether.io/rotation":null}}}`)
	if _, err := f.store.Write(t.Context(), edit); !errors.Is(err, revision.ErrGone) {
		t.Errorf("rules that are gone: %v", err)
	}
	f.remove("app")
	if _, err := f.store.Write(t.Context(), edit); !errors.Is(err, revision.ErrGone) {
		t.Errorf("a Secret that is gone: %v", err)
	}
	due.IfDue = false
	f.set("other", "A=1")
	if edit, err = due.Edit(f.head("other")); err != nil {
		t.Fatal(err)
	}
	f.patch("other", fmt.Sprintf(`{"metadata":{"annotations":{"dbtether.io/rotation":%q}}}`, rules))
	var refused *revision.RefusedError
	if _, err := f.store.Write(t.Context(), edit); !errors.As(err, &refused) || !strings.Contains(err.Error(), "was given other rotation rules meanwhile") {
		t.Errorf("rules that others gave it: %v", err)
	}
}

// TestInterruptedRotations kills who rotates at each of its writes, and lets the next run
// rotate what is due: each value that was live is a revision, there is one new value and
// not two, and when that was is known.
func TestInterruptedRotations(t *testing.T) {
	f := newFixture(t)
	rules := secret.Rotation{}.With(1, keyA)
	due := revision.Regeneration{Keys: keyA, IfDue: true, Random: rand.Reader}
	f.interrupt(t, "rotate", func(name string) {
		f.set(name, "A=1", "B=2")
		f.patch(name, fmt.Sprintf(`{"data":{"X":"MQ=="},"metadata":{"annotations":{"dbtether.io/rotation":%q,"dbtether.io/rotated-at":"2026-01-01T00:00:00Z"}}}`, rules))
	}, func(store revision.Store, name string) error {
		one := due
		one.Now = time.Now()
		_, err := f.rotate(store, name, one)
		return err
	}, func(name string) {
		one := due
		one.Now = time.Now()
		w, err := f.rotate(f.store, name, one)
		if err != nil {
			t.Fatal(err)
		}
		now := f.stand(name)
		at, err := time.Parse(time.RFC3339, now.Annotations()[v1alpha1.AnnotationRotatedAt])
		if err != nil || time.Since(at).Abs() > 5*time.Minute {
			t.Errorf("rotated at %v: %v", at, err)
		}
		rotated := 0
		for _, e := range now.Entries {
			if strings.HasPrefix(e.Reason, "rotated: A") {
				rotated++
			}
		}
		if rotated != 1 || len(now.Live.Data["A"]) != 32 || string(now.Live.Data["B"]) != "2" || string(now.Live.Data["X"]) != "1" {
			t.Errorf("%d rotations: %+v", rotated, now.Entries)
		}
		f.settled(name, w.Revision.Number)
		if !f.keeps(name, data("A=1", "B=2")) || !f.keeps(name, data("A=1", "B=2", "X=1")) {
			t.Error("what it held before is lost")
		}
		if w, err := f.rotate(f.store, name, one); err != nil || w.Wrote {
			t.Errorf("a further run: %+v, %v", w, err)
		}
	})
}

// TestInterruptedRotationIsAskedForAgain kills who rotates by hand, and lets the same
// command run again: what is live is a revision, with its rules and when it was rotated.
func TestInterruptedRotationIsAskedForAgain(t *testing.T) {
	f := newFixture(t)
	rules := secret.Rotation{}.With(30, keyA)
	asked := revision.Regeneration{Keys: keyA, Rotation: &rules, Now: noon}
	for _, prefix := range []string{"new", "old"} {
		f.interrupt(t, prefix, func(name string) {
			if prefix == "old" {
				f.set(name, "A=1")
			}
		}, func(store revision.Store, name string) error {
			_, err := f.rotate(store, name, asked)
			return err
		}, func(name string) {
			again := asked
			again.Now = noon.Add(time.Minute)
			w, err := f.rotate(f.store, name, again)
			if err != nil {
				t.Fatal(err)
			}
			f.settled(name, w.Revision.Number)
			now := f.stand(name)
			if now.Held == nil || len(now.Live.Data["A"]) != 32 {
				t.Errorf("what it holds is no revision")
			}
			if notes := now.Annotations(); notes[v1alpha1.AnnotationRotation] != rules.String() || notes[v1alpha1.AnnotationRotatedAt] != "2026-03-01T12:01:00Z" {
				t.Errorf("its annotations are %v", notes)
			}
		})
	}
}

// TestRotationsAtOnce lets several rotate what is due: it is rotated once.
func TestRotationsAtOnce(t *testing.T) {
	f := newFixture(t)
	rules := secret.Rotation{}.With(1, keyA)
	f.set("app", "A=1")
	f.patch("app", fmt.Sprintf(`{"metadata":{"annotations":{"dbtether.io/rotation":%q,"dbtether.io/rotated-at":"2026-01-01T00:00:00Z"}}}`, rules))
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() {
			_, errs[i] = f.rotate(f.store, "app", revision.Regeneration{Keys: keyA, IfDue: true, Now: time.Now()})
		})
	}
	all.Wait()
	if now := f.stand("app"); errors.Join(errs...) != nil || now.Revision() != 2 {
		t.Errorf("it is at revision %d: %v", now.Revision(), errors.Join(errs...))
	}
}

// TestFinishedByAnother lets another writer finish what one has begun, and write more on
// top: the first one's notes are there nevertheless.
func TestFinishedByAnother(t *testing.T) {
	f := newFixture(t)
	rules := secret.Rotation{}.With(1, keyA)
	for _, name := range []string{"new", "old"} {
		if name == "old" {
			f.set(name, "B=1")
		}
		store := f.before(2, func() { f.set(name, "C=1") })
		w, err := f.rotate(store, name, revision.Regeneration{Now: noon, Keys: keyA, Rotation: &rules})
		notes := f.get(name).Annotations
		if err != nil || notes[v1alpha1.AnnotationRotation] != rules.String() || notes[v1alpha1.AnnotationRotatedAt] != "2026-03-01T12:00:00Z" {
			t.Errorf("%s: %v, %v", name, notes, err)
		}
		onTop := map[string]int64{"new": 0, "old": 1}[name] // who creates a Secret begins anew where another was first
		if now := f.stand(name); now.Revision() != w.Revision.Number+onTop || string(now.Live.Data["C"]) != "1" || len(now.Live.Data["A"]) != 32 {
			t.Errorf("%s: wrote %d, and is at %d", name, w.Revision.Number, now.Revision())
		}
	}
}
