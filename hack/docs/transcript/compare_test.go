package transcript

import "testing"

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		name, want, printed string
		matches             bool
	}{
		{"the same", "a\nb", "a\nb", true},
		{"another word", "a\nb", "a\nc", false},
		{"a line too many", "a", "a\nb", false},
		{"a line too few", "a\nb", "a", false},
		{"nothing", "", "", true},
		{"any lines", "a\n…\nd", "a\nb\nc\nd", true},
		{"any lines, none", "a\n…\nb", "a\nb", true},
		{"any lines, indented", "a\n  …", "a\nb", true},
		{"any lines, and not the end", "…\nb", "a\nc", false},
		{"any lines twice", "…\nb\n…\nd", "a\nb\nc\nb\nd", true},
		{"any text", "name …: ready", "name web-1: ready", true},
		{"any text, other end", "name …: ready", "name web-1: failed", false},
		{"durations", "can log in (0.1 s).", "can log in (12.4 s).", true},
		{"a duration is one", "can log in (0.1 s).", "can log in (now).", false},
		{"ages", "NAME   AGE\nx      3m", "NAME   AGE\nx      12s", true},
		{"an age that is no column", "every 30d", "every 31d", false},
		{"widths of columns", "NAME   AGE\nx      3m", "NAME     AGE\nx        12s", true},
		{"indentation", "  x", "x", false},
		{"hashes", "-- 2 statements, hash cc142e8b8ceae697", "-- 2 statements, hash 0123456789abcdef", true},
		{"a short number is no hash", "12345678901", "12345678902", false},
		{"times", "Written: 2026-11-26T21:12:02Z by admin", "Written: 2027-01-01T00:00:00Z by admin", true},
		{"minor versions", "(PostgreSQL 18.4)", "(PostgreSQL 18.5)", true},
		{"ports", "https://127.0.0.1:41234/x", "https://127.0.0.1:9/x", true},
		{"uids", `"reports@4/7d3a90b1"`, `"reports@4/00000000"`, true},
		{"other revisions", `"reports@4/7d3a90b1"`, `"reports@5/7d3a90b1"`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Matches(shownLines(c.want), shownLines(c.printed)); got != c.matches {
				t.Errorf("%q for %q: %v", c.printed, c.want, got)
			}
		})
	}
}
