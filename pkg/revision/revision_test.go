package revision_test

import (
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

func TestNewest(t *testing.T) {
	history := revision.History{Revisions: []revision.Revision{
		{Number: 1, OwnerUID: "old"}, {Number: 2, OwnerUID: "ours"}, {Number: 3, OwnerUID: "ours"}, {Number: 4, OwnerUID: "old"}, {Number: 5}}}
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
	target := revision.Target{Namespace: "shop", Name: "s", OwnerUID: "ours"}
	for _, c := range []struct {
		name   string
		live   *revision.Live
		target revision.Target
		want   bool
	}{
		{"nothing there", nil, target, true},
		{"ours", &revision.Live{Managed: true, OwnerUID: "ours"}, target, true},
		{"not managed", &revision.Live{OwnerUID: "ours"}, target, false},
		{"another's", &revision.Live{Managed: true, OwnerUID: "theirs"}, target, false},
		{"nobody's", &revision.Live{Managed: true}, target, false},
		{"nobody's, and we have no UID yet", &revision.Live{Managed: true}, revision.Target{Namespace: "shop", Name: "s"}, false},
	} {
		err := revision.History{Live: c.live}.Check(c.target)
		var foreign *revision.ForeignError
		if (err == nil) != c.want || err != nil && !errors.As(err, &foreign) {
			t.Errorf("%s: got %v", c.name, err)
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
			"choose another name in spec.secretTemplate.name, or delete the Secret if nothing needs it"},
		{&revision.ConflictError{Name: "s", Number: 7, Author: "bob", Time: at}, `write revision 7 of secret "s": bob wrote it at 2030-01-02T03:04:05Z`,
			"run the command again: it starts from that revision"},
	} {
		if c.err.Error() != c.text || c.err.Hint() != c.hint {
			t.Errorf("got  %s\n     %s\nwant %s\n     %s", c.err.Error(), c.err.Hint(), c.text, c.hint)
		}
	}
}
