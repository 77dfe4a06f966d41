package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// relay passes every connection on to target, until ctx ends.
func relay(ctx context.Context, listen, target string) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	for {
		from, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go pass(from, target)
	}
}

func pass(from net.Conn, target string) {
	defer from.Close()
	to, err := net.Dial("tcp", target)
	if err != nil {
		fmt.Println("relay:", err)
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(to, from)
		// Whoever sends no more is told of the other side's end.
		_ = to.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(from, to)
}
