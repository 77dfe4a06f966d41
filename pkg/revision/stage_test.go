package revision_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// TestFirstWrite checks that the revision stands before the live Secret, and what
// the two look like.
func TestFirstWrite(t *testing.T) {
	f := newFixture(t)
	target, content := f.target("s", "uid-1"), data("password=p1", "username=u")
	if history := f.read(target); history.Live != nil || history.LastNumber() != 0 {
		t.Fatalf("got %+v before anything was written", history)
	}
	r, err := f.store.Stage(context.Background(), target, 0, content, "alice", "created")
	if err != nil {
		t.Fatal(err)
	}
	if r.Number != 1 || r.Author != "alice" || r.Reason != "created" || r.OwnerUID != "uid-1" || !r.Data.Equal(content) || r.Time.IsZero() {
		t.Errorf("staged %+v", r)
	}
	if history := f.read(target); history.Live != nil || history.LastNumber() != 1 {
		t.Fatal("the live Secret must come after the revision")
	}
	if promoted, err := f.store.Promote(context.Background(), target, nil, r); err != nil || !promoted.Wrote {
		t.Fatalf("promote: %v, %v", promoted.Wrote, err)
	}
	history := f.read(target)
	if live := history.Live; live == nil || !live.Managed || live.Revision != 1 || live.OwnerUID != "uid-1" || !live.Data.Equal(content) {
		t.Errorf("live is %+v", history.Live)
	}
	if err := history.Check(target); err != nil {
		t.Error(err)
	}
	checkFirstObjects(f)
}

func checkFirstObjects(f fixture) {
	f.Helper()
	stored := f.get("s.v1")
	if stored.Immutable == nil || !*stored.Immutable || stored.Type != v1alpha1.SecretTypeRevision || stored.Labels[v1alpha1.LabelRevisionOf] != "s" ||
		stored.Annotations[v1alpha1.AnnotationKeys] != "password,username" || len(stored.OwnerReferences) != 1 {
		f.Errorf("revision is %+v", stored.ObjectMeta)
	}
	live := f.get("s")
	if live.Type != v1alpha1.SecretTypeCredential || live.Immutable != nil || live.Labels[v1alpha1.LabelManaged] != "true" ||
		live.Annotations[v1alpha1.AnnotationKeys] != "password,username" || len(live.OwnerReferences) != 1 {
		f.Errorf("live is %+v", live.ObjectMeta)
	}
	for _, s := range []*corev1.Secret{stored, live} {
		if s.ManagedFields[0].Manager != v1alpha1.FieldManager {
			f.Errorf("%s was written by %q", s.Name, s.ManagedFields[0].Manager)
		}
	}
}

// TestRetainedSecretHasNoOwner checks that nothing is garbage collected under Retain.
func TestRetainedSecretHasNoOwner(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	target.OwnerReference = nil
	f.write(target, data("a=1"))
	for _, name := range []string{"s", "s.v1"} {
		if owners := f.get(name).OwnerReferences; len(owners) != 0 {
			t.Errorf("%s has owners %v", name, owners)
		}
	}
}

// TestStageTwice checks that an interrupted run's revision is taken up.
func TestStageTwice(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	first := f.stage(target, 0, data("a=1"))
	second, err := f.store.Stage(context.Background(), target, 0, data("a=1"), "bob", "again")
	if err != nil {
		t.Fatal(err)
	}
	if second.Number != 1 || second.Author != "alice" || !second.Time.Equal(first.Time) {
		t.Errorf("got %+v, want alice's", second)
	}
	if names := f.names(); len(names) != 1 {
		t.Errorf("there are %v", names)
	}
}

func TestStageConflict(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	if _, err := f.store.Stage(context.Background(), target, 0, data("a=1"), "bob", "first"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		target revision.Target
		data   secret.Data
	}{
		{"other value", target, data("a=2")},
		{"one more key", target, data("a=1", "b=2")},
		{"no key", target, data()},
		{"same content of another owner", f.target("s", "uid-2"), data("a=1")},
	} {
		_, err := f.store.Stage(context.Background(), c.target, 0, c.data, "alice", "second")
		var conflict *revision.ConflictError
		if !errors.As(err, &conflict) || conflict.Author != "bob" || conflict.Number != 1 || conflict.Time.IsZero() {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	if !f.read(target).Revisions[0].Data.Equal(data("a=1")) {
		t.Error("the loser changed the revision")
	}
}

// TestStageConcurrently lets twenty writers compete. Every number has one winner,
// and whoever starts from the winner's revision gets in eventually.
func TestStageConcurrently(t *testing.T) {
	const writers = 20
	f := newFixture(t)
	target := f.target("s", "uid-1")
	var mu sync.Mutex
	winners, conflicts := map[int64]string{}, 0
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			author := fmt.Sprintf("writer-%d", i)
			for number := int64(0); ; number++ {
				r, err := f.store.Stage(context.Background(), target, number, data("by="+author), author, "")
				var conflict *revision.ConflictError
				mu.Lock()
				switch {
				case err == nil && winners[r.Number] != "":
					t.Errorf("%s and %s both won number %d", winners[r.Number], author, r.Number)
				case err == nil:
					winners[r.Number] = author
				case errors.As(err, &conflict) && conflict.Number == number+1 && conflict.Author != author:
					conflicts++
				default:
					t.Errorf("%s: %v", author, err)
				}
				mu.Unlock()
				if conflict == nil {
					return
				}
			}
		})
	}
	all.Wait()
	history := f.read(target)
	if len(winners) != writers || len(history.Revisions) != writers {
		t.Fatalf("%d winners, %d revisions, want %d", len(winners), len(history.Revisions), writers)
	}
	// Who won number n lost the n-1 numbers before.
	if want := writers * (writers - 1) / 2; conflicts != want {
		t.Errorf("%d conflicts, want %d", conflicts, want)
	}
	for i, r := range history.Revisions {
		if r.Number != int64(i+1) || r.Author != winners[r.Number] || string(r.Data["by"]) != r.Author {
			t.Errorf("revision %d: %+v, winner was %s", i+1, r, winners[r.Number])
		}
	}
}

