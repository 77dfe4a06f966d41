package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ConnectError says why a server could not be reached or did not let us in.
type ConnectError struct {
	Server string
	// SQLState is the server's code (manual, "PostgreSQL Error Codes"); empty when
	// the server was not reached.
	SQLState string
	Cause    error
	Fix      string

	// routine is the function of the server that refused us; empty like SQLState.
	routine string
}

// Error implements error.
func (e *ConnectError) Error() string {
	return fmt.Sprintf("connect to cluster %q: %v", e.Server, e.Cause)
}

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Cause }

// Hint returns what to do about it.
func (e *ConnectError) Hint() string { return e.Fix }

// connectError turns pgx's error, which repeats itself for every address tried,
// into one cause with its fix.
func (e Endpoint) connectError(login Login, database string, err error) error {
	where := fmt.Sprintf("%s:%d", e.Host, e.Port)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return e.refusedBy(pgErr, login, database, where)
	}
	text := err.Error()
	var whole *pgconn.ConnectError
	if errors.As(err, &whole) { // its text begins with names of ours, which may contain anything
		text = whole.Unwrap().Error()
	}
	var lookup *net.DNSError
	var dialled *dialError
	has := func(part string) bool { return strings.Contains(text, part) }
	var cause, fix string
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("connect to cluster %q: %w", e.Name, context.Canceled)
	case errors.As(err, &dialled):
		cause, fix = dialled.Error(), "check spec.endpoint and spec.port of the DBCluster"
		var hinted interface{ Hint() string }
		if errors.As(err, &hinted) {
			fix = hinted.Hint()
		}
	case has("server refused TLS"):
		cause, fix = "the server at "+where+" does not offer TLS", "enable TLS on the server, or set spec.sslMode to prefer or disable if you accept an unencrypted connection"
	case has("x509:") || has("tls:"):
		cause = "the certificate of " + where + " is not trusted: " + lastCause(err)
		fix = "name the right certificate authority in spec.caSecretRef, or the host name that the certificate carries in spec.endpoint"
	case errors.As(err, &lookup) && lookup.IsNotFound:
		cause, fix = "host "+strconv.Quote(e.Host)+" has no address", "check spec.endpoint of the DBCluster, and that this machine can resolve it"
	case errors.As(err, &lookup):
		cause, fix = "host "+strconv.Quote(e.Host)+" cannot be looked up: "+lookup.Err, "check that this machine can resolve names, and spec.endpoint of the DBCluster"
	case has("connection refused"):
		cause, fix = "nothing listens on "+where, "check spec.endpoint and spec.port of the DBCluster, and that PostgreSQL runs"
	case has("timeout") || has("deadline exceeded"):
		cause, fix = where+" did not answer in time", "check firewalls and security groups between here and the server"
	case has("require_auth") || has("authentication method"):
		cause, fix = "the server asks for the password in cleartext", "set password_encryption and pg_hba.conf of the server to scram-sha-256"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		cause, fix = where+" hung up before the session began", "check that PostgreSQL itself listens at spec.endpoint and spec.port of the DBCluster, and see its log"
	default:
		cause, fix = lastCause(err), "check spec.endpoint, spec.port and spec.sslMode of the DBCluster"
	}
	return &ConnectError{Server: e.Name, Cause: errors.New(cause), Fix: fix}
}

func (e Endpoint) refusedBy(pgErr *pgconn.PgError, login Login, database, where string) error {
	fix := "see the server's log for the reason"
	switch {
	case pgErr.Code == "28P01" || pgErr.Code == "28000":
		fix = fmt.Sprintf("check the user name and password of role %q in the Secret that holds them, and pg_hba.conf of the server", login.Username)
	case pgErr.Code == "3D000":
		fix = fmt.Sprintf("create database %q, or set spec.adminDatabase of the DBCluster to one that exists", database)
	case pgErr.Code == "53300":
		fix = "end sessions, or raise max_connections or the CONNECTION LIMIT of the role or database, then run the command again"
	case strings.HasPrefix(pgErr.Code, "57P"):
		fix = "wait until the server has started, then run the command again"
	case strings.Contains(pgErr.Message, "unsupported startup parameter"):
		fix = "PgBouncer stands at " + where + ": point spec.endpoint at PostgreSQL itself"
	}
	return &ConnectError{Server: e.Name, SQLState: pgErr.Code, routine: pgErr.Routine, Fix: fix,
		Cause: fmt.Errorf("%s (SQLSTATE %s)", pgErr.Message, pgErr.Code)}
}

// lastCause returns the innermost error's text, the last one's of those joined.
func lastCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		var joined interface{ Unwrap() []error }
		if errors.As(err, &joined) {
			causes := joined.Unwrap()
			inner = causes[len(causes)-1]
		}
		if inner == nil {
			lines := strings.Split(err.Error(), "\n")
			return strings.TrimSpace(lines[len(lines)-1])
		}
		err = inner
	}
}
