package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Apply runs the steps of a plan in their order: the very statements that the plan
// printed, with their holes filled. The statements of a transaction reach the server
// in one write. started is told of each step, in order, when the one before it is
// done. On an error it stops; the transaction that was open is rolled back, what was
// committed before stays, and a new plan completes it. When a value is missing or
// malformed, nothing runs. Errors are *StepError, with a *LostError in it when the
// connection broke, *ConnectError when a database cannot be entered, or *VanishedError
// when it no longer exists.
func (s *Server) Apply(ctx context.Context, plan Plan, values Values, started func(Step)) error {
	statements := make([]string, len(plan.Steps))
	for i, step := range plan.Steps {
		var err error
		if statements[i], err = step.Statement.bind(values); err != nil {
			return &StepError{Step: step, Cause: err}
		}
	}
	if started == nil {
		started = func(Step) {}
	}
	run := &run{server: s, started: started}
	defer run.leave()
	for from := 0; from < len(plan.Steps); {
		to := from + together(plan.Steps[from:])
		if err := run.steps(ctx, plan.Steps[from:to], statements[from:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// together returns how many of the steps, from the first on, commit together.
func together(steps []Step) int {
	first := steps[0]
	if first.Transaction == 0 {
		return 1
	}
	for i, s := range steps {
		if s.Transaction != first.Transaction || s.Database != first.Database {
			return i
		}
	}
	return len(steps)
}

// run is an Apply under way: the session of the database it is in.
type run struct {
	server   *Server
	started  func(Step)
	session  *session // nil: the maintenance session is used
	database string
}

// steps runs one transaction, or one step that stands alone.
func (r *run) steps(ctx context.Context, steps []Step, statements []string) error {
	r.started(steps[0])
	conn, err := r.in(ctx, steps[0].Database)
	if err != nil {
		return err
	}
	failed := 0
	if steps[0].Transaction == 0 {
		err = conn.exec(ctx, statements[0])
	} else {
		failed, err = conn.transact(ctx, statements, func(i int) {
			if i+1 < len(steps) {
				r.started(steps[i+1])
			}
		})
	}
	if err != nil {
		return &StepError{Step: steps[failed], Cause: err}
	}
	return nil
}

// in returns the session of a database; the maintenance session holds the locks
// and stays open beside it.
func (r *run) in(ctx context.Context, database string) (*session, error) {
	if database == "" {
		r.leave()
		return r.server.conn, nil
	}
	if r.session != nil && r.database == database {
		return r.session, nil
	}
	r.leave()
	conn, err := r.server.enter(ctx, database)
	if err != nil {
		return nil, err
	}
	r.session, r.database = conn, database
	return conn, nil
}

func (r *run) leave() {
	if r.session != nil {
		r.session.end()
		r.session = nil
	}
}

// StepError says which step failed and why.
type StepError struct {
	Step  Step
	Cause error
}

// Error implements error. It names the step, never its statement.
func (e *StepError) Error() string {
	object := e.Step.Object
	if where := inDatabase("", e.Step.Database); !strings.HasSuffix(object, where) {
		object += where
	}
	cause := readable(e.Cause).Error()
	if strings.Contains(cause, ownsSome) {
		cause = ownsSome
	}
	return fmt.Sprintf("%s %s: %s", e.Step.Verb, object, cause)
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Cause }

// badLocale are the codes that CREATE DATABASE answers an encoding or locale with that
// it does not know, or that do not fit together.
var badLocale = []string{"22023", "42704", "42809"}

// Hint returns what to do about it.
func (e *StepError) Hint() string {
	var pgErr *pgconn.PgError
	var lost *LostError
	if errors.As(e.Cause, &lost) {
		return lost.Hint()
	}
	if !errors.As(e.Cause, &pgErr) {
		return runAgain
	}
	if e.Step.Verb == "create" && strings.HasPrefix(e.Step.Object, "database ") && slices.Contains(badLocale, pgErr.Code) {
		return "encoding and locale are fixed: delete the Database, and create it with others"
	}
	if e.Step.Verb == "drop" && strings.HasPrefix(e.Step.Object, "database ") && pgErr.Code == "42501" {
		return "a session of a superuser is connected, which only a superuser may end, or the database belongs to another role than the admin"
	}
	switch pgErr.Code {
	case "42501", "01006", "01007":
		return "the admin role lacks a right for this step; `kubectl dbtether cluster check` names it"
	case "01000":
		return "another role granted it: have that role or a superuser revoke it, then run the command again"
	case "22023":
		return "correct the value in the resource: PostgreSQL does not take it"
	case "55006":
		return "sessions use the database: end them, then run the command again"
	case "42710", "42P04", "23505":
		return "somebody created it at this moment: run the command again to see whose it is"
	case "53300":
		return "the server has no free connection: free some or raise max_connections, then run the command again"
	default:
		return runAgain
	}
}
