package plugin

import (
	"context"
	"io"
	"net"
	"strconv"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// listenFor listens on a port of loopback and forwards every connection to the endpoint,
// for programs that cannot dial it themselves. stop ends that.
func listenFor(ctx context.Context, endpoint postgres.Endpoint) (port int, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, err
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil { // it was closed
				return
			}
			go relay(ctx, client, endpoint)
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port, func() { _ = listener.Close() }, nil
}

// relay copies in both directions until one side ends. If the server cannot be reached the
// client's connection just ends: `cluster check` says why.
func relay(ctx context.Context, client net.Conn, endpoint postgres.Endpoint) {
	defer client.Close()
	server, err := endpoint.Dial(ctx, "tcp", net.JoinHostPort(endpoint.Host, strconv.Itoa(int(endpoint.Port))))
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			done <- struct{}{}
		}()
	}
	<-done
}
