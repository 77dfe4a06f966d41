package postgres

import (
	"strings"
	"testing"
)

// FuzzMarker checks that a marker which is put on any comment is read back, beside what
// the comment said before, and that a comment is ours only where its first line is
// exactly what we write.
func FuzzMarker(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text, "shop/orders", "0d9f7a52-1")
		f.Add("dbtether.io: Database shop/orders, uid 1\n"+text, "shop/orders", "1")
		f.Add("dbtether.io: group of Database shop/x, uid "+text, text, text)
		f.Add(text+"dbtether.io: DatabaseUser shop/orders, uid 1", "a/b\n", "1\n")
	}
	f.Fuzz(func(t *testing.T, comment, resource, uid string) {
		if found, marked := ParseMarker(comment); marked {
			line, rest, _ := strings.Cut(comment, "\n")
			if line != found.String()+found.UID || remark(comment) != rest || !found.owns(comment) || found.succeeds(comment) || found.mayClaim(comment) {
				t.Errorf("%q is read as %+v beside %q", comment, found, remark(comment))
			}
		} else if remark(comment) != comment || (Marker{Kind: "Database", Resource: resource, UID: uid}).owns(comment) {
			t.Errorf("%q, which bears no marker, says %q", comment, remark(comment))
		}
		for _, kind := range []string{"Database", "DatabaseUser", groupOf + "Database"} {
			claimed(t, Marker{Kind: kind, Resource: resource, UID: uid}, comment)
		}
	})
}

// claimed puts a marker on a comment as a plan does, and reads both back.
func claimed(t *testing.T, m Marker, before string) {
	t.Helper()
	if _, ours := ParseMarker(m.String() + m.UID); !ours || strings.Contains(before, "\x00") || !uidForm.MatchString(m.UID) {
		return // no resource is called so, or no comment says so
	}
	statement, err := sql("COMMENT ON ROLE ", ident("x"), " IS ", claim{m, remark(before)}).bind(Values{UIDs: map[string]string{m.key(): m.UID}})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := lex(statement)
	if err != nil || len(tokens) != 6 || tokens[5].kind != literalToken {
		t.Fatalf("%q: %v", statement, err)
	}
	after := tokens[5].text
	found, marked := ParseMarker(after)
	if !marked || found != m || remark(after) != remark(before) || !m.owns(after) {
		t.Errorf("%+v on %q came back as %+v beside %q", m, before, found, remark(after))
	}
	predecessor := m
	predecessor.UID += "x"
	if !predecessor.succeeds(after) || predecessor.owns(after) || !predecessor.mayClaim(after) {
		t.Errorf("%q is not a predecessor's", after)
	}
	predecessor.Resource += "x"
	if predecessor.mayClaim(after) {
		t.Errorf("%q can be claimed by anybody", after)
	}
}
