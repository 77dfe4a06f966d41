package monitoring

import (
	"fmt"
	"regexp"
	"slices"
)

// use is what an expression takes of metrics.
type use struct {
	metrics []string
	// matched are the labels that select series, by metric.
	matched map[string][]string
	// grouped are the labels of by, on and their like.
	grouped []string
}

// token is a string, a name, a number or a time with a unit, or one sign.
var token = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`|[a-zA-Z_:$][a-zA-Z0-9_:$]*|[0-9][0-9a-zA-Z.]*|[=!~<>]+|\\S")

var (
	aName     = regexp.MustCompile(`^[a-zA-Z_:$]`)
	grouping  = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
	operators = []string{"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"}
)

// usesOf reads an expression that Prometheus has found to be one (promtool check rules,
// or a query): it takes selectors out and judges nothing else. A selector without the
// name of a metric is an error.
func usesOf(text string) (use, error) {
	tokens := token.FindAllString(text, -1)
	u := use{matched: map[string][]string{}}
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i]
		}
		return ""
	}
	for i := 0; i < len(tokens); i++ {
		switch word := tokens[i]; {
		case word == "{":
			return u, fmt.Errorf("a selector in %q has no name of a metric", text)
		case word == "[":
			for at(i) != "]" && i < len(tokens) {
				i++
			}
		case !aName.MatchString(word) || slices.Contains(operators, word):
		case slices.Contains(grouping, word):
			var labels []string
			labels, i = list(tokens, i+1, "(", ")")
			u.grouped = append(u.grouped, labels...)
		case at(i+1) == "(" || slices.Contains(grouping, at(i+1)): // a function or an aggregation
		default:
			var labels []string
			labels, i = list(tokens, i+1, "{", "}")
			u.metrics = append(u.metrics, word)
			u.matched[word] = append(u.matched[word], labels...)
		}
	}
	return u, nil
}

// list returns the names between two brackets, if the first is at i, and where the list
// ends; otherwise none, and the token before i.
func list(tokens []string, i int, open, shut string) (names []string, end int) {
	if i >= len(tokens) || tokens[i] != open {
		return nil, i - 1
	}
	for i++; i < len(tokens) && tokens[i] != shut; i++ {
		if aName.MatchString(tokens[i]) {
			names = append(names, tokens[i])
		}
	}
	return names, i
}
