package postgres

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// FuzzMakePlan makes up a server and what should stand on it, from hostile names and
// texts in every place that has any. Whatever is planned is a list of single statements
// of ours, in which every name and every text is one that was given, to the byte; and
// nothing is dropped that does not bear the mark of who asks for it.
func FuzzMakePlan(f *testing.F) {
	for i, text := range hostileTexts {
		f.Add(uint64(i), text, hostileTexts[(i+1)%len(hostileTexts)], "orders", "search_path", "dbtether.io: Database shop/x, uid u1\n"+text)
		f.Add(uint64(i+1000), "orders", "api", text, "app", text)
		f.Add(uint64(i+2000), "orders", "orders_b", text, "shop/x", `"$user", `+text)
	}
	f.Fuzz(func(t *testing.T, seed uint64, a, b, c, d, text string) {
		w := invent(rand.New(rand.NewPCG(seed, 0)), []string{a, b, c, d, text})
		plan, err := MakePlan(w.state, w.desired)
		var refused *RefusedError
		if err != nil {
			if !errors.As(err, &refused) || len(plan.Steps) > 0 || len(refused.Refusals) == 0 {
				t.Fatalf("got %d steps and %v", len(plan.Steps), err)
			}
			return
		}
		known := w.known()
		for _, step := range plan.Steps {
			statement, err := step.Statement.bind(w.values())
			if err != nil {
				t.Fatalf("%s: %v", step.Statement, err)
			}
			tokens, err := lex(statement)
			if err != nil {
				t.Fatal(err)
			}
			known.check(t, statement, tokens)
			w.checkDrop(t, statement, tokens)
			if !slices.Contains(known.identifiers, step.Database) && step.Database != "" {
				t.Errorf("%s runs in database %q", statement, step.Database)
			}
		}
	})
}

// ourWords are all that we ever write outside of quotes. What gives a role rights over the
// whole server is not among them.
var ourWords = strings.Fields(`ALL ALLOW_CONNECTIONS ALTER AUTHORIZATION BUILTIN_LOCALE BY CASCADE COMMENT CONNECT CONNECTION CREATE CURRENT_USER
	DATA DATABASE DEFAULT DELETE DROP ENCODING EXTENSION FOR FORCE FOREIGN FROM FUNCTIONS GRANT ICU_LOCALE IN INHERIT INSERT IS LANGUAGE LARGE
	LC_COLLATE LC_CTYPE LIMIT LOCAL LOCALE_PROVIDER LOGIN NOCREATEDB NOCREATEROLE NOLOGIN NONE OBJECT OBJECTS ON OPTION OWNED OWNER PASSWORD
	PRIVILEGES PUBLIC REASSIGN REFERENCES RESET REVOKE ROLE ROUTINE SCHEMA SCHEMAS SELECT SEQUENCE SEQUENCES SERVER SET TABLE TABLES TEMPLATE
	TEMPORARY TO TRIGGER TRUE FALSE TRUNCATE TYPE TYPES UNTIL UPDATE USAGE VALID VERSION WHERE WITH WRAPPER AND EXECUTE MAINTAIN
	datname false pg_backend_pid pg_stat_activity pg_terminate_backend pid public role template0 true usename`)

// words is what may stand in statements, and those that only read.
type words struct{ identifiers, literals, checks []string }

// check fails the test on a word, name or text that nobody gave us.
func (k words) check(t *testing.T, statement string, tokens []token) {
	t.Helper()
	if slices.Contains(k.checks, statement) {
		return
	}
	if !slices.Contains([]string{"CREATE", "ALTER", "COMMENT", "GRANT", "REVOKE", "SET", "RESET", "SELECT", "REASSIGN", "DROP"}, tokens[0].text) {
		t.Errorf("%s begins with %s", statement, tokens[0].text)
	}
	for _, token := range withoutSignature(t, statement, tokens) {
		switch {
		case token.kind == wordToken && !slices.Contains(ourWords, token.text),
			token.kind == identifierToken && !slices.Contains(k.identifiers, token.text),
			token.kind == literalToken && !slices.Contains(k.literals, token.text):
			t.Errorf("%s has the %s %q", statement, token.kind, token.text)
		}
	}
}

