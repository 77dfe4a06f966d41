package postgres

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// hostileTexts are the seeds of both fuzz tests.
var hostileTexts = []string{"orders", "", "'", "''", `"`, `""`, `\`, `\\`, `\'`, `'\`, `\''`, "a'b", `a"b`, `a\b`, `"; DROP DATABASE postgres; --`, `'; DROP ROLE x; --`,
	"$$", "$1", "E'x'", "U&'\\0041'", "/*", "*/", "--", ";", "\n", "\x00", "\x7f", "\xff", "\xc0\xa7", "\xed\xa0\x80", "ünïcödé", "ʼ", "＇", "🐘", "\u2028", "\u0085", " lead", "trail ", "%s", "\\x27",
	strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("'", 40), strings.Repeat(`\`, 33) + "'"}

// connections returns one session for each value of standard_conforming_strings.
func connections(f *testing.F) []*pgx.Conn {
	f.Helper()
	server := testenv.SharedPostgreSQL(f, 18)
	var all []*pgx.Conn
	for _, value := range []string{"on", "off"} {
		conn, err := pgx.Connect(context.Background(), server.AdminURL(""))
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { _ = conn.Close(context.Background()) })
		if _, err := conn.Exec(context.Background(), "SET standard_conforming_strings = "+value); err != nil {
			f.Fatal(err)
		}
		all = append(all, conn)
	}
	return all
}

// FuzzQuoteLiteral checks that every text that may be a name reads back equal when
// it is written as a literal.
func FuzzQuoteLiteral(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	all := connections(f)
	f.Fuzz(func(t *testing.T, text string) {
		if !(&planner{}).validName("text", text, math.MaxInt) {
			return
		}
		statement, err := sql("SELECT ", literal(text), ", 1").bind(Values{})
		if err != nil {
			t.Fatal(err)
		}
		for _, conn := range all {
			result := conn.PgConn().ExecParams(context.Background(), statement, nil, nil, nil, nil).Read()
			if result.Err != nil {
				t.Fatalf("%q: %v", text, result.Err)
			}
			if len(result.Rows) != 1 || len(result.Rows[0]) != 2 || string(result.Rows[0][0]) != text {
				t.Fatalf("%q came back as %q", text, result.Rows)
			}
		}
	})
}

// FuzzIdentifier checks that every text that may be a name reads back equal when
// it is written as an identifier: not cut, not folded, not ended early.
func FuzzIdentifier(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	all := connections(f)
	f.Fuzz(func(t *testing.T, text string) {
		if !(&planner{}).validName("text", text, 63) {
			return
		}
		for _, statement := range []Statement{
			sql("SELECT 1 AS ", ident(text)), sql("SELECT 1 AS ", idents{text}),
			sql("SELECT t.* FROM (SELECT 1 AS ", ident(text), ") AS t WHERE ", qualified{"t", text}, " = 1"),
		} {
			for _, conn := range all {
				result := conn.PgConn().ExecParams(context.Background(), statement.String(), nil, nil, nil, nil).Read()
				if result.Err != nil {
					t.Fatalf("%q: %v", text, result.Err)
				}
				if len(result.FieldDescriptions) != 1 || result.FieldDescriptions[0].Name != text || len(result.Rows) != 1 {
					t.Fatalf("%q came back as %v", text, result.FieldDescriptions)
				}
			}
		}
	})
}
