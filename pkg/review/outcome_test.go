package review

import (
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

func TestMessage(t *testing.T) {
	finding := func(text string) policy.Finding { return policy.Finding{Code: "C", Message: text, Fix: "do it"} }
	for _, c := range []struct {
		name     string
		findings []policy.Finding
		want     string
	}{
		{"one", []policy.Finding{finding("no")}, "C: no. Do it."},
		{"two", []policy.Finding{finding("no."), finding("never")}, "C: no. Do it; C: never. Do it."},
		{"the same of two fields", []policy.Finding{finding("no"), {Code: "C", Message: "no", Fix: "do it", Path: "spec.x"}}, "C: no. Do it."},
		{"lines", []policy.Finding{finding("no\n  and\tno")}, "C: no and no. Do it."},
		{"a terminal's orders", []policy.Finding{finding("\x1b[2Jé\u202e\x00")}, "C: \ufffd[2Jé\ufffd\ufffd. Do it."},
		{"no UTF-8", []policy.Finding{finding("a\xffb")}, "C: a\ufffdb. Do it."},
	} {
		if got := message(c.findings); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
