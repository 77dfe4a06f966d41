package plugin

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestListenFor leads a PostgreSQL client to the server through an endpoint that only we
// can dial, several at a time, and ends with stop.
func TestListenFor(t *testing.T) {
	server := testenv.SharedPostgreSQL(t, 0)
	dialled := 0
	endpoint := postgres.Endpoint{Host: "orders.example", Port: 5432, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled++
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(server.Host, strconv.Itoa(server.Port)))
	}}
	port, stop, err := listenFor(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig("sslmode=require dbname=postgres")
	if err != nil {
		t.Fatal(err)
	}
	config.Host, config.Port, config.User, config.Password = "127.0.0.1", uint16(port), server.Superuser, server.SuperuserPassword
	var open []*pgx.Conn
	for range 2 {
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	for _, conn := range open {
		var answer int
		if err := conn.QueryRow(t.Context(), "SELECT 42").Scan(&answer); err != nil || answer != 42 {
			t.Errorf("got %d, %v", answer, err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if dialled != 2 {
		t.Errorf("dialled %d times", dialled)
	}
	stop()
	if _, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		t.Error("it still listens")
	}
}

// TestRelayOfNothing ends the client's connection where the server cannot be reached.
func TestRelayOfNothing(t *testing.T) {
	ours, client := net.Pipe()
	go relay(t.Context(), ours, postgres.Endpoint{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no such service")
	}})
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}
