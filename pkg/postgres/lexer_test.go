package postgres

import (
	"fmt"
	"strings"
	"testing"
)

// token is what a server sees of a statement: a word, a number, a mark of punctuation,
// or the meaning of what stood in quotes.
type token struct {
	kind tokenKind
	text string
}

type tokenKind string

const (
	wordToken       tokenKind = "word"
	numberToken     tokenKind = "number"
	markToken       tokenKind = "mark"
	identifierToken tokenKind = "identifier"
	literalToken    tokenKind = "literal"
)

// lex reads one statement as the server does with standard_conforming_strings on (manual,
// "Lexical Structure"), and more strictly: comments, other kinds of quotes, a second
// statement and backslashes other than \\ in an escape string are errors.
func lex(sql string) ([]token, error) {
	var tokens []token
	for rest := sql; rest != ""; {
		t, n, err := firstToken(rest)
		if err != nil {
			return nil, fmt.Errorf("%w at %q of %q", err, rest, sql)
		}
		if t.kind != "" {
			tokens = append(tokens, t)
		}
		rest = rest[n:]
	}
	return tokens, nil
}

// firstToken returns the first token and its length; no kind for a space.
func firstToken(rest string) (token, int, error) {
	word := span(rest, func(c byte) bool {
		return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	})
	switch c := rest[0]; {
	case c == ' ':
		return token{}, 1, nil
	case c == '"':
		return quotedToken(identifierToken, rest, `"`, false)
	case strings.HasPrefix(rest, "E'"):
		t, n, err := quotedToken(literalToken, rest[1:], `'`, true)
		return t, n + 1, err
	case c == '\'':
		return quotedToken(literalToken, rest, `'`, false)
	case c >= '0' && c <= '9', c == '-' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		n := 1 + span(rest[1:], func(c byte) bool { return c >= '0' && c <= '9' })
		if word > n {
			return token{}, 0, fmt.Errorf("a number that ends in letters")
		}
		return token{numberToken, rest[:n]}, n, nil
	case word > 0:
		if word < len(rest) && (rest[word] == '\'' || rest[word] == '"' || rest[word] == '$' || rest[word] >= 0x80) {
			return token{}, 0, fmt.Errorf("a word runs into %q", rest[word])
		}
		return token{wordToken, rest[:word]}, word, nil
	case strings.HasPrefix(rest, "<>"):
		return token{markToken, "<>"}, 2, nil
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "/*"):
		return token{}, 0, fmt.Errorf("a comment")
	case strings.IndexByte("(),.=[]", c) >= 0:
		return token{markToken, rest[:1]}, 1, nil
	default:
		return token{}, 0, fmt.Errorf("unexpected %q", c)
	}
}

func span(s string, is func(byte) bool) int {
	n := 0
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

// quotedToken reads what stands between quotes, doubled ones for one.
func quotedToken(kind tokenKind, rest, quote string, escapes bool) (token, int, error) {
	var text strings.Builder
	for i := 1; i < len(rest); i++ {
		two := rest[i:min(i+2, len(rest))]
		switch {
		case rest[i] == 0:
			return token{}, 0, fmt.Errorf("a NUL")
		case two == quote+quote:
			text.WriteString(quote)
			i++
		case rest[i:i+1] == quote:
			if i+1 < len(rest) && (rest[i+1] == '\'' || rest[i+1] == '"' || rest[i+1] == '&') {
				return token{}, 0, fmt.Errorf("a quote runs into %q", rest[i+1])
			}
			if kind == identifierToken && (text.Len() == 0 || text.Len() > 63) {
				return token{}, 0, fmt.Errorf("a name of %d bytes", text.Len())
			}
			return token{kind, text.String()}, i + 1, nil
		case escapes && rest[i] == '\\':
			if two != `\\` {
				return token{}, 0, fmt.Errorf("an escape")
			}
			text.WriteByte('\\')
			i++
		default:
			text.WriteByte(rest[i])
		}
	}
	return token{}, 0, fmt.Errorf("quotes that do not end")
}

// TestLex checks the lexer that other tests rely on.
func TestLex(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{`GRANT SELECT ON "a""b".c TO x, "é";`, ""},
		{`GRANT SELECT ON "a""b".c TO x`, `word:GRANT word:SELECT word:ON identifier:a"b mark:. word:c word:TO word:x`},
		{`SET x TO 'it''s \', -1`, `word:SET word:x word:TO literal:it's \ mark:, number:-1`},
		{`SET x TO E'it''s \\'`, `word:SET word:x word:TO literal:it's \`},
		{`a = b <> c`, `word:a mark:= word:b mark:<> word:c`},
		{`f(int[])`, `word:f mark:( word:int mark:[ mark:] mark:)`},
		{`a -- b`, ""}, {`a /* b`, ""}, {`$$a$$`, ""}, {`U&'a'`, ""}, {`b'1'`, ""}, {`"a`, ""}, {`'a`, ""}, {`E'\'`, ""}, {`E'\x41'`, ""},
		{`'a' 'b'`, `literal:a literal:b`}, {`'a'"b"`, ""}, {`""`, ""}, {"a\nb", ""}, {`a;`, ""}, {`1a`, ""}, {"é", ""}, {"'a\x00b'", ""},
		{`"` + strings.Repeat("x", 64) + `"`, ""},
	} {
		tokens, err := lex(c.sql)
		var all []string
		for _, token := range tokens {
			all = append(all, string(token.kind)+":"+token.text)
		}
		if (err != nil) != (c.want == "") || err == nil && strings.Join(all, " ") != c.want {
			t.Errorf("lex(%q) = %s, %v", c.sql, strings.Join(all, " "), err)
		}
	}
}
