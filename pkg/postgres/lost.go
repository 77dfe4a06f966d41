package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// LostError says that an established connection ended before its work was done:
// the server was restarted, ended the session, or is out of reach.
type LostError struct {
	Server string
	Cause  error
}

// Error implements error.
func (e *LostError) Error() string {
	return fmt.Sprintf("connection to cluster %q was lost: %v", e.Server, readable(e.Cause))
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Cause }

// Hint returns what to do about it.
func (e *LostError) Hint() string { return runAgain }

// runAgain is the hint where nothing has to be mended first.
const runAgain = "run the command again: it takes up where it stopped"

// cause returns an error of the session as a *LostError if the session is lost. An
// error of the context stays what it is, although the session is lost then too.
func (s *session) cause(ctx context.Context, err error) error {
	var lost *LostError
	switch {
	case err == nil || errors.As(err, &lost):
		return err
	case ctx.Err() != nil && (errors.Is(err, ctx.Err()) || s.IsClosed()):
		return ctx.Err()
	case s.IsClosed() || endsSession(err):
		return &LostError{Server: s.server, Cause: broken(err)}
	default:
		return err
	}
}

// endsSession reports whether the server said good-bye with this error (manual,
// "PostgreSQL Error Codes"): it shuts down, crashed or starts, dropped the database,
// or its time-outs ended the session.
func endsSession(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	switch pgErr.Code {
	case "57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04":
		return true
	default:
		return strings.HasPrefix(pgErr.Code, "08")
	}
}

// broken returns an error of the network in words.
func broken(err error) error {
	var pgErr *pgconn.PgError
	var network *net.OpError
	switch {
	case errors.As(err, &pgErr):
		return pgErr
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed),
		err.Error() == "conn closed": // what pgconn says of a session that broke before, or while it looked ahead
		return &brokenError{"the server hung up", err}
	case errors.As(err, &network) && network.Timeout():
		return &brokenError{"the server stopped answering", err}
	default:
		return &brokenError{lastCause(err), err}
	}
}

// brokenError is an error in words of ours.
type brokenError struct {
	text  string
	cause error
}

func (e *brokenError) Error() string { return e.text }

func (e *brokenError) Unwrap() error { return e.cause }
