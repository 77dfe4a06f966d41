package postgres

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func newVerifier(t *testing.T) secret.Value {
	t.Helper()
	v, err := secret.Verifier(rand.Reader, secret.NewValue([]byte("pencil")))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStatementHoles(t *testing.T) {
	verifier := newVerifier(t)
	marker := Marker{Kind: "Database", Resource: "shop/orders", UID: "never used"}
	group := Marker{Kind: groupOf + "Database", Resource: "shop/orders"}
	values := Values{Verifiers: map[string]secret.Value{"u": verifier, `a"b`: verifier}, UIDs: map[string]string{"Database shop/orders": "uid-1"}}
	for _, c := range []struct {
		name         string
		statement    Statement
		shown, bound string
	}{
		{"no hole", sql("SELECT ", 1, ", ", -1), "SELECT 1, -1", "SELECT 1, -1"},
		{"verifier", sql("ALTER ROLE ", ident("u"), " PASSWORD ", verifierOf("u")),
			`ALTER ROLE "u" PASSWORD '<verifier>'`, `ALTER ROLE "u" PASSWORD '` + verifier.Reveal() + `'`},
		{"verifier of an odd name", sql("ALTER ROLE ", ident(`a"b`), " PASSWORD ", verifierOf(`a"b`), " LOGIN"),
			`ALTER ROLE "a""b" PASSWORD '<verifier>' LOGIN`, `ALTER ROLE "a""b" PASSWORD '` + verifier.Reveal() + `' LOGIN`},
		{"marker", sql("COMMENT ON DATABASE ", ident("d"), " IS ", markerOf(marker)),
			`COMMENT ON DATABASE "d" IS 'dbtether.io: Database shop/orders, uid <uid>'`, `COMMENT ON DATABASE "d" IS 'dbtether.io: Database shop/orders, uid uid-1'`},
		{"marker of a group", sql("COMMENT ON ROLE ", ident("d_ro"), " IS ", markerOf(group)),
			`COMMENT ON ROLE "d_ro" IS 'dbtether.io: group of Database shop/orders, uid <uid>'`, `COMMENT ON ROLE "d_ro" IS 'dbtether.io: group of Database shop/orders, uid uid-1'`},
		{"two holes", sql(verifierOf("u"), markerOf(marker)),
			`'<verifier>''dbtether.io: Database shop/orders, uid <uid>'`, `'` + verifier.Reveal() + `''dbtether.io: Database shop/orders, uid uid-1'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.statement.String(); got != c.shown {
				t.Errorf("shown  %s\nwanted %s", got, c.shown)
			}
			got, err := c.statement.bind(values)
			if err != nil || got != c.bound {
				t.Errorf("bound  %s (%v)\nwanted %s", got, err, c.bound)
			}
		})
	}
}

// TestBindRefuses checks that only what cannot leave its literal gets into one.
func TestBindRefuses(t *testing.T) {
	good := newVerifier(t).Reveal()
	verifier := sql("ALTER ROLE ", ident("u"), " PASSWORD ", verifierOf("u"))
	for _, bad := range []string{"", "plain password", "'", good + "'", good + "' SUPERUSER --", good[:len(good)-1], good + "\n", strings.ToLower(good), "md5" + strings.Repeat("a", 32)} {
		_, err := verifier.bind(Values{Verifiers: map[string]secret.Value{"u": secret.NewValue([]byte(bad))}})
		if want := `bind statement: no SCRAM verifier for role "u"`; err == nil || err.Error() != want {
			t.Errorf("verifier %q: got %v", bad, err)
		}
	}
	if _, err := verifier.bind(Values{Verifiers: map[string]secret.Value{"v": secret.NewValue([]byte(good))}}); err == nil {
		t.Error("another role's verifier was taken")
	}
	comment := sql("COMMENT ON ROLE ", ident("u"), " IS ", markerOf(Marker{Kind: "DatabaseUser", Resource: "shop/u", UID: "mine"}))
	for _, bad := range []string{"", "'", "a'b", `a\b`, "a b", "a\nb", "uid\x00", "ünï", strings.Repeat("a", 65), "a; DROP", "a\n"} {
		_, err := comment.bind(Values{UIDs: map[string]string{"DatabaseUser shop/u": bad}})
		if want := "bind statement: no UID for DatabaseUser shop/u"; err == nil || err.Error() != want {
			t.Errorf("UID %q: got %v", bad, err)
		}
	}
	if _, err := comment.bind(Values{}); err == nil {
		t.Error("no UID was taken")
	}
}

func TestSQLFragments(t *testing.T) {
	for _, c := range []struct {
		name string
		got  Statement
		want string
	}{
		{"identifier", sql(ident(`a"b`)), `"a""b"`},
		{"identifiers", sql(idents{"a", `b"`, "c c"}), `"a", "b""", "c c"`},
		{"no identifiers", sql(idents{}), ""},
		{"qualified", sql(qualified{`s"`, "t.u"}), `"s"""."t.u"`},
		{"literal", sql(literal("it's")), `'it''s'`},
		{"backslash", sql(literal(`a\'b`)), `E'a\\''b'`},
		{"empty literal", sql(literal("")), `''`},
	} {
		if c.got.String() != c.want {
			t.Errorf("%s: got %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestMarker(t *testing.T) {
	ours := Marker{Kind: "Database", Resource: "shop/orders", UID: "uid-1"}
	comment := ours.String() + ours.UID
	if got, ok := ParseMarker(comment); !ok || got != ours {
		t.Errorf("ParseMarker(%q) = %v, %v", comment, got, ok)
	}
	for _, c := range []struct {
		comment string
		want    bool
	}{
		{comment, true},
		{"dbtether.io: Database shop/renamed, uid uid-1", true}, // the UID decides
		{"dbtether.io: DatabaseUser shop/orders, uid uid-1", false},
		{"dbtether.io: group of Database shop/orders, uid uid-1", false},
		{"dbtether.io: Database shop/orders, uid uid-2", false},
		{"dbtether.io: Database shop/orders, uid ", false},
		{"", false}, {"x" + comment, false}, {comment + " ", false}, {comment + "\n", true}, {comment + "\nwhat it said before", true}, {comment + "\r\n", false}, {"\n" + comment, false}, {"see: " + comment, false},
	} {
		if got := ours.owns(c.comment); got != c.want {
			t.Errorf("owns(%q) = %v", c.comment, got)
		}
	}
	if unborn := (Marker{Kind: "Database", Resource: "shop/orders"}); unborn.owns("dbtether.io: Database shop/orders, uid ") || unborn.owns(comment) {
		t.Error("a resource without UID owns something")
	}
}

// TestClaim checks that the marker of a claimed object stands above what its comment
// said before, to the byte, and that a predecessor's line goes.
func TestClaim(t *testing.T) {
	ours := Marker{Kind: "Database", Resource: "shop/orders", UID: "uid-2"}
	const line = "dbtether.io: Database shop/orders, uid uid-2"
	for _, c := range []struct {
		comment, want string
		mayClaim      bool
	}{
		{"", line, true}, {"the shop's orders", line + "\nthe shop's orders", true}, {`a\b'c\`, line + "\n" + `a\b'c\`, true},
		{"\n two\r\n", line + "\n\n two\r\n", true}, {"<uid>", line + "\n<uid>", true}, {"E'x'", line + "\nE'x'", true},
		{"dbtether.io: Database shop/orders, uid uid-1", line, true},
		{"dbtether.io: Database shop/orders, uid uid-1\nold '\\", line + "\nold '\\", true},
		{"dbtether.io: Database shop/orders, uid uid-1\n" + line, line + "\n" + line, true},
		{"old\n" + line, line + "\nold\n" + line, true},
		{"dbtether.io: Database team-b/orders, uid uid-1", line, false},
		{"dbtether.io: group of Database shop/orders, uid uid-1", line, false},
	} {
		if got := ours.mayClaim(c.comment); got != c.mayClaim {
			t.Errorf("mayClaim(%q) = %v", c.comment, got)
		}
		got, err := sql(claim{ours, remark(c.comment)}).bind(Values{UIDs: map[string]string{"Database shop/orders": "uid-2"}})
		if err != nil || got != quoteLiteral(c.want) {
			t.Errorf("claim of %q: got %s (%v), want %s", c.comment, got, err, quoteLiteral(c.want))
		}
		if !ours.owns(c.want) || c.mayClaim && remark(c.want) != remark(c.comment) {
			t.Errorf("%q does not read back", c.want)
		}
	}
}

func TestValidName(t *testing.T) {
	for _, c := range []struct {
		name string
		want bool
	}{
		{"orders", true}, {`"; DROP DATABASE postgres; --`, true}, {"a'b", true}, {`a\b`, true}, {"ünïcödé", true}, {" lead", true}, {"🐘", true},
		{strings.Repeat("x", 63), true}, {strings.Repeat("ü", 31), true},
		{"", false}, {"a\nb", false}, {"a\x00b", false}, {"a\tb", false}, {"a\x7f", false}, {"a\xff", false}, {"\xed\xa0\x80", false},
		{strings.Repeat("x", 64), false}, {strings.Repeat("ü", 32), false},
	} {
		p := &planner{}
		if got := p.validName("role", c.name, 63); got != c.want || got == (len(p.refusals) > 0) {
			t.Errorf("validName(%q) = %v, %v", c.name, got, p.refusals)
		}
	}
}

// TestHashIsPinned checks that a plan has the same hash in every build: it is shown
// by one run and given to another.
func TestHashIsPinned(t *testing.T) {
	plan := Plan{Steps: []Step{
		{Statement: sql("ALTER ROLE ", ident("u"), " PASSWORD ", verifierOf("u")), Transaction: 1, Reason: "no part of it"},
		{Statement: sql("CREATE SCHEMA ", ident("app")), Database: "orders", Risk: Safe},
	}}
	if got, want := plan.Hash(), "a6541fb45ca88497"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
