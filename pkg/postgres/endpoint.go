package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
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
	// Dial opens the connections, for example through a port-forward; nil: over TCP. With
	// it, Host is not looked up here, but still checked against the certificate. The
	// connections must know their RemoteAddr.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// settings are those of our sessions beside the ones that all have.
	settings map[string]string
}

// Login is a role and its password.
type Login struct {
	Username string
	Password secret.Value
}

// Time limits of a connection. The server ends a transaction that hears nothing from
// us, and, by its own keep-alives, within a minute the session of a machine that is gone:
// the locks of a process that was killed, or cut off, are free after that.
const (
	connectTimeout = 10 * time.Second
	lockTimeout    = "30s"
	idleTimeout    = "60s"
)

// keepAlive finds out within a minute that the other end is gone.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

// connect opens a session in one database. The environment of the process (PGHOST,
// PGPASSFILE, PGSERVICE …) has no influence on it.
func (e Endpoint) connect(ctx context.Context, login Login, database string) (s *session, err error) {
	ctx, step := tracing.Start(ctx, "postgresql connect", attribute.String("db.namespace", database), attribute.String("dbtether.cluster", e.Name))
	defer func() { tracing.End(step, err) }()
	config, err := e.config(login, database)
	if err != nil {
		return nil, err
	}
	s = &session{server: e.Name}
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { s.notices = append(s.notices, notice) }
	if s.Conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, e.connectError(login, database, err)
	}
	return s, nil
}

// config returns the driver's configuration of a session.
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
		return nil, fmt.Errorf("connect to cluster %q: %w", e.Name, err)
	}
	config.Password = login.Password.Reveal()
	if verify {
		if config.TLSConfig, err = e.verifyingTLS(); err != nil {
			return nil, err
		}
		config.Fallbacks = nil
	}
	e.route(config)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // one round trip for a batch
	// Names in our statements are qualified; nothing in a database may capture them. What
	// the driver takes for granted is spelled out, because roles and databases have settings.
	config.RuntimeParams = map[string]string{
		"application_name": "dbtether", "search_path": "", "lock_timeout": lockTimeout, "idle_in_transaction_session_timeout": idleTimeout,
		"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
		"client_min_messages": "warning", "standard_conforming_strings": "on", "client_encoding": "UTF8", "datestyle": "ISO",
	}
	maps.Copy(config.RuntimeParams, e.settings)
	return config, nil
}

// route says how the server is reached. A request to cancel a statement goes the same
// way as the session.
func (e Endpoint) route(config *pgx.ConnConfig) {
	if e.Dial == nil {
		config.DialFunc = watchSilence((&net.Dialer{Timeout: connectTimeout, KeepAliveConfig: keepAlive}).DialContext, silence)
		return
	}
	address := net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
	config.DialFunc = watchSilence(func(ctx context.Context, network, _ string) (net.Conn, error) {
		conn, err := e.Dial(ctx, network, address)
		if err != nil {
			return nil, &dialError{err}
		}
		return conn, nil
	}, silence)
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
}

// dialError is what Endpoint.Dial failed with: it knows best why.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

// serviceVariable guards PGSERVICE in the environment of the process.
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
