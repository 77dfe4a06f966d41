package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress writes lines such as
//
//	control plane     3.2 s  Kubernetes v1.37.1 is ready …
//
// for several goroutines at once.
type progress struct {
	out     io.Writer
	started time.Time
	mu      sync.Mutex // guards out
}

func newProgress(out io.Writer) *progress {
	return &progress{out: out, started: time.Now()}
}

// subject returns a log function whose lines begin with a name.
func (p *progress) subject(name string) func(format string, a ...any) {
	return func(format string, a ...any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprintf(p.out, "%-13s %6.1f s  %s\n", name, time.Since(p.started).Seconds(), fmt.Sprintf(format, a...))
	}
}
