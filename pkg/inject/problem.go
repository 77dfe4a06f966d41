package inject

import (
	"strconv"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// Problem is something wrong with an annotation of a pod.
type Problem struct {
	// Annotation is the key, for example dbtether.io/inject.
	Annotation string
	// Message says what is wrong.
	Message string
	// Fix says what to write instead.
	Fix string
}

// Error returns annotation, message and fix in one line.
func (p Problem) Error() string { return p.Annotation + ": " + p.Message + ": " + p.Fix }

// longest is the length up to which a word of an annotation is quoted whole, and compared with
// what it might mean. The API server limits the size of annotations only after it has asked
// the webhooks.
const longest = 64

// quote returns the word in quotes, cut after its first characters if it is long.
func quote(word string) string {
	if len(word) <= longest {
		return strconv.Quote(word)
	}
	return strconv.Quote(strings.ToValidUTF8(word[:longest], "")) + "…"
}

// nearest returns the candidate that was most likely meant by the word: one that the word
// begins with or is the beginning of, else the one with the smallest edit distance. It is
// false if even that one has nothing in common with the word.
func nearest(word string, candidates []string) (string, bool) {
	if len(word) > longest {
		return "", false
	}
	word = strings.ToLower(word)
	var best string
	var least int
	for _, candidate := range candidates {
		lower := strings.ToLower(candidate)
		if len(word) > 1 && (strings.HasPrefix(lower, word) || strings.HasPrefix(word, lower)) {
			return candidate, true
		}
		if d := words.Distance(word, lower); best == "" || d < least {
			best, least = candidate, d
		}
	}
	return best, best != "" && least < max(len(word), len(best))
}
