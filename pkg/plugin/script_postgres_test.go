package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// scriptPostgreSQL is the PostgreSQL that scripts work on. A script finds
//
//	$PG_HOST $PG_PORT              where it is; $PG_VERSION, as in 18.4
//	$PG_SUPERUSER $PG_SUPERPASSWORD
//	$PG_ADMIN $PG_ADMINPASSWORD    a role with CREATEDB and CREATEROLE
//	$PG_CA                         a file with the certificate authority, which
//	                               $KUBE_CA is not
//	$PG_LOG                        the server's log
//
// and the commands
//
//	cluster NAME superuser|createrole  registers the server as DBCluster NAME
//	sql ROLE DATABASE STATEMENT…       runs statements as a role, without its password
//	login SECRET STATEMENT             runs a statement with exactly the uri of a
//	                                   Secret in $NS
//	hold NAME SECRET                   opens a session with a Secret's uri and keeps it
//	hold NAME superuser DATABASE       opens one of the superuser
//	hold -end NAME                     ends it
//	held NAME                          says whether the server has ended it
//	state FILE                         writes what there is of the script, in Kubernetes
//	                                   and on the server, to compare it later
//
// Names without $ are prefixed by PG_ and not PG, because libpq reads those.
type scriptPostgreSQL struct{ *testenv.PostgreSQL }

type serverKey struct{}

type sessionsKey struct{}

func (p scriptPostgreSQL) setup(env *testscript.Env, id string) error {
	env.Setenv("PG_HOST", p.Host)
	env.Setenv("PG_PORT", strconv.Itoa(p.Port))
	env.Setenv("PG_VERSION", p.FullVersion)
	env.Setenv("PG_SUPERUSER", p.Superuser)
	env.Setenv("PG_SUPERPASSWORD", p.SuperuserPassword)
	env.Setenv("PG_ADMIN", p.Admin)
	env.Setenv("PG_ADMINPASSWORD", p.AdminPassword)
	env.Setenv("PG_CA", p.CAFile)
	env.Setenv("PG_LOG", p.LogFile)
	sessions := map[string]*pgx.Conn{}
	env.Values[serverKey{}], env.Values[sessionsKey{}] = p, sessions
	env.Defer(func() {
		for _, session := range sessions {
			_ = session.Close(context.Background())
		}
		if err := p.dropNamedAfter(id); err != nil {
			env.T().Log(err)
			env.T().FailNow()
		}
	})
	return nil
}

// dropNamedAfter drops the databases and roles of a script.
func (p scriptPostgreSQL) dropNamedAfter(id string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.SuperuserURL(""))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	// The newest first: a role that made others cannot go before them.
	for _, list := range []struct{ names, drop string }{
		{"SELECT datname FROM pg_database WHERE datname LIKE '%' || $1 || '%' AND datistemplate", "ALTER DATABASE %s IS_TEMPLATE false"},
		{"SELECT datname FROM pg_database WHERE datname LIKE '%' || $1 || '%' ORDER BY oid DESC", "DROP DATABASE %s WITH (FORCE)"},
		{"SELECT rolname FROM pg_roles WHERE rolname LIKE '%' || $1 || '%' ORDER BY oid DESC", "DROP ROLE %s"},
	} {
		rows, _ := conn.Query(ctx, list.names, id)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, name := range names {
			_, dropErr := conn.Exec(ctx, fmt.Sprintf(list.drop, pgx.Identifier{name}.Sanitize()))
			err = errors.Join(err, dropErr)
		}
		if err != nil {
			return fmt.Errorf("clean up: %w", err)
		}
	}
	return nil
}

// connectAs opens a session of the superuser that acts as a role.
func connectAs(ts *testscript.TestScript, role, database string) (*pgx.Conn, error) {
	server := ts.Value(serverKey{}).(scriptPostgreSQL)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server.SuperuserURL(database))
	if err != nil || role == server.Superuser {
		return conn, err
	}
	_, err = conn.Exec(ctx, "SET SESSION AUTHORIZATION "+pgx.Identifier{role}.Sanitize())
	return conn, err
}

// queries are the commands whose output is what the server answered.
var queries = map[string]func(ts *testscript.TestScript, args []string) (string, error){
	"sql":   querySQL,
	"login": queryLogin,
	"held":  queryHeld,
}

// direct makes a query a command of scripts.
func direct(name string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		text, err := queries[name](ts, args)
		_, _ = fmt.Fprint(ts.Stdout(), text)
		if err != nil {
			_, _ = fmt.Fprintln(ts.Stderr(), err)
		}
		if (err != nil) != neg {
			ts.Fatalf("%s: %v", name, err)
		}
	}
}

func querySQL(ts *testscript.TestScript, args []string) (string, error) {
	if len(args) < 3 {
		ts.Fatalf("usage: sql ROLE DATABASE STATEMENT...")
	}
	conn, err := connectAs(ts, args[0], args[1])
	if err != nil {
		return "", brief(err)
	}
	defer conn.Close(context.Background())
	return query(conn, args[2:]...)
}

func queryLogin(ts *testscript.TestScript, args []string) (string, error) {
	if len(args) != 2 {
		ts.Fatalf("usage: login SECRET STATEMENT")
	}
	conn, err := logIn(ts, args[0])
	if err != nil {
		return "", brief(err)
	}
	defer conn.Close(context.Background())
	return query(conn, args[1])
}