// withoutSignature leaves out the signature of a routine, which the server wrote: a name
// and types in parentheses.
func withoutSignature(t *testing.T, statement string, tokens []token) []token {
	t.Helper()
	at := slices.Index(tokens, token{wordToken, "ROUTINE"})
	if at < 0 {
		return tokens
	}
	depth, end := 0, at+1
	for ; end < len(tokens) && (depth > 0 || tokens[end] != token{wordToken, "FROM"}); end++ {
		switch {
		case tokens[end].text == "(" && tokens[end].kind == markToken:
			depth++
		case tokens[end].text == ")" && tokens[end].kind == markToken:
			depth--
		case tokens[end].kind == literalToken, depth == 0 && tokens[end].kind == wordToken && strings.ToLower(tokens[end].text) != tokens[end].text:
			t.Errorf("%s has %q in a signature", statement, tokens[end].text)
		}
	}
	return append(slices.Clone(tokens[:at]), tokens[end:]...)
}

// checkDrop fails the test if something goes that is not of who asks.
func (w world) checkDrop(t *testing.T, statement string, tokens []token) {
	t.Helper()
	if tokens[0].text != "DROP" || tokens[1].text == "OWNED" {
		return
	}
	name, comment := tokens[2].text, w.state.Roles[tokens[2].text].Comment
	drops, begun := slices.Concat(w.desired.DropLogins, w.desired.DropDatabases), false
	if tokens[1].text == "DATABASE" {
		have := w.state.Databases[name]
		drops, comment, begun = w.desired.DropDatabases, have.Comment, !have.AllowConnections && have.Comment == ""
	}
	marker, marked := ParseMarker(comment)
	if !begun && !(marked && slices.ContainsFunc(drops, func(d Drop) bool { return d.Marker.UID == marker.UID })) {
		t.Errorf("%s drops what bears %q", statement, comment)
	}
}

// values fills every hole that there may be.
func (w world) values() Values {
	v := Values{UIDs: map[string]string{}, Verifiers: map[string]secret.Value{}}
	for _, m := range w.markers() {
		v.UIDs[m.key()] = m.UID
	}
	for _, l := range w.desired.Logins {
		v.Verifiers[l.Name] = secret.NewValue([]byte(inventedVerifier))
	}
	return v
}

// markers are those of all that is desired.
func (w world) markers() []Marker {
	var all []Marker
	for _, d := range w.desired.Databases {
		all = append(all, d.Marker, d.Marker.group())
	}
	for _, l := range w.desired.Logins {
		all = append(all, l.Marker)
	}
	return all
}

// known collects every name and text that may come out of a plan.
func (w world) known() words {
	k := words{identifiers: []string{"dbadmin", "postgres", "libc", "icu", "builtin", "search_path", "local_preload_libraries"},
		literals: []string{"UTF8", "C", "", validUntil(time.Time{}), validUntil(inventedTime), inventedVerifier}}
	for _, text := range w.pool {
		k.identifiers = append(append(k.identifiers, text), GroupsOf(text).all()...)
		k.literals = append(k.literals, text, GroupsOf(text).Owner)
		k.checks = append(k.checks, ownsNothing(text).String())
		for _, setting := range []string{"search_path", "local_preload_libraries"} {
			list, _ := splitList(setting, text)
			k.literals = append(k.literals, list...)
		}
	}
	comments := []string{""}
	for _, r := range w.state.Roles {
		comments = append(comments, r.Comment)
	}
	for _, d := range w.state.Databases {
		comments = append(comments, d.Comment)
	}
	uids := w.values().UIDs
	for _, m := range w.markers() {
		k.literals = append(k.literals, m.String()+uids[m.key()])
		for _, c := range comments {
			k.literals = append(k.literals, m.String()+uids[m.key()]+"\n"+remark(c))
		}
	}
	return k
}
