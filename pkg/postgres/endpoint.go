package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Endpoint is a server and how the connection to it is secured.
type Endpoint struct {
	Host string
	Port int32
	// SSLMode is one of libpq's values (manual, "SSL Support", table SSL Mode Descriptions).
	SSLMode string
	// CA is the PEM of the certificate authority; empty: the system's own.
	CA []byte
	// Name is what messages call the server.
	Name string
}

// Login is a role and its password.
type Login struct {
	Username string
	Password secret.Value
}

// Time limits of a connection.
const (
	connectTimeout = 10 * time.Second
	lockTimeout    = "30s"
)

// connect opens a session in one database. The environment of the process (PGHOST,
// PGPASSFILE, PGSERVICE …) has no influence on it.
func (e Endpoint) connect(ctx context.Context, login Login, database string) (*session, error) {
	config, err := e.config(login, database)
	if err != nil {
		return nil, err
	}
	s := &session{}
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { s.notices = append(s.notices, notice) }
	if s.Conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, e.connectError(login, database, err)
	}
	return s, nil
}

// session is a connection and the warnings it received.
type session struct {
	*pgx.Conn
	notices []*pgconn.Notice
}

// end closes the connection. It does not fail: what cannot be ended politely is cut.
func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = s.Close(ctx)
}

func (e Endpoint) config(login Login, database string) (*pgx.ConnConfig, error) {
	mode, verify := e.SSLMode, false
	if mode == "verify-ca" || mode == "verify-full" {
		mode, verify = "require", true
	}
	// Every setting that pgx would otherwise take from the environment or from
	// files in the home directory is spelled out.
	settings := map[string]string{
		"host": e.Host, "port": strconv.Itoa(int(e.Port)), "user": login.Username, "dbname": database,
		"password": "", "sslmode": mode, "sslrootcert": "", "sslcert": "", "sslkey": "", "sslpassword": "",
		"sslcertmode": "disable", "sslsni": "1", "sslnegotiation": "postgres", "passfile": "", "servicefile": "",
		"channel_binding": "prefer", "require_auth": "!password", "options": "", "target_session_attrs": "any", "timezone": "UTC",
		"min_protocol_version": "3.0", "max_protocol_version": "3.0",
		"connect_timeout": strconv.Itoa(int(connectTimeout / time.Second)), "application_name": "dbtether",
	}
	var dsn strings.Builder
	for key, value := range settings {
		fmt.Fprintf(&dsn, "%s='%s' ", key, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value))
	}
	config, err := parseWithoutService(dsn.String())
	if err != nil {
		return nil, fmt.Errorf("connect to %q: %w", e.Name, err)
	}
	config.Password = login.Password.Reveal()
	if verify {
		if config.TLSConfig, err = e.verifyingTLS(); err != nil {
			return nil, err
		}
		config.Fallbacks = nil
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // one round trip for a batch
	// Names in our statements are qualified; nothing in a database may capture them.
	config.RuntimeParams = map[string]string{
		"application_name": "dbtether", "search_path": "", "lock_timeout": lockTimeout,
		"client_min_messages": "warning", "standard_conforming_strings": "on",
	}
	return config, nil
}

var serviceVariable sync.Mutex

// parseWithoutService parses a connection string as if PGSERVICE were unset: it is
// the one variable that a connection string cannot override.
func parseWithoutService(dsn string) (*pgx.ConnConfig, error) {
	serviceVariable.Lock()
	defer serviceVariable.Unlock()
	if service, set := os.LookupEnv("PGSERVICE"); set {
		_ = os.Unsetenv("PGSERVICE")
		defer func() { _ = os.Setenv("PGSERVICE", service) }()
	}
	return pgx.ParseConfig(dsn)
}

// verifyingTLS checks the server's certificate against the CA, and with
// verify-full its name too.
func (e Endpoint) verifyingTLS() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: e.Host}
	if len(e.CA) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(e.CA) {
			return nil, &ConnectError{Server: e.Name, Cause: errors.New("the certificate authority is not PEM"),
				Fix: "put a PEM certificate under the key that spec.caSecretRef names"}
		}
	}
	if e.SSLMode == "verify-full" {
		return config, nil
	}
	roots := config.RootCAs
	config.InsecureSkipVerify = true // the chain is verified below, without the name
	config.VerifyConnection = func(state tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, cert := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(options)
		return err
	}
	return config, nil
}

// ConnectError says why a server could not be reached or did not let us in.
type ConnectError struct {
	Server string
	// SQLState is the server's code (manual, "PostgreSQL Error Codes"); empty when
	// the server was not reached.
	SQLState string
	Cause    error
	Fix      string
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
	has := func(part string) bool { return strings.Contains(text, part) }
	var cause, fix string
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("connect to cluster %q: %w", e.Name, context.Canceled)
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
		fix = "free connections or raise max_connections, then run the command again"
	case strings.HasPrefix(pgErr.Code, "57P"):
		fix = "wait until the server has started, then run the command again"
	case strings.Contains(pgErr.Message, "unsupported startup parameter"):
		fix = "PgBouncer stands at " + where + ": point spec.endpoint at PostgreSQL itself"
	}
	return &ConnectError{Server: e.Name, SQLState: pgErr.Code, Fix: fix,
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
