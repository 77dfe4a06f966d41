package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// fuzzedSettings are those that a fuzz test sets: lists of both kinds, and texts that
// the server takes as they are or checks.
var fuzzedSettings = []string{"search_path", "temp_tablespaces", "local_preload_libraries", "application_name", "DateStyle", "TimeZone", "work_mem", "search_PATH"}

// settingRole is a role of a process of its own, in a session of the superuser.
func settingRole(f *testing.F) (*pgx.Conn, string) {
	f.Helper()
	server := testenv.SharedPostgreSQL(f, 18)
	conn, err := pgx.Connect(context.Background(), server.SuperuserURL(""))
	if err != nil {
		f.Fatal(err)
	}
	role := fmt.Sprintf("fuzz_setting_%d", os.Getpid())
	f.Cleanup(func() {
		_, err := conn.Exec(context.Background(), "DROP ROLE "+role)
		if err := errors.Join(err, conn.Close(context.Background())); err != nil {
			f.Error(err)
		}
	})
	if _, err := conn.Exec(context.Background(), "CREATE ROLE "+role); err != nil {
		f.Fatal(err)
	}
	return conn, role
}

// FuzzSettings checks that any value of a setting is refused, by us or by the server,
// or stands as it was asked for: planned again, nothing is left to do, and no other
// setting was made.
func FuzzSettings(f *testing.F) {
	for i, text := range slices.Concat(hostileTexts, []string{"app, public", `"$user", app`, `App,"b c" , "$user"`, `"a""b",,c`, `a"b`, `"a" "b"`, "a.b", "ISO, DMY", "Europe/Vienna", "64MB", "off", "default", `"x`, ",", `""`, "a,\tb\n,c", "\u00a0a", "A\u0130"}) {
		f.Add(i, text, "")
		f.Add(i, "a", text)
	}
	conn, role := settingRole(f)
	f.Fuzz(func(t *testing.T, which int, value, before string) {
		name := fuzzedSettings[uint(which)%uint(len(fuzzedSettings))]
		if settingRefused(name, value) != nil {
			return
		}
		var have []string
		if settingRefused(name, before) == nil {
			have = applySettings(t, conn, role, map[string]string{name: before}, nil)
		}
		stored := applySettings(t, conn, role, map[string]string{name: value}, have)
		if steps := settingSteps("ROLE", role, map[string]string{name: value}, stored, nil); len(steps) != 0 && !slices.Equal(stored, have) {
			t.Errorf("%s = %q is stored as %q, and planned again: %s", name, value, stored, steps[0].Statement)
		}
		if len(stored) > 1 || len(stored) == 1 && !strings.EqualFold(strings.SplitN(stored[0], "=", 2)[0], name) {
			t.Errorf("%s = %q made %q", name, value, stored)
		}
		for _, s := range settingSteps("ROLE", role, nil, stored, []string{name}) {
			if err := execOne(conn, s); err != nil {
				t.Fatalf("%s: %v", s.Statement, err)
			}
		}
		if left := storedSettings(t, conn, role); len(left) != 0 {
			t.Errorf("after the reset of %s there is %q", name, left)
		}
	})
}

// settingRefused returns why we refuse a value, with the setting itself allowed.
func settingRefused(name, value string) *Refusal {
	p := &planner{state: State{SettingContexts: map[string]string{name: "user"}}}
	return p.settingRefusal("role", name, value)
}

// applySettings runs the steps for the settings, and returns what is stored then. What
// the server finds wrong with a value changes nothing.
func applySettings(t *testing.T, conn *pgx.Conn, role string, want map[string]string, have []string) []string {
	t.Helper()
	for _, s := range settingSteps("ROLE", role, want, have, nil) {
		err := execOne(conn, s)
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "22023" { // invalid_parameter_value
			return have
		}
		if err != nil {
			t.Fatalf("%s: %v", s.Statement, err)
		}
	}
	return storedSettings(t, conn, role)
}

func execOne(conn *pgx.Conn, s Step) error {
	return conn.PgConn().ExecParams(context.Background(), s.Statement.String(), nil, nil, nil, nil).Read().Err
}

func storedSettings(t *testing.T, conn *pgx.Conn, role string) (settings []string) {
	t.Helper()
	err := conn.QueryRow(context.Background(), "SELECT coalesce((SELECT setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE rolname = $1), '{}')", role).Scan(&settings)
	if err != nil {
		t.Fatal(err)
	}
	return settings
}
