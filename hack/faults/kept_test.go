package faults_test

import (
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// restartAfter is how long a process that has ended stays away.
const restartAfter = time.Second

// kept is a process that is started again when it has ended, as a kubelet does.
type kept struct {
	start func() *process

	mu     sync.Mutex
	now    *process
	starts int
	over   bool
}

// keep starts a process, and starts it again until end is called or the test has ended.
func keep(t *testing.T, start func() *process) *kept {
	t.Helper()
	k := &kept{start: start}
	k.again()
	// It is called before the process is killed: that is a clean-up of its start.
	t.Cleanup(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.over = true
	})
	go func() {
		for {
			<-k.current().exited
			time.Sleep(restartAfter)
			if !k.again() {
				return
			}
		}
	}()
	return k
}

// again starts the process unless that is over, which it reports.
func (k *kept) again() (started bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.now = k.start()
		k.starts++
	}
	return !k.over
}

func (k *kept) current() *process {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// end stops it for good, and returns how often it was started.
func (k *kept) end(t *testing.T) int {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	k.now.stop(t)
	return k.starts
}

// A test that fails before it has called end leaves no process that is started again.
func TestKeptEndsWithItsTest(t *testing.T) {
	var starts atomic.Int32
	t.Run("a test that ends early", func(t *testing.T) {
		keep(t, func() *process {
			starts.Add(1)
			return launch(t, exec.Command("sleep", "600"), "", "")
		})
	})
	time.Sleep(2 * restartAfter)
	if n := starts.Load(); n != 1 {
		t.Errorf("it was started %d times", n)
	}
}
