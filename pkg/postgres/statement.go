package postgres

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Statement is one SQL statement with holes for what is known only when it runs.
type Statement struct {
	text  string
	holes []hole
}

type holeKind string

const (
	holeVerifier holeKind = "verifier"
	holeUID      holeKind = "uid"
)

// hole is a place in a statement's text, inside a quoted literal, that Apply
// fills with a value whose form leaves it nothing to escape from.
type hole struct {
	offset int
	kind   holeKind
	name   string
}

// Values fills the holes of a plan's statements.
type Values struct {
	// Verifiers holds the SCRAM verifier of each login, by role name.
	Verifiers map[string]secret.Value
	// UIDs holds the UID of each resource, by "Kind namespace/name".
	UIDs map[string]string
}

// String returns the statement with its holes shown as <verifier> and <uid>. It
// never contains a secret.
func (s Statement) String() string {
	return s.fill(func(h hole) string { return "<" + string(h.kind) + ">" })
}

// bind returns the SQL to send. It fails when a value is missing or does not
// have the form that makes it safe inside a literal.
func (s Statement) bind(values Values) (string, error) {
	var err error
	sql := s.fill(func(h hole) string {
		value, bad := values.lookup(h)
		if bad != nil && err == nil {
			err = bad
		}
		return value
	})
	return sql, err
}

func (s Statement) fill(value func(hole) string) string {
	if len(s.holes) == 0 {
		return s.text
	}
	var b strings.Builder
	from := 0
	for _, h := range s.holes {
		b.WriteString(s.text[from:h.offset])
		b.WriteString(value(h))
		from = h.offset
	}
	b.WriteString(s.text[from:])
	return b.String()
}

var uidForm = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

func (v Values) lookup(h hole) (string, error) {
	switch h.kind {
	case holeVerifier:
		verifier := v.Verifiers[h.name]
		// A malformed verifier would be stored as the hash of itself.
		if !secret.IsVerifier(verifier) {
			return "", fmt.Errorf("bind statement: no SCRAM verifier for role %q", h.name)
		}
		return verifier.Reveal(), nil
	default:
		uid := v.UIDs[h.name]
		if !uidForm.MatchString(uid) {
			return "", fmt.Errorf("bind statement: no UID for %s", h.name)
		}
		return uid, nil
	}
}

// sql builds a statement from fragments: plain strings are SQL, identifiers and
// literals are quoted.
func sql(fragments ...any) Statement {
	var s Statement
	var b strings.Builder
	for _, f := range fragments {
		switch f := f.(type) {
		case string:
			b.WriteString(f)
		case ident:
			b.WriteString(pgx.Identifier{string(f)}.Sanitize())
		case idents:
			for i, name := range f {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString(pgx.Identifier{name}.Sanitize())
			}
		case qualified:
			b.WriteString(pgx.Identifier(f[:]).Sanitize())
		case literal:
			b.WriteString(quoteLiteral(string(f)))
		case int:
			fmt.Fprint(&b, f)
		case verifierOf:
			b.WriteByte('\'')
			s.holes = append(s.holes, hole{b.Len(), holeVerifier, string(f)})
			b.WriteByte('\'')
		case markerOf:
			s.holes = append(s.holes, writeMarker(&b, claim{Marker: Marker(f)}))
		case claim:
			s.holes = append(s.holes, writeMarker(&b, f))
		default:
			panic(fmt.Sprintf("postgres: sql fragment of type %T", f))
		}
	}
	s.text = b.String()
	return s
}

// claim is a marker above what a comment said before.
type claim struct {
	Marker Marker
	Remark string
}

// writeMarker writes a comment and returns the hole for the UID.
func writeMarker(b *strings.Builder, c claim) hole {
	tail := ""
	if c.Remark != "" {
		tail = "\n" + c.Remark
	}
	quoted := quoteLiteral(c.Marker.String() + tail)
	after := len(strings.TrimPrefix(quoteLiteral(tail), "E")) - len("'")
	at := b.Len() + len(quoted) - after
	b.WriteString(quoted)
	return hole{at, holeUID, c.Marker.key()}
}

// Fragments of a statement.
type (
	ident      string
	idents     []string
	qualified  [2]string
	literal    string
	verifierOf string
	markerOf   Marker
)

// quoteLiteral does what the server's quote_literal does: quotes are doubled, and
// a text with backslashes becomes an escape string, so that the result means the
// same whatever standard_conforming_strings says.
func quoteLiteral(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if strings.Contains(s, `\`) {
		return "E'" + strings.ReplaceAll(s, `\`, `\\`) + "'"
	}
	return "'" + s + "'"
}
