package policy

import (
	"fmt"
	"reflect"
	"testing"
)

func TestMerge(t *testing.T) {
	a, b := Finding{Policy: "p", Code: "A", Path: "x"}, Finding{Policy: "p", Code: "B"}
	allowed := Decision{Allow: true, Evaluated: 2, Revision: "r", Warn: []Finding{b, a}}
	denied := Decision{Deny: []Finding{b, a}, Evaluated: 2, Revision: "r"}
	broken := undecided(fmt.Errorf("broken\n by a test"))
	for _, c := range []struct {
		name      string
		decisions []Decision
		want      Decision
	}{
		{"one", []Decision{allowed}, Decision{Allow: true, Evaluated: 2, Revision: "r", Warn: []Finding{a, b}}},
		{"each finding once", []Decision{denied, denied}, Decision{Deny: []Finding{a, b}, Evaluated: 2, Revision: "r"}},
		{"all have to allow", []Decision{allowed, denied, allowed}, Decision{Deny: []Finding{a, b}, Warn: []Finding{a, b}, Evaluated: 2, Revision: "r"}},
		{"one that could not be made", []Decision{allowed, denied, broken, allowed}, broken},
		{"the first of those", []Decision{broken, undecided(fmt.Errorf("other"))}, broken},
	} {
		if got := Merge(c.decisions...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
	wantError(t, Merge(), "", "there is nothing to decide on")
	if got := denied.Deny; !reflect.DeepEqual(got, []Finding{b, a}) {
		t.Errorf("a decision that was merged became %+v", got)
	}
}

func TestMergeIsBounded(t *testing.T) {
	var decisions []Decision
	for i := range 100 {
		decisions = append(decisions, Decision{Deny: []Finding{{Code: fmt.Sprintf("C-%02d", i)}}})
	}
	if got := Merge(decisions...); got.Allow || len(got.Deny) != maxFindings || got.Deny[0].Code != "C-00" {
		t.Errorf("got %+v", got)
	}
}
