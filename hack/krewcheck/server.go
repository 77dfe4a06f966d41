package main

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// server serves one folder on loopback, where it can be known before the folder
// is there: the manifest names the address.
type server struct {
	uri    string
	http   *http.Server
	folder atomic.Pointer[http.Handler]
}

// listen returns a server that answers 404 until serve is called.
func listen() (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{uri: "http://" + listener.Addr().String()}
	s.http = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if folder := s.folder.Load(); folder != nil {
				(*folder).ServeHTTP(w, r)
				return
			}
			http.NotFound(w, r)
		}),
	}
	// It returns ErrServerClosed after stop; any other failure is one of whoever
	// downloads.
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// serve makes the folder what is served from now on.
func (s *server) serve(folder string) {
	handler := http.FileServer(http.Dir(folder))
	s.folder.Store(&handler)
}

func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.http.Shutdown(ctx)
}
