package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"

	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// session is a connection and the warnings it received.
type session struct {
	*pgx.Conn
	server  string // what messages call the server
	notices []*pgconn.Notice
}

// endTimeout bounds how long a polite end of a session, or of its transaction, may take.
const endTimeout = 2 * time.Second

// end closes the connection. It does not fail: what cannot be ended politely is cut.
func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	_ = s.Close(ctx)
}

// exec runs one statement over the extended protocol, which takes exactly one: a
// second statement smuggled into a name could not run.
func (s *session) exec(ctx context.Context, statement string) (err error) {
	ctx, step := s.statement(ctx, statement)
	defer func() { tracing.End(step, err) }()
	s.notices = nil
	if _, err = s.PgConn().ExecParams(ctx, statement, nil, nil, nil, nil).Close(); err != nil {
		return s.cause(ctx, err)
	}
	return s.ineffective(statement)
}

// transact runs statements in one transaction: BEGIN and all of them go to the
// server in one write, each a message of its own that takes exactly one statement,
// and COMMIT follows when all of them had an effect. On an error the transaction is
// rolled back; failed is the index of the statement that did not run, or the last
// one if the commit failed. done is told of each statement that ran, in order.
func (s *session) transact(ctx context.Context, statements []string, done func(i int)) (failed int, err error) {
	if failed, err = s.send(ctx, statements, done); err == nil {
		failed = len(statements) - 1
		err = s.exec(ctx, "COMMIT")
	}
	if err != nil {
		s.rollBack(ctx)
	}
	return failed, err
}

// begin says what default_transaction_isolation and its like would decide otherwise.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE"

// send runs BEGIN and the statements. The server stops at the first error and skips
// the rest (manual, "Pipelining").
func (s *session) send(ctx context.Context, statements []string, done func(i int)) (failed int, err error) {
	ctx, step := s.statements(ctx, statements)
	defer func() { tracing.End(step, err) }()
	var batch pgconn.Batch
	batch.ExecParams(begin, nil, nil, nil, nil)
	for _, statement := range statements {
		batch.ExecParams(statement, nil, nil, nil, nil)
	}
	s.notices = nil
	answers := s.PgConn().ExecBatch(ctx, &batch)
	defer func() { // reads what is left, up to the server's being ready
		if closing := answers.Close(); closing != nil && err == nil {
			err = s.cause(ctx, closing)
		}
	}()
	for i := -1; i < len(statements); i++ {
		failed = max(i, 0)
		if !answers.NextResult() {
			return failed, s.cause(ctx, answers.Close())
		}
		if _, err := answers.ResultReader().Close(); err != nil {
			return failed, s.cause(ctx, err)
		}
		if i < 0 {
			continue
		}
		if err := s.ineffective(statements[i]); err != nil {
			return i, err
		}
		s.notices = nil
		done(i)
	}
	return len(statements) - 1, nil
}

// read sends catalog queries in one round trip, and hands what comes to their functions.
func (s *session) read(ctx context.Context, batch *pgx.Batch) (err error) {
	ctx, step := tracing.Start(ctx, "postgresql read")
	defer func() { tracing.End(step, err) }()
	if step.IsRecording() {
		step.SetAttributes(append(s.attributes(), attribute.Int("db.operation.batch.size", batch.Len()))...)
	}
	return s.SendBatch(ctx, batch).Close()
}

// rollBack ends the transaction, or the session where that is impossible. It works
// after ctx has ended.
func (s *session) rollBack(ctx context.Context) {
	if s.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := s.exec(ctx, "ROLLBACK"); err != nil {
		s.end()
	}
}

// ineffective returns an error if the warnings say that the statement did nothing.
// A GRANT or REVOKE without effect is only a warning to the server, with SQLSTATE
// 01006 or 01007, or 01000 for a membership that another role granted; here it fails.
func (s *session) ineffective(statement string) error {
	privileges := strings.HasPrefix(statement, "GRANT ") || strings.HasPrefix(statement, "REVOKE ")
	for _, n := range s.notices {
		if n.Code == "01006" || n.Code == "01007" || privileges && n.SeverityUnlocalized == "WARNING" {
			return &pgconn.PgError{Code: n.Code, Message: n.Message, Detail: n.Detail}
		}
	}
	return nil
}
