package secret_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		before, after secret.Data
		want          string
	}{
		{nil, nil, ""},
		{secret.Data{"a": nil}, secret.Data{"a": {}}, ""},
		{nil, secret.Data{"b": nil, "a": nil}, "+a +b"},
		{secret.Data{"a": []byte("1"), "b": []byte("1"), "c": nil}, secret.Data{"b": []byte("2"), "c": nil, "d": []byte("1")}, "+d ~b -a"},
	} {
		changes := secret.Diff(c.before, c.after)
		if got := changes.String(); got != c.want || changes.Empty() != (c.want == "") {
			t.Errorf("from %q to %q: %q, empty %t", c.before, c.after, got, changes.Empty())
		}
	}
}

// TestLongDiff checks that a list of many keys is cut between two of them, and says how many
// it leaves out.
func TestLongDiff(t *testing.T) {
	after := secret.Data{}
	for i := range 1000 {
		after[fmt.Sprintf("KEY_%04d", i)] = nil
	}
	text := secret.Diff(nil, after).String()
	list, left, cut := strings.Cut(text, " and ")
	named := len(strings.Fields(list))
	if !cut || left != fmt.Sprintf("%d more", 1000-named) || len(list) > 2048 || named < 150 || !regexp.MustCompile(`^(\+KEY_\d{4} ?)+$`).MatchString(list) {
		t.Errorf("%d keys in %d bytes: %s", named, len(text), text)
	}
}
