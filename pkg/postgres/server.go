package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// Server is a session of an administrator in the maintenance database of a server.
type Server struct {
	endpoint Endpoint
	login    Login
	admin    string // the maintenance database
	conn     *session
	version  int
	pool     *Pool     // nil: Close ends the session
	closing  sync.Once // Close may be called again
}

// Dial connects to the maintenance database. It refuses servers below PostgreSQL
// 14 and connections through PgBouncer, where locks of a session do not hold.
// Errors are *ConnectError where the server cannot be reached or refuses us.
func Dial(ctx context.Context, endpoint Endpoint, login Login, adminDatabase string) (*Server, error) {
	conn, err := endpoint.connect(ctx, login, adminDatabase)
	if err != nil {
		return nil, err
	}
	s := &Server{endpoint: endpoint, login: login, admin: adminDatabase, conn: conn}
	if err := s.identify(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) identify(ctx context.Context) error {
	var pid uint32
	err := s.conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, pg_backend_pid()").Scan(&s.version, &pid)
	switch {
	case err != nil:
		return fmt.Errorf("connect to cluster %q: %w", s.endpoint.Name, readable(s.conn.cause(ctx, err)))
	case pid != s.conn.PgConn().PID():
		return &ConnectError{Server: s.endpoint.Name, Cause: errors.New("a connection pooler stands between us and the server"),
			Fix: "point spec.endpoint at PostgreSQL itself: locks and session settings do not hold behind a pooler"}
	case s.version < 140000:
		return &ConnectError{Server: s.endpoint.Name, Cause: fmt.Errorf("PostgreSQL %d is older than 14", s.version/10000),
			Fix: "upgrade the server: PostgreSQL 14 to 18 are supported"}
	}
	return nil
}

// enter opens a session of the administrator in another database. Its parameters, which
// are its owner's choice, do not cut our work short there; the time-outs of the
// maintenance database are the platform's, and stand. Errors are *VanishedError where the
// database no longer exists, and else those of connect. A pool whose credential is refused
// is closed: its idle sessions outlive a change of the password, and would go on being lent.
func (s *Server) enter(ctx context.Context, database string) (*session, error) {
	inside := s.endpoint
	inside.settings = map[string]string{"statement_timeout": "0", "idle_session_timeout": "0"}
	if s.version >= 170000 {
		inside.settings["transaction_timeout"] = "0"
	}
	conn, err := inside.connect(ctx, s.login, database)
	var refused *ConnectError
	switch {
	case !errors.As(err, &refused):
	case refused.SQLState == "3D000":
		return nil, &VanishedError{Database: database}
	case strings.HasPrefix(refused.SQLState, "28") && s.pool != nil:
		s.pool.Close()
	}
	return conn, err
}

// VanishedError says that a database went between the reading of the server and the
// moment it was to be entered.
type VanishedError struct{ Database string }

// Error implements error.
func (e *VanishedError) Error() string {
	return fmt.Sprintf("database %q was dropped or renamed at this moment", e.Database)
}

// Hint returns what to do about it.
func (e *VanishedError) Hint() string { return runAgain }

// Close ends the session, or gives it back to its pool, and with it goes every lock
// it holds. It does not fail: a connection that cannot be ended politely is cut. A
// second call does nothing; the Server is not used after the first.
func (s *Server) Close() {
	s.closing.Do(func() {
		if s.pool == nil {
			s.conn.end()
			return
		}
		s.pool.put(s.conn, s.version)
	})
}

// readable strips what pgx wraps around a server's error, and adds its detail.
func readable(err error) error {
	var pgErr *pgconn.PgError
	var lost *LostError
	if errors.As(err, &lost) {
		return lost
	}
	if !errors.As(err, &pgErr) {
		return err
	}
	text := pgErr.Message
	if pgErr.Detail != "" {
		text += ": " + pgErr.Detail
	}
	return fmt.Errorf("%s (SQLSTATE %s)", text, pgErr.Code)
}
