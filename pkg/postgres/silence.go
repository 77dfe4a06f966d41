package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// dialFunc opens a connection.
type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// silence is how long the server may answer nothing before it is asked whether it is
// there.
const silence = 15 * time.Second

// watchSilence lets a connection fail whose server is gone, although nothing says so: a
// proxy, a load balancer or a port-forward in between may take what is sent, and acknowledge
// it, long after the server is out of reach. What works for minutes and answers nothing
// meanwhile is left alone: the server is asked over another connection, and its answer
// there, whatever it is, is enough.
func watchSilence(dial dialFunc, after time.Duration) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watched{Conn: conn, after: after, ask: func() error { return answers(dial, network, address) }}, nil
	}
}

// watched is a connection that ends when its server answers nowhere.
type watched struct {
	net.Conn
	after time.Duration
	ask   func() error
	gone  atomic.Bool
}

// Read implements net.Conn. A server that is gone is a time-out.
func (w *watched) Read(into []byte) (int, error) {
	over := make(chan struct{})
	timer := time.AfterFunc(w.after, func() { w.look(over) })
	n, err := w.Conn.Read(into)
	close(over)
	timer.Stop()
	if err != nil && w.gone.Load() {
		err = &net.OpError{Op: "read", Net: "tcp", Addr: w.RemoteAddr(), Err: os.ErrDeadlineExceeded}
	}
	return n, err
}

// look asks again and again until the read is over, or the server does not answer.
func (w *watched) look(over <-chan struct{}) {
	for {
		err := w.ask()
		select {
		case <-over:
			return
		default:
		}
		if err != nil {
			w.gone.Store(true)
			_ = w.Conn.Close()
			return
		}
		select {
		case <-over:
			return
		case <-time.After(w.after):
		}
	}
}

// sslRequest is the message by which a client asks for TLS before it says who it is: the
// server answers one byte, though it may have no connection left (manual, "Message
// Formats", SSLRequest).
var sslRequest = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), 80877103)

// answers returns an error if the server does not answer in time. One that refuses the
// connection is down, or restarts, and has ended the other one itself.
func answers(dial dialFunc, network, address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	conn, err := dial(ctx, network, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Write(sslRequest); err != nil {
		return err
	}
	n, err := conn.Read(make([]byte, 1))
	if n == 0 && err == nil {
		err = errors.New("it answers nothing")
	}
	return err
}
