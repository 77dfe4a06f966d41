package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// freePort returns a loopback port that was free a moment ago. It is below the
// ranges that Linux (32768) and macOS (49152) take for outgoing connections: a
// port from there may be gone before the server binds it, or at its restart.
func freePort() (int, error) {
	var err error
	for range 200 {
		port := 20000 + rand.IntN(12000)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
}

// FreeAddress returns 127.0.0.1:PORT with a port that was free a moment ago, and that no
// outgoing connection takes.
func FreeAddress() (string, error) {
	port, err := freePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}
