package faults_test

import (
	"net"
	"sync"
	"testing"
)

// relay stands between a client and PostgreSQL. Cut, it passes no byte in either direction,
// and neither side is told: it takes what is sent, and connections too. Mended, it passes on
// what it had taken: what was under way arrives late.
type relay struct {
	host string
	port int

	listener net.Listener
	mu       sync.Mutex
	passing  *sync.Cond
	cut      bool
}

func newRelay(t *testing.T, upstream string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().(*net.TCPAddr)
	r := &relay{host: address.IP.String(), port: address.Port, listener: listener}
	r.passing = sync.NewCond(&r.mu)
	t.Cleanup(func() {
		_ = listener.Close()
		r.mend()
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil { // it was closed
				return
			}
			go r.relay(client, upstream)
		}
	}()
	return r
}

func (r *relay) relay(client net.Conn, upstream string) {
	r.wait()
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		_ = client.Close()
		return
	}
	pass := func(from, to net.Conn) {
		defer to.Close()
		defer from.Close()
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			r.wait()
			if n > 0 {
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go pass(client, server)
	pass(server, client)
}

// wait returns when bytes pass.
func (r *relay) wait() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.cut {
		r.passing.Wait()
	}
}

func (r *relay) cutOff() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = true
}

func (r *relay) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = false
	r.passing.Broadcast()
}