// logIn connects with the uri of a Secret, NAME or NAMESPACE/NAME, and with nothing else.
func logIn(ts *testscript.TestScript, secret string) (*pgx.Conn, error) {
	args := []string{"get", "secret", secret, "-o", "go-template={{.data.uri | base64decode}}"}
	if namespace, name, other := strings.Cut(secret, "/"); other {
		args[2] = name
		args = append(args, "-n", namespace)
	}
	uri, err := kubectlOutput(ts, args...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return pgx.Connect(ctx, uri)
}

// kubectlOutput leaves stdout and stderr of the script as they are.
func kubectlOutput(ts *testscript.TestScript, args ...string) (string, error) {
	command := exec.Command(filepath.Join(ts.Getenv("BIN"), "kubectl"), args...)
	command.Env = []string{"KUBECONFIG=" + ts.Getenv("KUBECONFIG"), "HOME=" + ts.Getenv("WORK")}
	out, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("kubectl: %s", exit.Stderr)
	}
	return string(out), err
}

// query runs statements and returns the rows of all of them, a line each.
func query(conn *pgx.Conn, statements ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var text strings.Builder
	for _, statement := range statements {
		results, err := conn.PgConn().Exec(ctx, statement).ReadAll()
		if err != nil {
			return text.String(), brief(err)
		}
		for _, result := range results {
			for _, row := range result.Rows {
				fields := make([]string, len(row))
				for i, field := range row {
					fields[i] = string(field)
				}
				text.WriteString(strings.Join(fields, " | ") + "\n")
			}
		}
	}
	return text.String(), nil
}

// brief leaves of an error what the server said.
func brief(err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return fmt.Errorf("%s: %s (SQLSTATE %s)", said.Severity, said.Message, said.Code)
	}
	return err
}

func hold(ts *testscript.TestScript, neg bool, args []string) {
	sessions := ts.Value(sessionsKey{}).(map[string]*pgx.Conn)
	switch {
	case !neg && len(args) == 2 && args[0] == "-end":
		ts.Check(sessions[args[1]].Close(context.Background()))
		delete(sessions, args[1])
	case !neg && len(args) == 2:
		conn, err := logIn(ts, args[1])
		ts.Check(err)
		sessions[args[0]] = conn
	case !neg && len(args) == 3 && args[1] == "superuser":
		conn, err := connectAs(ts, ts.Getenv("PG_SUPERUSER"), args[2])
		ts.Check(err)
		sessions[args[0]] = conn
	default:
		ts.Fatalf("usage: hold NAME SECRET, hold NAME superuser DATABASE or hold -end NAME")
	}
}

func queryHeld(ts *testscript.TestScript, args []string) (string, error) {
	if len(args) != 1 {
		ts.Fatalf("usage: held NAME")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if ts.Value(sessionsKey{}).(map[string]*pgx.Conn)[args[0]].Ping(ctx) != nil {
		return "ended\n", nil
	}
	return "open\n", nil
}

// cluster registers the server: cluster NAME superuser|createrole.
func cluster(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || args[1] != "superuser" && args[1] != "createrole" {
		ts.Fatalf("usage: cluster NAME superuser|createrole")
	}
	user, password := ts.Getenv("PG_SUPERUSER"), ts.Getenv("PG_SUPERPASSWORD")
	if args[1] == "createrole" {
		user, password = ts.Getenv("PG_ADMIN"), ts.Getenv("PG_ADMINPASSWORD")
	}
	command := exec.Command(ts.Getenv("BIN")+"/kubectl-dbtether", "cluster", "add", args[0], "--check=false",
		"--endpoint", ts.Getenv("PG_HOST"), "--port", ts.Getenv("PG_PORT"), "--admin-username", user, "--admin-password", "-")
	command.Env = []string{"KUBECONFIG=" + ts.Getenv("KUBECONFIG"), "HOME=" + ts.Getenv("WORK")}
	command.Stdin = strings.NewReader(password)
	out, err := command.CombinedOutput()
	ts.Logf("%s", out)
	ts.Check(err)
}

// state writes the names and versions of all resources and Secrets of $NS, and all
// of the server's databases and roles that the script named: state FILE.
func state(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: state FILE")
	}
	objects, err := kubectlOutput(ts, "--kubeconfig", filepath.Join(ts.Getenv("WORK"), ".admin"), "get", "databases,databaseusers,secrets",
		"-o", `jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`)
	ts.Check(err)
	conn, err := connectAs(ts, ts.Getenv("PG_SUPERUSER"), "")
	ts.Check(err)
	defer conn.Close(context.Background())
	stands, err := query(conn, strings.ReplaceAll(`
		SELECT 'role', rolname, rolcanlogin, rolconnlimit, shobj_description(r.oid, 'pg_authid') FROM pg_roles r WHERE rolname LIKE '%ID%' ORDER BY 2;
		SELECT 'database', datname, datconnlimit, datacl, shobj_description(d.oid, 'pg_database') FROM pg_database d WHERE datname LIKE '%ID%' ORDER BY 2;
		SELECT 'member', roleid::regrole, member::regrole FROM pg_auth_members
			WHERE roleid::regrole::text LIKE '%ID%' OR member::regrole::text LIKE '%ID%' ORDER BY 2, 3`, "ID", ts.Getenv("ID")))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(objects+stands), 0o644))
}
