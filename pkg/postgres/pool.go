package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Pool keeps sessions of an administrator in the maintenance database of one server,
// so that a run over hundreds of resources does not log in for each. It is safe for
// concurrent use.
type Pool struct {
	endpoint Endpoint
	login    Login
	admin    string
	slots    chan struct{} // one for each session that is lent

	mu     sync.Mutex // guards what follows
	idle   []idleSession
	closed bool
}

// idleSession is a session that waits to be lent again.
type idleSession struct {
	server *Server
	since  time.Time
}

// trustedIdle is how long a session may have waited to be lent without being asked
// whether it still stands.
const trustedIdle = time.Second

// ErrPoolClosed says that a pool lends no more sessions.
var ErrPoolClosed = errors.New("the pool is closed")

// NewPool returns a pool that lends at most size sessions at a time. It does no I/O;
// the parameters are those of Dial.
func NewPool(endpoint Endpoint, login Login, adminDatabase string, size int) *Pool {
	return &Pool{endpoint: endpoint, login: login, admin: adminDatabase, slots: make(chan struct{}, max(size, 1))}
}

// Get returns a session that nobody else uses, and waits until there is one or ctx
// ends. It holds no lock. Close gives it back and releases its locks; a session that
// broke is replaced. Errors are those of Dial, and ErrPoolClosed after Close, or after a
// database has refused the credential.
func (p *Pool) Get(ctx context.Context) (*Server, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to cluster %q: all %d sessions are in use: %w", p.endpoint.Name, cap(p.slots), ctx.Err())
	}
	server, err := p.take(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return server, nil
}

// take returns an idle session that still stands, or a new one.
func (p *Pool) take(ctx context.Context) (*Server, error) {
	for {
		found, err := p.pop()
		switch {
		case err != nil:
			return nil, err
		case found.server == nil:
			server, err := Dial(ctx, p.endpoint, p.login, p.admin)
			if err != nil {
				return nil, err
			}
			server.pool = p
			return server, nil
		case time.Since(found.since) < trustedIdle || found.server.conn.Ping(ctx) == nil:
			return found.server, nil
		default:
			found.server.conn.end()
		}
	}
}

// pop removes the session that was given back last; there may be none.
func (p *Pool) pop() (idleSession, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return idleSession{}, fmt.Errorf("connect to cluster %q: %w", p.endpoint.Name, ErrPoolClosed)
	}
	if len(p.idle) == 0 {
		return idleSession{}, nil
	}
	last := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return last, nil
}

// put takes a session back. One that broke, is in a transaction, or cannot release its
// locks ends, and the server releases them.
func (p *Pool) put(conn *session, version int) {
	defer func() { <-p.slots }()
	if !conn.release() {
		conn.end()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		conn.end()
		return
	}
	server := &Server{endpoint: p.endpoint, login: p.login, admin: p.admin, conn: conn, version: version, pool: p}
	p.idle = append(p.idle, idleSession{server, time.Now()})
}

// release releases the session's locks. It reports whether the session is as good as
// new.
func (s *session) release() bool {
	if s.IsClosed() || s.PgConn().TxStatus() != 'I' {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	return s.exec(ctx, "SELECT pg_advisory_unlock_all()") == nil
}

// Close ends the sessions; those that are lent end when they are given back.
func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, i := range idle {
		i.server.conn.end()
	}
}
