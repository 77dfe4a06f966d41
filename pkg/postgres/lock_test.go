package postgres_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestLockWaits checks that a second writer is told that it waits, once, and gets
// the lock when the first one ends.
func TestLockWaits(t *testing.T) {
	f := newFixture(t, 18, false)
	first, second := f.dial(t), f.dial(t)
	name := postgres.LockDatabase(unique(t))
	if err := first.Lock(context.Background(), []string{name}, nil); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		done <- second.Lock(context.Background(), []string{name}, func(n string) { told <- n })
	}()
	if got := <-told; got != name {
		t.Errorf("told of %q, want %q", got, name)
	}
	select {
	case err := <-done:
		t.Fatalf("both hold the lock (%v)", err)
	case <-time.After(500 * time.Millisecond):
	}
	first.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(told) != 0 {
		t.Errorf("told again of %q", <-told)
	}
}

// TestLockCancelled checks that a wait ends with its context, and that the session
// survives it.
func TestLockCancelled(t *testing.T) {
	f := newFixture(t, 18, false)
	first, second := f.dial(t), f.dial(t)
	name := unique(t)
	if err := first.Lock(context.Background(), []string{postgres.LockRole(name)}, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := second.Lock(ctx, []string{postgres.LockRole(name)}, func(string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if want := `lock role ` + name + ` on cluster "main": another run still holds it: context canceled`; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if _, err := second.Observe(context.Background(), postgres.Scope{}); err != nil {
		t.Errorf("the session is gone: %v", err)
	}
}

// TestLockNames checks what stands in whose way.
func TestLockNames(t *testing.T) {
	f := newFixture(t, 18, true)
	first, second := f.dial(t), f.dial(t)
	name := unique(t)
	take := func(s *postgres.Server, names ...string) []string {
		var waited []string
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if err := s.Lock(ctx, names, func(n string) { waited = append(waited, n); cancel() }); (err == nil) != (len(waited) == 0) {
			t.Errorf("%v: %v after waiting for %v", names, err, waited)
		}
		return waited
	}
	database, role, other := postgres.LockDatabase(name), postgres.LockRole(name), postgres.LockRole(name+"2")
	if waited := take(first, role, database, role, database); waited != nil {
		t.Errorf("waits for itself: %v", waited)
	}
	if waited := take(first, role); waited != nil {
		t.Errorf("waits for what it has: %v", waited)
	}
	if waited := take(second, other, postgres.LockDatabase(name+"2")); waited != nil {
		t.Errorf("waits for %v without a reason", waited)
	}
	// In a fixed order, whatever the caller's: two writers cannot wait for each other.
	if waited := take(second, role, other, database); !slices.Equal(waited, []string{database}) {
		t.Errorf("waits for %v, want %s", waited, database)
	}
	if err := second.Lock(context.Background(), nil, nil); err != nil {
		t.Error(err)
	}
}

// TestLockHoldsOneWriter lets several sessions do something one at a time.
func TestLockHoldsOneWriter(t *testing.T) {
	f := newFixture(t, 18, false)
	names := []string{postgres.LockDatabase(unique(t)), postgres.LockRole(unique(t))}
	var mu sync.Mutex
	inside, most := 0, 0
	var all sync.WaitGroup
	for i := range 4 {
		s := f.dial(t)
		mine := slices.Clone(names)
		if i%2 == 0 {
			slices.Reverse(mine)
		}
		all.Go(func() {
			if err := s.Lock(context.Background(), mine, nil); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			time.Sleep(20 * time.Millisecond)
			mu.Lock()
			inside--
			mu.Unlock()
			s.Close()
		})
	}
	all.Wait()
	if most != 1 {
		t.Errorf("%d writers at once", most)
	}
}
