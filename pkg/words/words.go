// Package words cuts texts to a length, and measures how alike two words are. It does no I/O.
package words

import (
	"strings"
	"unicode/utf8"
)

const ellipsis = "…"

// Shorten returns s in at most limit bytes: a longer s is cut between two characters, and
// ends with an ellipsis. limit is 3 or more, the bytes of the ellipsis. The result keeps
// nothing of a longer s in memory.
func Shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.Clone(s[:end]) + ellipsis
}

// Distance returns the edit distance (Levenshtein) of two words, in bytes.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
