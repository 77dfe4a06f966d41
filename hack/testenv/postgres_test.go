package testenv_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func queryRow[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	value, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func TestEveryVersionStarts(t *testing.T) {
	for _, version := range []int{14, 15, 16, 17, 18} {
		server := testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{
			Version:  version,
			Settings: map[string]string{"max_connections": "50", "search_path": `"it's", public`},
		})
		conn := connect(t, server.AdminURL(""))
		if got := queryRow[int](t, conn, "SELECT current_setting('server_version_num')::int / 10000"); got != version || server.Version != version {
			t.Errorf("asked for %d, got %d, which says %d", version, got, server.Version)
		}
		if got := queryRow[string](t, conn, "SHOW max_connections"); got != "50" {
			t.Errorf("max_connections is %s, not as set", got)
		}
		if got := queryRow[string](t, conn, "SHOW search_path"); got != `"it's", public` {
			t.Errorf("search_path is %s, not as set", got)
		}
		if err := server.Stop(); err != nil {
			t.Errorf("stop %d: %v", version, err)
		}
		if _, err := os.Stat(filepath.Dir(server.LogFile)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%d left its folder: %v", version, err)
		}
	}
}

func TestAnyVersionIsAtLeast14(t *testing.T) {
	server := testenv.SharedPostgreSQL(t, 0)
	if server.Version < 14 {
		t.Errorf("version is %d", server.Version)
	}
	connect(t, server.SuperuserURL(""))
}

func TestTLSVerifies(t *testing.T) {
	server := testenv.SharedPostgreSQL(t, 18)
	conn := connect(t, server.AdminURL("")) // verify-full
	if !queryRow[bool](t, conn, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") {
		t.Error("the connection is not encrypted")
	}
	connect(t, strings.Replace(server.AdminURL(""), server.Host, "localhost", 1))
	connect(t, strings.Replace(server.AdminURL(""), "verify-full", "disable", 1))

	config, err := pgx.ParseConfig(server.AdminURL(""))
	if err != nil {
		t.Fatal(err)
	}
	config.TLSConfig = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: server.Host}
	var unknown x509.UnknownAuthorityError
	if _, err := pgx.ConnectConfig(t.Context(), config); !errors.As(err, &unknown) {
		t.Errorf("without the CA the connection is not refused as such: %v", err)
	}
}

func TestPasswordIsAsked(t *testing.T) {
	server := testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{Version: 18})
	_, err := pgx.Connect(t.Context(), server.URL(server.Superuser, "wrong", ""))
	if refused := new(pgconn.PgError); !errors.As(err, &refused) || refused.Code != "28P01" {
		t.Errorf("a wrong password is not refused: %v", err)
	}
	conn := connect(t, server.SuperuserURL(""))
	if got := queryRow[int](t, conn, "SELECT count(*) FROM pg_authid WHERE rolpassword LIKE 'SCRAM-SHA-256$%'"); got != 2 {
		t.Errorf("%d roles have a SCRAM verifier, not 2", got)
	}
}

func TestRolesAreAsPromised(t *testing.T) {
	server := testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{Version: 18})
	conn := connect(t, server.SuperuserURL(""))
	const attributes = `SELECT concat_ws(' ',
		CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcreatedb THEN 'createdb' END,
		CASE WHEN rolcreaterole THEN 'createrole' END, CASE WHEN rolreplication THEN 'replication' END,
		CASE WHEN rolbypassrls THEN 'bypassrls' END, CASE WHEN rolcanlogin THEN 'login' END)
		FROM pg_roles WHERE rolname = $1`
	if got := queryRow[string](t, conn, attributes, server.Admin); got != "createdb createrole login" {
		t.Errorf("the admin has: %s", got)
	}
	if got := queryRow[string](t, conn, attributes, server.Superuser); !strings.HasPrefix(got, "superuser") {
		t.Errorf("the superuser has: %s", got)
	}
	memberships := queryRow[string](t, conn, `SELECT string_agg(roleid::regrole::text, ' ') FROM pg_auth_members WHERE member = $1::regrole`, server.Admin)
	if memberships != "pg_signal_backend" {
		t.Errorf("the admin is a member of: %s", memberships)
	}
	if got := queryRow[string](t, conn, "SELECT concat_ws(' ', current_setting('max_connections'), current_setting('fsync'), current_setting('listen_addresses'), current_setting('server_encoding'))"); got != "200 off 127.0.0.1 UTF8" {
		t.Errorf("settings are: %s", got)
	}
}

func TestRestartKeepsDataAndPort(t *testing.T) {
	server := testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{})
	before := connect(t, server.AdminURL(""))
	if _, err := before.Exec(t.Context(), "CREATE DATABASE kept"); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := before.Ping(t.Context()); err == nil {
		t.Error("a connection survived the restart")
	}
	connect(t, server.AdminURL("kept"))
}

func TestStopIsFinalAndRepeatable(t *testing.T) {
	server := testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{})
	config, err := pgx.ParseConfig(server.AdminURL(""))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}
	if err := server.Restart(t.Context()); err == nil {
		t.Error("a stopped server restarted")
	}
	var refused *net.OpError
	if _, err := pgx.ConnectConfig(t.Context(), config); !errors.As(err, &refused) {
		t.Errorf("the stopped server's port does not refuse connections: %v", err)
	}
}

func TestDropAll(t *testing.T) {
	server := testenv.SharedPostgreSQL(t, 18)
	conn := connect(t, server.SuperuserURL(""))
	const name = "dropped_by_testenv"
	for _, statement := range []string{"CREATE ROLE " + name, `CREATE ROLE "A ` + name + `"`, "CREATE DATABASE " + name + "_db OWNER " + name} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	session := connect(t, server.SuperuserURL(name+"_db"))
	if err := server.DropAll(t.Context(), name); err != nil {
		t.Error(err)
	}
	if err := session.Ping(t.Context()); err == nil {
		t.Error("a session in the database lives on")
	}
	if left := queryRow[int](t, conn, "SELECT (SELECT count(*) FROM pg_roles WHERE rolname LIKE $1) + (SELECT count(*) FROM pg_database WHERE datname LIKE $1)", "%"+name+"%"); left != 0 {
		t.Errorf("%d of them are left", left)
	}
}
