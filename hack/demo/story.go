package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// show runs commands and shows them with what they say.
type show struct {
	ctx         context.Context
	root        string // the repository's folder, where the commands run
	environment []string
	screen      screen
	rehearsal   bool // nothing is run
	err         error
}

// screen is where the demo is seen: a terminal, or a recording of one.
type screen interface {
	io.Writer
	// Type shows a command line as somebody types it.
	Type(line string) error
	// Wait gives somebody the time to read.
	Wait(while time.Duration)
}

// terminal is a screen that shows everything at once.
type terminal struct{ io.Writer }

func (t terminal) Type(line string) error {
	_, err := fmt.Fprintf(t, "$ %s\n", line)
	return err
}

func (t terminal) Wait(time.Duration) {}

// install is the first part of the demo: what a platform team installs once. There is no
// node here that a webhook could run on, so the API server is told where to find it.
func (s *show) install(webhook string) {
	s.title("Install the resource definitions, the policies of the API server and the webhook")
	s.run("kubectl dbtether install --webhook-url " + webhook)
}

// story is the demo: each line of it is a command that a user types.
func (s *show) story(server *testenv.PostgreSQL) error {
	s.title("Make a namespace for a team, whose pods may be injected")
	s.run("kubectl create namespace shop && kubectl config set-context --current --namespace shop")
	s.run("kubectl label namespace shop dbtether.io/injection=enabled")

	s.title("The platform team registers a PostgreSQL server")
	s.runWith(server.SuperuserPassword, fmt.Sprintf("kubectl dbtether cluster add main --endpoint %s --port %d --admin-username %s --admin-password - --credentials-namespace dbtether-system --allowed-namespaces shop",
		server.Host, server.Port, server.Superuser))
	s.run("kubectl dbtether cluster check main")

	s.title("A developer wants a database")
	s.run("kubectl dbtether db create orders --cluster main --user orders-api")
	s.run("kubectl get databases,databaseusers")
	s.run("kubectl get secrets")

	s.title("What the Secret says logs in, and creates a table")
	s.logIn("orders-api-credentials", "CREATE TABLE orders (id serial PRIMARY KEY, item text)", "INSERT INTO orders (item) VALUES ('tea')")

	s.title("A pod asks for the credential by one annotation, and gets references")
	s.run("kubectl run orders --image=example/orders:1 --annotations=dbtether.io/inject=orders-api")
	s.run("kubectl set env pod/orders --list")
	s.logInAsPod("orders")

	s.title("Another team may not use that server")
	s.run("kubectl create namespace team-b")
	s.refused("kubectl dbtether db create theirs --cluster main -n team-b")

	s.title("A second user only reads, also what was created before")
	s.run("kubectl dbtether user create reports --database orders --privileges readonly")
	s.logIn("reports-credentials", "SELECT item FROM orders")
	s.logInFails("reports-credentials", "INSERT INTO orders (item) VALUES ('coffee')")

	s.title("The privilege is changed: the plan shows the difference, reconcile makes it so")
	s.run(`kubectl patch databaseuser reports --type merge -p '{"spec":{"privileges":"readwrite"}}'`)
	s.run("kubectl dbtether db plan orders")
	s.run("kubectl dbtether reconcile")
	s.logIn("reports-credentials", "INSERT INTO orders (item) VALUES ('coffee')", "SELECT item FROM orders")

	s.title("A new password: a second login gets it, the old one works for another day")
	s.run("kubectl dbtether user rotate reports")
	s.logIn("reports-credentials", "SELECT item FROM orders")

	s.title("Somebody grants something by hand: drift says so, reconcile takes it back")
	s.logIn("orders-api-credentials", "GRANT TRUNCATE ON orders TO reports_b")
	s.refused("kubectl dbtether drift")
	s.run("kubectl dbtether reconcile")

	s.title("Done again, nothing is left to do")
	s.run("kubectl dbtether reconcile")

	s.title("A user goes, and its login with it; the data stays")
	s.run("kubectl dbtether user delete reports --yes")
	s.logIn("orders-api-credentials", "SELECT item FROM orders")
	if s.err != nil {
		return s.err
	}
	fmt.Fprint(s.screen, `
What you saw
  - one command made a database, its roles and a login, isolated from every other role of the server;
  - the credential is in a Secret, whose content logged in; PostgreSQL was only ever sent a SCRAM verifier;
  - a pod got that credential by one annotation, as references; the Secret's values are nowhere in it;
  - a namespace that may not use the server was refused, with the reason and the fix;
  - readonly and readwrite hold for tables that were there and for those that come later;
  - a password was replaced without a moment in which no login worked;
  - every change is a plan in SQL that can be read before it runs, and a second run changes nothing.
`)
	return nil
}