// TestRevisionsAreImmutable checks that the API server keeps a revision's content.
func TestRevisionsAreImmutable(t *testing.T) {
	f := newFixture(t)
	f.stage(f.target("s", "uid-1"), 0, data("a=1"))
	for _, body := range []string{`{"data":{"a":"Mg=="}}`, `{"data":{"b":"Mg=="}}`, `{"data":null}`, `{"immutable":false}`, `{"immutable":null}`, `{"type":"Opaque"}`} {
		_, err := f.core.Secrets(f.namespace).Patch(context.Background(), "s.v1", types.MergePatchType, []byte(body), metav1.PatchOptions{})
		if !apierrors.IsInvalid(err) {
			t.Errorf("%s: got %v", body, err)
		}
	}
	if !f.read(f.target("s", "uid-1")).Revisions[0].Data.Equal(data("a=1")) {
		t.Error("the content changed")
	}
}

// TestPredecessor checks that what a deleted resource of the same name left behind
// is neither used nor overwritten.
func TestPredecessor(t *testing.T) {
	f := newFixture(t)
	old, ours := f.target("s", "uid-old"), f.target("s", "uid-new")
	f.write(old, data("password=old1"))
	f.write(old, data("password=old2"))
	history := f.read(ours)
	if _, ok := history.Newest("uid-new"); ok {
		t.Error("a predecessor's revision is taken for ours")
	}
	var foreign *revision.ForeignError
	if err := history.Check(ours); !errors.As(err, &foreign) || foreign.Name != "s" || foreign.Namespace != f.namespace {
		t.Errorf("the predecessor's live Secret: got %v", err)
	}
	r := f.stage(ours, history.LastNumber(), data("password=new"))
	if r.Number != 3 {
		t.Errorf("our first number is %d, want 3", r.Number)
	}
	if newest, ok := f.read(ours).Newest("uid-new"); !ok || newest.Number != 3 || string(newest.Data["password"]) != "new" {
		t.Errorf("our newest is %+v", newest)
	}
	if newest, ok := f.read(old).Newest("uid-old"); !ok || newest.Number != 2 {
		t.Errorf("their newest is %+v", newest)
	}
}

// TestReadRefusesForgery checks that an object whose name and number disagree is
// not used.
func TestReadRefusesForgery(t *testing.T) {
	for _, c := range []struct{ name, number string }{{"s.v2", "1"}, {"s.v2", ""}, {"s.v2", "x"}, {"s.v0", "0"}, {"s.v-1", "-1"}, {"s.vault", "2"}, {"s.v12", "2"}} {
		t.Run(c.name+" says "+c.number, func(t *testing.T) {
			f := newFixture(t)
			forged := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: c.name, Labels: map[string]string{v1alpha1.LabelRevisionOf: "s"},
				Annotations: map[string]string{v1alpha1.AnnotationRevision: c.number, v1alpha1.AnnotationOwner: "uid-1"}}}
			if _, err := f.core.Secrets(f.namespace).Create(context.Background(), forged, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			if history, err := f.store.Read(context.Background(), f.namespace, "s"); err == nil {
				t.Errorf("got %+v", history)
			}
		})
	}
}

// TestStageMeetsAnotherObject checks the error when the name of a revision is taken
// by a Secret that is none.
func TestStageMeetsAnotherObject(t *testing.T) {
	f := newFixture(t)
	if _, err := f.core.Secrets(f.namespace).Create(context.Background(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s.v1"}, Data: data("a=1")}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := f.store.Stage(context.Background(), f.target("s", "uid-1"), 0, data("a=1"), "alice", "")
	if want := "read revision " + f.namespace + "/s.v1: annotation dbtether.io/revision is not the number in its name"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !slices.Equal(f.names(), []string{"s.v1"}) {
		t.Errorf("there are %v", f.names())
	}
}
