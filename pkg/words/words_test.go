package words_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"", 4, ""}, {"four", 4, "four"}, {"fives", 4, "f…"}, {"éééé", 8, "éééé"}, {"éééé", 7, "éé…"}, {"éééé", 6, "é…"}, {"日本語", 8, "日…"}, {"日本語", 3, "…"},
	} {
		got := words.Shorten(c.in, c.most)
		if got != c.want || len(got) > c.most || !utf8.ValidString(got) {
			t.Errorf("%q in %d bytes: got %q, want %q", c.in, c.most, got, c.want)
		}
	}
	if got := words.Shorten(strings.Repeat("é", 5000), 1023); len(got) > 1023 || !utf8.ValidString(got) {
		t.Errorf("got %d bytes", len(got))
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"inject", "inject", 0}, {"injct", "inject", 1}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2},
	} {
		if got := words.Distance(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
