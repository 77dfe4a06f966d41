package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Server is a session of an administrator in the maintenance database of a server.
type Server struct {
	endpoint Endpoint
	login    Login
	admin    string // the maintenance database
	conn     *session
	version  int
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
		return fmt.Errorf("connect to cluster %q: %w", s.endpoint.Name, readable(err))
	case pid != s.conn.PgConn().PID():
		return &ConnectError{Server: s.endpoint.Name, Cause: errors.New("a connection pooler stands between us and the server"),
			Fix: "point spec.endpoint at PostgreSQL itself: locks and session settings do not hold behind a pooler"}
	case s.version < 140000:
		return &ConnectError{Server: s.endpoint.Name, Cause: fmt.Errorf("PostgreSQL %d is older than 14", s.version/10000),
			Fix: "upgrade the server: PostgreSQL 14 to 18 are supported"}
	}
	return nil
}

// Close ends the session, and with it every lock it holds. It does not fail: a
// connection that cannot be ended politely is cut.
func (s *Server) Close() { s.conn.end() }

// LockDatabase and LockRole name what Lock locks.
func LockDatabase(name string) string { return "database " + name }

// LockRole names the lock of a login.
func LockRole(name string) string { return "role " + name }

// lockClass sets our advisory locks apart from those of other programs.
const lockClass int32 = 0x64627468 // "dbth"

const lockInterval = 200 * time.Millisecond

// Lock takes one advisory lock for each name, in the maintenance database and in
// a fixed order, and waits for other writers until ctx ends; waiting is told once
// for each name that somebody else holds. The locks last until Close.
func (s *Server) Lock(ctx context.Context, names []string, waiting func(name string)) error {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, name := range names {
		told := false
		for {
			var got bool
			err := s.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockClass, lockKey(name)).Scan(&got)
			if err != nil {
				return fmt.Errorf("lock %s on cluster %q: %w", name, s.endpoint.Name, readable(err))
			}
			if got {
				break
			}
			if !told && waiting != nil {
				waiting(name)
				told = true
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("lock %s on cluster %q: another run still holds it: %w", name, s.endpoint.Name, ctx.Err())
			case <-time.After(lockInterval):
			}
		}
	}
	return nil
}

func lockKey(name string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int32(h.Sum32()) //nolint:gosec // a hash: the sign does not matter
}

// readable strips what pgx wraps around a server's error, and adds its detail.
func readable(err error) error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return err
	}
	text := pgErr.Message
	if pgErr.Detail != "" {
		text += ": " + pgErr.Detail
	}
	return fmt.Errorf("%s (SQLSTATE %s)", text, pgErr.Code)
}
