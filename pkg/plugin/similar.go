package plugin

import (
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// mostMeant is how many names are offered where another one may have been meant.
const mostMeant = 5

// similarTo returns those of the names that may have been meant by the one asked for, in
// their order, mostMeant at most.
func similarTo(asked string, names []string) []string {
	var near []string
	for _, name := range names {
		if similar(name, asked) {
			near = append(near, name)
		}
	}
	return near[:min(len(near), mostMeant)]
}

// hintSimilar returns an error about a name that there is not, with a hint: the names that may
// have been meant, or otherwise where none is like it.
func hintSimilar(err error, asked string, names []string, otherwise string, args ...any) error {
	if near := similarTo(asked, names); len(near) > 0 {
		return Hinted(err, "did you mean %s?", strings.Join(near, " or "))
	}
	return Hinted(err, otherwise, args...)
}

// similar reports whether two names are a few letters apart, or the one asked for is part
// of the other.
func similar(name, asked string) bool {
	name, asked = strings.ToLower(name), strings.ToLower(asked)
	if len(asked) < 3 {
		return false
	}
	return strings.Contains(name, asked) || words.Distance(name, asked) <= max(2, len(asked)/4)
}
