// Package words holds what several rooms do with words and sentences. It is pure: it
// does no I/O.
package words

import (
	"strings"
	"unicode/utf8"
)

const ellipsis = "…"

// Shorten returns s in at most most bytes, cut between characters and then with an
// ellipsis at its end. It keeps none of the memory of a longer s.
func Shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most - len(ellipsis)
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
