package crash

import (
	"slices"
	"sync"
)

// Write is a write that a server has carried out, without the names in it: two
// runs of one command have the same writes.
type Write struct {
	// Server is Kubernetes or PostgreSQL.
	Server Server
	// What is "POST secrets", or the tag of the statement: "CREATE ROLE".
	What string
	// Open is whether it stands in a transaction that has not ended: it is undone if
	// its session ends now.
	Open bool
}

// Server is one of the two that the plugin writes to.
type Server string

// The servers.
const (
	ToKubernetes Server = "Kubernetes"
	ToPostgreSQL Server = "PostgreSQL"
)

// Point is where a process is killed. The zero value is nowhere.
type Point struct {
	// Number counts the writes to both servers from 1.
	Number int
	// Before means that the server does not see the write. It is possible for
	// writes to Kubernetes. Of several at a time it is the one that comes last.
	Before bool
}

// Journal counts the writes that pass the proxies it is given to. The zero value
// counts, and kills nobody.
type Journal struct {
	mu      sync.Mutex // guards what follows
	writes  []Write
	pending int // how many writes to Kubernetes were sent and not answered yet
	point   Point
	kill    func()
	died    chan struct{}
	lasting func(Write)
}

// Watch starts a new count, in which kill is called at the point: once, from the
// goroutine of a proxy. The channel it returns is closed when the connection that
// carried the fatal write has been ended by the process.
func (j *Journal) Watch(point Point, kill func()) (died <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writes, j.point, j.kill, j.died = nil, point, kill, make(chan struct{})
	return j.died
}

// Observe lets lasting be called after each write that no end of a session undoes,
// from the goroutine of a proxy, while the process waits for the answer; nil ends that.
func (j *Journal) Observe(lasting func(Write)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lasting = lasting
}

// Writes returns the writes since Watch, in their order.
func (j *Journal) Writes() []Write {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.writes)
}

// before is told of a write to Kubernetes that has not reached its server. If it returns true,
// the process has been killed and the write must not be forwarded.
func (j *Journal) before() bool {
	j.mu.Lock()
	fatal := j.point.Before && j.point.Number == len(j.writes)+j.pending+1
	if !fatal {
		j.pending++
	}
	return j.end(fatal)
}

// failed is told of a write to Kubernetes that was sent and got no answer.
func (j *Journal) failed() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending--
}

// after is told of a write that its server has carried out. If it returns true,
// the process has been killed and must not hear of it.
func (j *Journal) after(write Write) bool {
	j.mu.Lock()
	j.writes = append(j.writes, write)
	if write.Server == ToKubernetes {
		j.pending--
	}
	fatal := !j.point.Before && j.point.Number == len(j.writes)
	lasting := j.lasting
	killed := j.end(fatal)
	if lasting != nil && !write.Open {
		lasting(write)
	}
	return killed
}

// end unlocks, because kill may take its time. A process that writes from several
// goroutines is killed once.
func (j *Journal) end(fatal bool) bool {
	kill := j.kill
	if fatal {
		j.point = Point{}
	}
	j.mu.Unlock()
	if fatal {
		kill()
	}
	return fatal
}

// confirm is told that the process which got the fatal answer is gone.
func (j *Journal) confirm() {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.died)
}
