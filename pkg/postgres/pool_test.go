package postgres_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

func newPool(t *testing.T, f fixture, size int) *postgres.Pool {
	t.Helper()
	p := postgres.NewPool(f.endpoint, f.login, "postgres", size)
	t.Cleanup(p.Close)
	return p
}

func get(t *testing.T, p *postgres.Pool) *postgres.Server {
	t.Helper()
	s, err := p.Get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sessions returns the process ids of our sessions in the maintenance database that a
// role has.
func sessions(t *testing.T, f fixture) []uint32 {
	t.Helper()
	rows, err := superuser(t, f, "postgres").Query(context.Background(),
		"SELECT pid FROM pg_stat_activity WHERE usename = $1 AND datname = 'postgres' AND application_name = 'dbtether' ORDER BY pid", f.login.Username)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var pids []uint32
	for rows.Next() {
		var pid uint32
		if err := rows.Scan(&pid); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// newcomer returns a role of its own to connect as, so that its sessions can be counted.
func newcomer(t *testing.T, f fixture) fixture {
	t.Helper()
	app := newApplication(t)
	server := f.dial(t)
	app.desired.Databases = nil
	for i := range app.desired.Logins {
		app.desired.Logins[i].Access = nil
	}
	app.provision(t, server)
	name := app.loginOf(postgres.ReadOnly)
	f.login = postgres.Login{Username: name, Password: app.passwords[name]}
	return f
}

// TestPoolReuses checks that one session serves many, that a second call of Close does
// no harm, and that a session comes back without its locks.
func TestPoolReuses(t *testing.T) {
	for _, version := range versions {
		f := newcomer(t, newFixture(t, version, true))
		pool, other := newPool(t, f, 2), f.dial(t)
		name := postgres.LockDatabase(unique(t))
		before := sessions(t, f)
		for range 5 {
			s := get(t, pool)
			if err := s.Lock(context.Background(), []string{name}, func(string) { t.Error("the lock is still held") }); err != nil {
				t.Fatal(err)
			}
			s.Close()
			s.Close()
		}
		if n := len(sessions(t, f)) - len(before); n != 1 {
			t.Errorf("%d: %d sessions", version, n)
		}
		if err := other.Lock(context.Background(), []string{name}, func(string) { t.Error("the idle session holds the lock") }); err != nil {
			t.Fatal(err)
		}
		pool.Close()
		if _, err := pool.Get(context.Background()); err == nil || err.Error() != `connect to cluster "main": the pool is closed` {
			t.Errorf("got %v", err)
		}
	}
}

// TestPoolIsBounded checks that Get waits for a session, and that Close ends those that
// come back later.
func TestPoolIsBounded(t *testing.T) {
	f := newcomer(t, newFixture(t, 18, true))
	pool := newPool(t, f, 2)
	first, second := get(t, pool), get(t, pool)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := pool.Get(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != `connect to cluster "main": all 2 sessions are in use: context deadline exceeded` {
		t.Errorf("got %v", err)
	}
	first.Close()
	third := get(t, pool)
	if n := len(sessions(t, f)); n != 2 {
		t.Errorf("%d sessions", n)
	}
	pool.Close()
	second.Close()
	third.Close()
	for deadline := time.Now().Add(time.Minute); len(sessions(t, f)) > 0; time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions are left", len(sessions(t, f)))
		}
	}
}

// TestPoolReplacesBroken ends the sessions of a pool from outside, one that is lent and
// one that is idle: the next one works.
func TestPoolReplacesBroken(t *testing.T) {
	f := newcomer(t, newFixture(t, 18, true))
	pool := newPool(t, f, 1)
	for _, wait := range []time.Duration{0, 1100 * time.Millisecond} {
		s := get(t, pool)
		if wait > 0 {
			s.Close()
		}
		pids := sessions(t, f)
		for _, pid := range pids {
			count(t, f, "postgres", "SELECT pg_terminate_backend($1, 5000)::int", int32(pid))
		}
		time.Sleep(wait)
		if wait == 0 {
			_, err := s.Observe(context.Background(), postgres.Scope{})
			var lost *postgres.LostError
			if !errors.As(err, &lost) || lost.Hint() != "run the command again: it takes up where it stopped" {
				t.Errorf("got %v", err)
			}
			s.Close()
		}
		s = get(t, pool)
		if _, err := s.Observe(context.Background(), postgres.Scope{}); err != nil {
			t.Error(err)
		}
		if got := sessions(t, f); len(got) != 1 || slices.Contains(pids, got[0]) {
			t.Errorf("sessions %v, before %v", got, pids)
		}
		s.Close()
	}
}
