package faults_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// floodDuration is how long each flood lasts, and floodAtOnce how many reviews are under
	// way at a time.
	floodDuration = 20 * time.Second
	floodAtOnce   = 200
	// memoryLimit is that of the Deployment, in bytes.
	memoryLimit = 512 << 20
	// smallLimit is the shortest time-out of our webhook configurations.
	smallLimit = 2 * time.Second
)

// TestFloodOfLargeReviews sends reviews of 1 MB and of 6 MB to all entries. The webhook's
// memory stays below what the Deployment gives it, and small reviews are answered in time.
func TestFloodOfLargeReviews(t *testing.T) {
	e := newEnvironment(t)
	w := e.webhook(t, "")
	s := e.ordersSite(t)
	for _, size := range []int{1 << 20, 6<<20 - 1024} {
		t.Run(fmt.Sprintf("%d-MB", (size+1<<19)>>20), func(t *testing.T) {
			small := w.keepAsking(s.name, smallLimit, 20*time.Millisecond)
			answered, refused := w.flood(t, s.name, size)
			small.checkMost(t, 20)
			if answered == 0 {
				t.Error("no large review was answered at all")
			}
			resident, peak := w.memory(t)
			t.Logf("%d large reviews answered, %d turned away; %d MiB resident now, %d MiB at most", answered, refused, resident>>20, peak>>20)
			if peak > memoryLimit*9/10 {
				t.Errorf("the webhook took %d MiB: a container of %d MiB is killed soon", peak>>20, memoryLimit>>20)
			}
		})
	}
	w.stop(t)
}

// flood sends large reviews to all entries, and counts those that were answered and those
// that were turned away or not answered in time.
func (w *webhook) flood(t *testing.T, namespace string, size int) (answered, refused int64) {
	t.Helper()
	all, by := reviews(namespace, size), client()
	var yes, no atomic.Int64
	var senders sync.WaitGroup
	until := time.Now().Add(floodDuration)
	entries := []string{"inject", "enforce", "guard", "resources", "templates"}
	for i := range floodAtOnce {
		senders.Go(func() {
			for n := i; time.Now().Before(until); n++ {
				entry := entries[n%len(entries)]
				if got, err := w.ask(by, entry, all[entry], 3*time.Second); err == nil && got.code == 200 {
					yes.Add(1)
				} else {
					no.Add(1)
				}
			}
		})
	}
	senders.Wait()
	return yes.Load(), no.Load()
}

var (
	residentNow  = regexp.MustCompile(`VmRSS:\s*(\d+) kB`)
	residentMost = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)
)

// memory returns the bytes that are resident now, and that were at most (proc(5)).
func (p *process) memory(t *testing.T) (now, most int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Skipf("the memory of a process is asked of Linux: %v", err)
	}
	for value, line := range map[*int]*regexp.Regexp{&now: residentNow, &most: residentMost} {
		match := line.FindSubmatch(status)
		if match == nil {
			t.Fatalf("no %s in\n%s", line, status)
		}
		*value, _ = strconv.Atoi(string(match[1]))
		*value <<= 10
	}
	return now, most
}
