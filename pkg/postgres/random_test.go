package postgres_test

import (
	"context"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

var (
	seed   = flag.Uint64("seed", 0, "seed of the first of the random names; 0: another one each time")
	rounds = flag.Int("rounds", 5, "how many databases with random names are made")
)

// entry begins each entry of the log of TestRandomNames.
const entry = "ENTRY "

// TestRandomNames gives random names, settings, comments and grants to a few databases on
// a server that logs every statement. What was asked for stands to the byte, nothing is
// left to do then, and no statement has run but the planned ones. -seed repeats a failure.
func TestRandomNames(t *testing.T) {
	server, err := testenv.StartPostgreSQL(context.Background(), testenv.PostgreSQLOptions{Version: 18,
		Settings: map[string]string{"log_statement": "all", "log_line_prefix": entry + "%a "}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	first := *seed
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	planned := map[string]bool{}
	for i := range *rounds {
		now := first + uint64(i)
		t.Logf("seed %d", now)
		randomNames(t, fixtureOf(server, now%2 == 0), rand.New(rand.NewPCG(now, 0)), planned)
		if t.Failed() {
			t.Fatalf("go test ./pkg/postgres -run TestRandomNames -seed %d -rounds 1", now)
		}
	}
	for _, statement := range executed(t, server) {
		if !planned[statement] {
			t.Errorf("nobody planned %q", statement)
		}
	}
}

// executed lists the statements of the log that changed something, of our sessions.
func executed(t *testing.T, server *testenv.PostgreSQL) []string {
	t.Helper()
	text, err := os.ReadFile(server.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.SplitSeq(string(text), "\n"+entry) {
		statement, found := strings.CutPrefix(line, "dbtether LOG:  execute <unnamed>: ")
		statement = strings.TrimSuffix(strings.ReplaceAll(statement, "\n\t", "\n"), "\n")
		word, _, _ := strings.Cut(strings.TrimSpace(statement), " ")
		if found && !slices.Contains([]string{"SELECT", "WITH", "BEGIN", "COMMIT", "WITH\n"}, strings.TrimSpace(word)) {
			all = append(all, statement)
		}
	}
	if len(all) < *rounds*20 {
		t.Errorf("the log has only %d statements", len(all))
	}
	return all
}

// pieces are what random names are put together from.
var pieces = append(slices.Clone(hostileNames[:5]), "a", "Z", "0", "_", "-", ".", " ", "'", `"`, `\`, "''", `""`, `\\`, ";", "--", "/*", "*/", "$$", "$1", "%s", "é", "ß", "字", "🐘", "\u202e", "E'", "U&", "@", ":", "(", ")", "{", "=", ",", "#")

// randomText returns up to limit bytes that may be a name.
func randomText(r *rand.Rand, limit int) string {
	text := string(rune('a' + r.IntN(26)))
	for range 1 + r.IntN(12) {
		if piece := pieces[r.IntN(len(pieces))]; len(text)+len(piece) <= limit {
			text += piece
		}
	}
	return text
}

// randomNames provisions an application of random names, changes it, and drops it again.
func randomNames(t *testing.T, f fixture, r *rand.Rand, planned map[string]bool) {
	t.Helper()
	server := f.dial(t)
	defer server.Close()
	app := hostile(t, randomText(r, 57), "x"+randomText(r, 62))
	name, adminLogin := app.database, app.desired.Logins[1].Name
	schema, table, function := randomText(r, 63), randomText(r, 63), randomText(r, 63)
	app.db().Schemas = []string{schema}
	app.db().Extensions = []postgres.Extension{{Name: "hstore", Schema: schema}}
	app.db().Parameters = map[string]string{"application_name": randomText(r, 60), "search_path": randomList(r)}
	app.desired.Logins[0].Settings = map[string]string{"search_path": randomList(r), "DateStyle": "ISO"}
	before := names(t, f)
	app.run(t, server, planned)
	own := superuser(t, f, name)
	quoted := func(parts ...string) string { return pgx.Identifier(parts).Sanitize() }
	run(t, own, "CREATE TABLE "+quoted(schema, table)+" ("+quoted(randomText(r, 63))+" int)", "ALTER TABLE "+quoted(schema, table)+" OWNER TO "+quoted(name+"_owner"),
		"CREATE FUNCTION "+quoted(schema, function)+"("+quoted(schema, table)+", text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"GRANT EXECUTE ON FUNCTION "+quoted(schema, function)+" TO "+quoted(name), "ALTER FUNCTION "+quoted(schema, function)+" OWNER TO "+quoted(name+"_owner"))
	app.desired.Logins[0].Grants = []postgres.TableGrant{{Database: name, Schema: schema, Table: table, Privileges: []string{"INSERT", "TRIGGER"}}}
	app.run(t, server, planned)
	if got := value(t, own, "SELECT has_table_privilege($1, ($2::text)::regclass, 'INSERT')::text || has_function_privilege($1, $3::regprocedure, 'EXECUTE')", name, quoted(schema, table),
		quoted(schema, function)+"("+quoted(schema, table)+", text)"); got != "truetrue" && got != "truefalse" {
		t.Errorf("the table's grant: %s", got)
	}
	app.checkSettings(t, f, name)
	_ = own.Close(context.Background())
	want := slices.Concat(before, []string{"database " + name, "role " + name, "role " + adminLogin, "role " + name + "_owner", "role " + name + "_rw", "role " + name + "_ro"})
	slices.Sort(want)
	if got := names(t, f); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	app.desired = gone(app)
	waitForNoSessions(t, f, name)
	app.run(t, server, planned)
	if got := names(t, f); !slices.Equal(got, before) {
		t.Errorf("after dropping: got %q, want %q", got, before)
	}
}

// randomList returns the value of a setting that holds names.
func randomList(r *rand.Rand) string {
	list := make([]string, r.IntN(3))
	for i := range list {
		list[i] = pgx.Identifier{randomText(r, 63)}.Sanitize()
	}
	return strings.Join(list, " , ")
}

// run brings the application about, checks that nothing is left, and takes down what was
// planned, as it was sent.
func (a *application) run(t *testing.T, s *postgres.Server, planned map[string]bool) {
	t.Helper()
	for _, step := range a.provision(t, s).Steps {
		text := step.Statement.String()
		for _, verifier := range a.values.Verifiers {
			planned[strings.ReplaceAll(text, "<verifier>", verifier.Reveal())] = true
		}
		for _, uid := range a.values.UIDs {
			planned[strings.ReplaceAll(text, "<uid>", uid)] = true
		}
	}
	a.settled(t, s)
}

// checkSettings logs in and compares what the session has with what was asked for.
func (a *application) checkSettings(t *testing.T, f fixture, login string) {
	t.Helper()
	conn, err := a.connect(t, f, login, a.database)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.Close(context.Background()) }()
	want := maps.Clone(a.db().Parameters)
	maps.Copy(want, a.desired.Logins[0].Settings)
	// The server shows only ASCII of an application_name.
	if got, name := value(t, conn, "SELECT current_setting('application_name')"), want["application_name"]; got != name && !strings.ContainsFunc(name, func(c rune) bool { return c > '~' }) {
		t.Errorf("application_name is %q, want %q", got, name)
	}
	// It leaves out quotes where it can.
	plain := strings.NewReplacer(" , ", ", ", `"`, "").Replace
	if got := value(t, conn, "SELECT current_setting('search_path')"); plain(got) != plain(want["search_path"]) {
		t.Errorf("search_path is %q, want %q", got, want["search_path"])
	}
}
