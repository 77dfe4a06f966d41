package postgres

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// LockDatabase and LockRole name what Lock locks.
func LockDatabase(name string) string { return "database " + name }

// LockRole names the lock of a login.
func LockRole(name string) string { return "role " + name }

// lockClass sets our advisory locks apart from those of other programs.
const lockClass int32 = 0x64627468 // "dbth"

const lockInterval = 200 * time.Millisecond

// Lock takes one advisory lock for each name, in the maintenance database and in
// a fixed order, so that two runs never wait for each other, and waits for other
// writers until ctx ends; waiting is told once for each name that somebody else
// holds. Locks that are free cost one round trip together. They last until Close.
func (s *Server) Lock(ctx context.Context, names []string, waiting func(name string)) error {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	told := ""
	for len(names) > 0 {
		got, err := s.tryLocks(ctx, names)
		if err != nil {
			return fmt.Errorf("lock %s on cluster %q: %w", names[0], s.endpoint.Name, readable(err))
		}
		if names = names[got:]; len(names) == 0 {
			break
		}
		if waiting != nil && told != names[0] {
			told = names[0]
			waiting(told)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lock %s on cluster %q: another run still holds it: %w", names[0], s.endpoint.Name, ctx.Err())
		case <-time.After(lockInterval):
		}
	}
	return nil
}

// tryLocks takes the locks in their order up to the first one that somebody else
// holds, and returns how many it got.
func (s *Server) tryLocks(ctx context.Context, names []string) (int, error) {
	keys := make([]int32, len(names))
	for i, name := range names {
		keys[i] = lockKey(name)
	}
	var got int
	err := s.conn.QueryRow(ctx, `WITH RECURSIVE taken(n, got) AS (
			SELECT 0, true
			UNION ALL SELECT n + 1, pg_try_advisory_lock($1, ($2::int4[])[n + 1]) FROM taken WHERE got AND n < cardinality($2::int4[]))
		SELECT (count(*) FILTER (WHERE got))::int - 1 FROM taken`, lockClass, keys).Scan(&got)
	return got, s.conn.cause(ctx, err)
}

func lockKey(name string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int32(h.Sum32()) //nolint:gosec // a hash: the sign does not matter
}
