package revision_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

func TestPruneKeepsTen(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	for i := range int64(13) {
		f.stage(target, i, data(fmt.Sprintf("n=%d", i+1)))
	}
	f.stage(f.target("s2", "uid-1"), 0, data("n=1"))
	if err := f.store.Prune(context.Background(), target, f.read(target)); err != nil {
		t.Fatal(err)
	}
	history := f.read(target)
	if len(history.Revisions) != revision.Kept || history.Revisions[0].Number != 4 || history.LastNumber() != 13 {
		t.Errorf("%d are left, %d to %d", len(history.Revisions), history.Revisions[0].Number, history.LastNumber())
	}
	f.writes.take()
	for range 2 { // of a history that is out of date, and of one that is not
		if err := f.store.Prune(context.Background(), target, history); err != nil {
			t.Fatal(err)
		}
	}
	if sent := f.writes.take(); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
	if !slices.Contains(f.names(), "s2.v1") {
		t.Error("another Secret's revision is gone")
	}
}

func TestPruneTwice(t *testing.T) {
	f := newFixture(t)
	target := f.target("s", "uid-1")
	for i := range int64(12) {
		f.stage(target, i, data(fmt.Sprintf("n=%d", i+1)))
	}
	history := f.read(target)
	for range 2 { // another run may have deleted them first
		if err := f.store.Prune(context.Background(), target, history); err != nil {
			t.Fatal(err)
		}
	}
	if left := len(f.read(target).Revisions); left != revision.Kept {
		t.Errorf("%d are left", left)
	}
}

// TestDeleteRemovesOursOnly checks what goes, in which order, and what stays.
func TestDeleteRemovesOursOnly(t *testing.T) {
	f := newFixture(t)
	old, ours := f.target("s", "uid-old"), f.target("s", "uid-1")
	f.stage(old, 0, data("p=old"))
	f.write(ours, data("p=1"))
	f.write(ours, data("p=2"))
	f.write(f.target("s-other", "uid-1"), data("p=1"))
	f.write(f.target("s.vault", "uid-1"), data("p=1"))
	plain := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s.v9"}}
	if _, err := f.core.Secrets(f.namespace).Create(context.Background(), plain, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	f.writes.take()
	if err := f.store.Delete(context.Background(), ours); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, w := range f.writes.take() {
		paths = append(paths, w.method+" "+w.path[strings.LastIndex(w.path, "/")+1:])
	}
	if want := []string{"DELETE s", "DELETE s.v2", "DELETE s.v3"}; !slices.Equal(paths, want) {
		t.Errorf("sent %v, want %v", paths, want)
	}
	if left, want := f.names(), []string{"s-other", "s-other.v1", "s.v1", "s.v9", "s.vault", "s.vault.v1"}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
	if err := f.store.Delete(context.Background(), ours); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

// TestDeleteLeavesForeign checks that a live Secret that is not ours stays, and
// that a target without UID owns nothing.
func TestDeleteLeavesForeign(t *testing.T) {
	f := newFixture(t)
	f.write(f.target("s", "uid-1"), data("p=1"))
	nobody := f.target("s", "")
	nobody.OwnerReference = nil
	f.stage(nobody, 1, data("p=2"))
	for _, target := range []revision.Target{f.target("s", "uid-2"), nobody} {
		if err := f.store.Delete(context.Background(), target); err != nil {
			t.Fatal(err)
		}
		if left := f.names(); len(left) != 3 {
			t.Errorf("after %q left are %v", target.OwnerUID, left)
		}
	}
}

// TestLongNames checks that names of up to 243 characters work, whose label is cut,
// and that two of them with the same beginning do not mix.
func TestLongNames(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{
		strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("b", 242) + "c", strings.Repeat("b", 243),
		strings.Repeat("d", 45) + "." + strings.Repeat("x", 100), // a label must not end in . or -
		strings.Repeat("e", 44) + "--" + strings.Repeat("x", 100),
	} {
		target := f.target(name, "uid-1")
		f.write(target, data("of="+name))
		f.write(target, data("of="+name, "n=2"))
		history := f.read(target)
		if history.LastNumber() != 2 || len(history.Revisions) != 2 || string(history.Live.Data["of"]) != name || history.Live.Revision != 2 {
			t.Errorf("%s: got %+v", name, history)
		}
	}
	f.write(f.target(strings.Repeat("b", 46)+strings.Repeat("y", 50), "y"), data("of=y"))
	f.write(f.target(strings.Repeat("b", 46)+strings.Repeat("z", 50), "z"), data("of=z"))
	for _, rest := range []string{"y", "z"} {
		target := f.target(strings.Repeat("b", 46)+strings.Repeat(rest, 50), rest)
		history := f.read(target)
		if len(history.Revisions) != 1 || string(history.Revisions[0].Data["of"]) != rest || string(history.Live.Data["of"]) != rest {
			t.Errorf("%s: got %+v", rest, history)
		}
	}
}
