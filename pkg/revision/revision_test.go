package revision_test

import (
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

func numbered(number int64, owner types.UID) revision.Revision {
	return revision.Revision{Entry: revision.Entry{Number: number, OwnerUID: owner}}
}

func TestNewest(t *testing.T) {
	history := revision.History{Revisions: []revision.Revision{
		numbered(1, "old"), numbered(2, "ours"), numbered(3, "ours"), numbered(4, "old"), numbered(5, "")}}
	for _, c := range []struct {
		owner types.UID
		want  int64
	}{{"ours", 3}, {"old", 4}, {"other", 0}, {"", 0}} {
		r, ok := history.Newest(c.owner)
		if r.Number != c.want || ok != (c.want != 0) {
			t.Errorf("Newest(%q) = %d, %v, want %d", c.owner, r.Number, ok, c.want)
		}
	}
	if got := history.LastNumber(); got != 5 {
		t.Errorf("LastNumber() = %d", got)
	}
	if got := (revision.History{}).LastNumber(); got != 0 {
		t.Errorf("LastNumber() of nothing = %d", got)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		live *revision.Live
		uid  types.UID
		// fail, and takeover: whether Check agrees with onConflict Fail, and with Adopt and Merge.
		fail, takeover bool
	}{
		{"nothing there", nil, "ours", true, true},
		{"ours", &revision.Live{Managed: true, OwnerUID: "ours"}, "ours", true, true},
		{"not managed", &revision.Live{OwnerUID: "ours"}, "ours", false, true},
		{"not managed, and we have no UID yet", &revision.Live{}, "", false, false},
		{"another's", &revision.Live{Managed: true, OwnerUID: "theirs"}, "ours", false, false},
		{"nobody's, with a history", &revision.Live{Managed: true}, "ours", false, false},
		{"nobody's, and we have no UID yet", &revision.Live{Managed: true}, "", false, false},
	} {
		for policy, want := range map[v1alpha1.ConflictPolicy]bool{"": c.fail, "Fail": c.fail, "Adopt": c.takeover, "Merge": c.takeover} {
			err := revision.History{Live: c.live}.Check(revision.Target{Namespace: "shop", Name: "s", OwnerUID: c.uid, OnConflict: policy})
			var foreign *revision.ForeignError
			if (err == nil) != want || err != nil && !errors.As(err, &foreign) {
				t.Errorf("%s, %q: got %v", c.name, policy, err)
			}
		}
	}
}

func TestErrorTexts(t *testing.T) {
	at := time.Date(2030, 1, 2, 4, 4, 5, 0, time.FixedZone("CET", 3600))
	for _, c := range []struct {
		err interface {
			error
			Hint() string
		}
		text, hint string
	}{
		{&revision.ForeignError{Namespace: "shop", Name: "s"}, `secret "s" in namespace "shop" exists and is not managed by this resource`,
			"choose another name in spec.secretTemplate.name (--secret), or take the Secret over with spec.secretTemplate.onConflict (--on-conflict): Merge keeps its other keys, Adopt does not"},
		{&revision.ForeignError{Namespace: "shop", Name: "s", Keeper: "another resource"}, `secret "s" in namespace "shop" exists and is not managed by this resource`,
			"choose another name in spec.secretTemplate.name (--secret); if the resource that managed it is gone, take the label dbtether.io/managed off the Secret and set spec.secretTemplate.onConflict (--on-conflict)"},
		{&revision.ForeignError{Namespace: "shop", Name: "s", Keeper: `ExternalSecret "x"`}, `secret "s" in namespace "shop" exists and is not managed by this resource`,
			`choose another name in spec.secretTemplate.name: ExternalSecret "x" controls this Secret and would undo every change`},
		{&revision.FixedError{Namespace: "shop", Name: "s"}, `secret "s" in namespace "shop" is immutable`,
			"choose another name in spec.secretTemplate.name (--secret), or delete the Secret if nothing needs it: it is then made anew"},
		{&revision.FixedError{Namespace: "shop", Name: "s", Type: "kubernetes.io/tls"},
			`secret "s" in namespace "shop" has the type kubernetes.io/tls, which cannot change and is not one for a credential`,
			"choose another name in spec.secretTemplate.name (--secret), or delete the Secret if nothing needs it: it is then made anew"},
		{&revision.ConflictError{Name: "s", Number: 7, Author: "bob", Time: at}, `write revision 7 of secret "s": bob wrote it at 2030-01-02T03:04:05Z`,
			"run the command again: it starts from that revision"},
		{&revision.MovedError{Namespace: "shop", Name: "s", Want: 3, Is: 4, Author: "bob", Time: at},
			`secret "s" in namespace "shop" is at revision 4, not 3: bob wrote that at 2030-01-02T03:04:05Z`,
			"look at what changed (kubectl dbtether secret diff s -n shop --revision 3) and name the revision that you have seen"},
		{&revision.MovedError{Namespace: "shop", Name: "s", Is: 4}, `secret "s" in namespace "shop" is at revision 4, not 0`,
			"look at it (kubectl dbtether secret history s -n shop) and name the revision that you have seen"},
		{&revision.MovedError{Namespace: "shop", Name: "s", Want: 3}, `secret "s" in namespace "shop" has no revision 3: there is no such Secret, or it has no history yet`,
			"leave --if-revision out, or give 0, to begin one"},
		{&revision.MovedError{Namespace: "shop", Name: "s", External: true}, `secret "s" in namespace "shop" exists, and has no history yet`,
			"leave --if-revision out: what it holds is kept as its first revision"},
		{&revision.UnknownError{Namespace: "shop", Name: "s", Number: 7},
			`write revision 7 of secret "s": so many others were written meanwhile that it cannot be said whether it was live`,
			"see what the Secret holds now: kubectl dbtether secret get s -n shop"},
	} {
		if c.err.Error() != c.text || c.err.Hint() != c.hint {
			t.Errorf("got  %s\n     %s\nwant %s\n     %s", c.err.Error(), c.err.Hint(), c.text, c.hint)
		}
	}
}