// betweenScenes is how long a recording rests before it goes on.
const betweenScenes = time.Second

func (s *show) title(text string) {
	if s.err == nil {
		s.screen.Wait(betweenScenes)
		fmt.Fprintf(s.screen, "\n# %s\n", text)
		s.screen.Wait(betweenScenes / 2)
	}
}

func (s *show) run(command string) { s.runWith("", command) }

// refused runs a command line that has to fail.
func (s *show) refused(command string) {
	if s.err != nil {
		return
	}
	s.run(command)
	if s.rehearsal {
		return
	}
	if s.err == nil {
		s.err = fmt.Errorf("%s: it was not refused", command)
		return
	}
	s.err = s.ctx.Err()
}

// runWith runs a command line with input; after a failure nothing more is run.
func (s *show) runWith(input, command string) {
	if s.err != nil {
		return
	}
	if s.err = s.screen.Type(command); s.err != nil || s.rehearsal {
		return
	}
	var out io.Writer = s.screen
	if t, ok := s.screen.(terminal); ok {
		out = t.Writer // the command sees what it is
	}
	cmd := exec.CommandContext(s.ctx, "sh", "-c", command)
	cmd.Dir = s.root
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.environment, strings.NewReader(input), out, out
	if err := cmd.Run(); err != nil {
		s.err = fmt.Errorf("%s: %w", command, err)
	}
}

// logIn connects with the uri of a Secret, exactly as it stands there, and runs
// statements.
func (s *show) logIn(secret string, statements ...string) {
	if s.err != nil || s.rehearsal {
		return
	}
	s.err = s.session(secret, statements, func(statement, result string) { fmt.Fprintf(s.screen, "  %s\n    → %s\n", statement, result) })
}

// logInFails does the same with a statement that the server has to refuse.
func (s *show) logInFails(secret, statement string) {
	if s.err != nil || s.rehearsal {
		return
	}
	err := s.session(secret, []string{statement}, func(string, string) {})
	if err == nil {
		s.err = fmt.Errorf("%s was allowed to %q", secret, statement)
		return
	}
	fmt.Fprintf(s.screen, "  %s\n    → %v\n", statement, errors.Unwrap(err))
}

func (s *show) session(secret string, statements []string, tell func(statement, result string)) error {
	var object struct{ Data map[string][]byte }
	if err := s.read(&object, "secret", secret); err != nil {
		return err
	}
	conn, err := pgx.Connect(s.ctx, string(object.Data["uri"]))
	if err != nil {
		return fmt.Errorf("log in with secret %s: %w", secret, err)
	}
	defer func() { _ = conn.Close(s.ctx) }()
	fmt.Fprintf(s.screen, "(logged in as %s with Secret %s)\n", object.Data["username"], secret)
	for _, statement := range statements {
		rows, err := conn.Query(s.ctx, statement)
		if err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
		values, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
		result := rows.CommandTag().String()
		if len(values) > 0 {
			result = strings.Join(values, ", ")
		}
		tell(statement, result)
	}
	return nil
}
