package runner

import (
	"maps"
	"sync"
)

// unreachable are the clusters whose server does not answer, and why. It is safe for
// concurrent use.
type unreachable struct {
	mu sync.Mutex
	by map[string]error
}

// set notes why a cluster does not answer; nil: it does, or is gone.
func (u *unreachable) set(name string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.by == nil {
		u.by = map[string]error{}
	}
	u.by[name] = err
	if err == nil {
		delete(u.by, name)
	}
}

// of returns why a cluster does not answer; nil: it does, as far as is known.
func (u *unreachable) of(name string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.by[name]
}

// all returns a copy of them.
func (u *unreachable) all() map[string]error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.by)
}

func (u *unreachable) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.by)
}
