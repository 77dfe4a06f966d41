package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Apply runs the steps of a plan in their order: the very statements that the plan
// printed, with their holes filled. started is told of each step before it runs.
// On an error it stops; the transaction that was open is rolled back, what was
// committed before stays, and a new plan completes it. When a value is missing or
// malformed, nothing runs. Errors are *StepError, or *ConnectError when a database
// cannot be entered.
func (s *Server) Apply(ctx context.Context, plan Plan, values Values, started func(Step)) error {
	statements := make([]string, len(plan.Steps))
	for i, step := range plan.Steps {
		var err error
		if statements[i], err = step.Statement.bind(values); err != nil {
			return &StepError{Step: step, Cause: err}
		}
	}
	run := &run{server: s, started: started}
	defer run.leave()
	for i, step := range plan.Steps {
		last := i+1 == len(plan.Steps) || plan.Steps[i+1].Transaction != step.Transaction || plan.Steps[i+1].Database != step.Database
		first := i == 0 || plan.Steps[i-1].Transaction != step.Transaction || plan.Steps[i-1].Database != step.Database
		if err := run.step(ctx, step, statements[i], first, last); err != nil {
			return err
		}
	}
	return nil
}

// run is an Apply under way: the session of the database it is in.
type run struct {
	server   *Server
	started  func(Step)
	session  *session // nil: the maintenance session is used
	database string
}

func (r *run) step(ctx context.Context, step Step, statement string, first, last bool) error {
	if r.started != nil {
		r.started(step)
	}
	conn, err := r.in(ctx, step.Database)
	if err != nil {
		return err
	}
	if step.Transaction != 0 && first {
		if err := conn.exec(ctx, "BEGIN"); err != nil {
			return &StepError{Step: step, Cause: err}
		}
	}
	if err := conn.exec(ctx, statement); err != nil {
		if step.Transaction != 0 {
			_ = conn.exec(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return &StepError{Step: step, Cause: err}
	}
	if step.Transaction != 0 && last {
		if err := conn.exec(ctx, "COMMIT"); err != nil {
			return &StepError{Step: step, Cause: err}
		}
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
	conn, err := r.server.endpoint.connect(ctx, r.server.login, database)
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

// exec runs one statement over the extended protocol, which takes exactly one: a
// second statement smuggled into a name could not run. A GRANT or REVOKE that did
// nothing is only a warning to the server, with SQLSTATE 01006 or 01007, or 01000
// for a membership that another role granted; here it fails.
func (s *session) exec(ctx context.Context, statement string) error {
	s.notices = nil
	if _, err := s.PgConn().ExecParams(ctx, statement, nil, nil, nil, nil).Close(); err != nil {
		return err
	}
	privileges := strings.HasPrefix(statement, "GRANT ") || strings.HasPrefix(statement, "REVOKE ")
	for _, n := range s.notices {
		if n.Code == "01006" || n.Code == "01007" || privileges && n.SeverityUnlocalized == "WARNING" {
			return &pgconn.PgError{Code: n.Code, Message: n.Message, Detail: n.Detail}
		}
	}
	return nil
}

// StepError says which step failed and why.
type StepError struct {
	Step  Step
	Cause error
}

// Error implements error. It names the step, never its statement.
func (e *StepError) Error() string {
	where := ""
	if e.Step.Database != "" {
		where = fmt.Sprintf(" in database %q", e.Step.Database)
	}
	return fmt.Sprintf("%s %s%s: %v", e.Step.Verb, e.Step.Object, where, readable(e.Cause))
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Cause }

// Hint returns what to do about it.
func (e *StepError) Hint() string {
	var pgErr *pgconn.PgError
	if !errors.As(e.Cause, &pgErr) {
		return "run the command again: it takes up where it stopped"
	}
	switch pgErr.Code {
	case "42501", "01006", "01007":
		return "the admin role lacks a right for this step; `kubectl dbtether cluster check` names it"
	case "01000":
		return "another role granted it: have that role or a superuser revoke it, then run the command again"
	case "55006":
		return "sessions use the database: end them, then run the command again"
	case "42710", "42P04", "23505":
		return "somebody created it at this moment: run the command again to see whose it is"
	case "53300":
		return "the server has no free connection: free some or raise max_connections, then run the command again"
	default:
		return "run the command again: it takes up where it stopped"
	}
}
