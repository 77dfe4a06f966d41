// Package transcript runs the commands of a page in a shell, and compares what they
// print with what the page shows.
package transcript

import (
	"regexp"
	"slices"
	"strings"
)

// Anything stands for any text in a line that is to be printed, and, alone in a line, for
// any lines.
const Anything = "…"

// varying is what differs from run to run and from machine to machine, and what is
// compared in its place.
var varying = []struct {
	pattern *regexp.Regexp
	plain   string
}{
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d)?`), "<time>"},
	{regexp.MustCompile(`\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}`), "<time>"},
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "<uid>"},
	{regexp.MustCompile(`\b[0-9a-f]{12,}\b`), "<hash>"},
	{regexp.MustCompile(`(@\d+/)[0-9a-f]{8}\b`), "${1}<uid>"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (s|ms)\b`), "<duration>"},
	{regexp.MustCompile(`(PostgreSQL )\d+\.\d+\b`), "${1}<version>"},
	{regexp.MustCompile(`\bv\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?`), "<version>"},
	{regexp.MustCompile(`(127\.0\.0\.1|localhost|\[::1\]):\d+`), "$1:<port>"},
	{regexp.MustCompile(`(resourceVersion"?): "\d+"`), `$1: "<n>"`},
	{regexp.MustCompile(`\b\d+([smhd]|m\d+s|h\d+m|d\d+h) ago\b`), "<age> ago"},
	// The ages of a table stand between two spaces or more, or at an end of the line.
	{regexp.MustCompile(`(^|  )\d+([smhd]|m\d+s|h\d+m|d\d+h)(  |$)`), "${1}<age>${3}"},
	// Columns are as wide as their widest value.
	{regexp.MustCompile(`(\S) {2,}`), "$1  "},
	{regexp.MustCompile(` +$`), ""},
}

// plain returns a line without what varies.
func plain(line string) string {
	for _, v := range varying {
		line = v.pattern.ReplaceAllString(line, v.plain)
	}
	return line
}

// Matches reports whether what was printed is what is wanted: line by line, without what
// varies from run to run, with Anything for what is not shown.
func Matches(want, printed []string) bool {
	got := make([]string, len(printed))
	for i, line := range printed {
		got[i] = plain(line)
	}
	// reached holds how many lines of got the lines of want so far can stand for.
	reached := []int{0}
	for _, line := range want {
		var next []int
		if strings.TrimSpace(line) == Anything {
			for n := slices.Min(reached); n <= len(got); n++ {
				next = append(next, n)
			}
		} else {
			matches := matcher(line)
			for _, n := range reached {
				if n < len(got) && matches(got[n]) {
					next = append(next, n+1)
				}
			}
		}
		if len(next) == 0 {
			return false
		}
		reached = next
	}
	return slices.Contains(reached, len(got))
}

// matcher returns a function that reports whether a printed line, of which plain took what
// varies, is the wanted one.
func matcher(want string) func(string) bool {
	want = plain(want)
	if !strings.Contains(want, Anything) {
		return func(got string) bool { return got == want }
	}
	var pattern strings.Builder
	pattern.WriteString("^")
	for i, part := range strings.Split(want, Anything) {
		if i > 0 {
			pattern.WriteString(".*")
		}
		pattern.WriteString(regexp.QuoteMeta(part))
	}
	return regexp.MustCompile(pattern.String() + "$").MatchString
}
