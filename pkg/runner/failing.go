package runner

import "sync"

// failing are the resources that failed and wait for another try. It is safe for
// concurrent use.
type failing struct {
	mu   sync.Mutex
	keys map[key]struct{}
}

func newFailing() *failing { return &failing{keys: map[key]struct{}{}} }

func (f *failing) add(k key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[k] = struct{}{}
}

func (f *failing) remove(k key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, k)
}

func (f *failing) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.keys)
}
