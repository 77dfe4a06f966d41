package postgres_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestServerRestarts restarts the server in the middle of a plan: the error says so, and
// the next run completes the plan.
func TestServerRestarts(t *testing.T) {
	server, err := testenv.StartPostgreSQL(context.Background(), testenv.PostgreSQLOptions{Version: 18})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	f := fixtureOf(server, false)
	admin, app := f.dial(t), newApplication(t)
	plan := app.plan(t, admin)
	err = admin.Apply(context.Background(), plan, app.values, func(s postgres.Step) {
		if strings.HasPrefix(s.Statement.String(), "CREATE DATABASE") {
			if err := server.Restart(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	want := `create database "` + app.database + `": connection to cluster "main" was lost: terminating connection due to administrator command (SQLSTATE 57P01)`
	var failed *postgres.StepError
	if !errors.As(err, &failed) || err.Error() != want || failed.Hint() != "run the command again: it takes up where it stopped" {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	admin.Close()
	admin = f.dial(t)
	app.provision(t, admin)
	app.settled(t, admin)
}

// cutter is a relay whose connections can be cut.
type cutter struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (c *cutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	server, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer func() { _ = listener.Close() }()
	client, err := (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
	if err != nil {
		return nil, err
	}
	relay, err := listener.Accept()
	if err != nil {
		return nil, err
	}
	for _, way := range [][2]net.Conn{{server, relay}, {relay, server}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
		}()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, relay, server)
	return client, nil
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// TestConnectionIsCut cuts the network under a session: each kind of work says that the
// connection was lost, and what was begun is rolled back.
func TestConnectionIsCut(t *testing.T) {
	on18(t, func(t *testing.T, f fixture) {
		for name, work := range map[string]func(*postgres.Server, *application, postgres.Plan) error{
			"lock": func(s *postgres.Server, app *application, _ postgres.Plan) error {
				return s.Lock(context.Background(), []string{app.database}, nil)
			},
			"observe": func(s *postgres.Server, _ *application, _ postgres.Plan) error {
				_, err := s.Observe(context.Background(), postgres.Scope{})
				return err
			},
			"apply": func(s *postgres.Server, app *application, plan postgres.Plan) error {
				return s.Apply(context.Background(), plan, app.values, nil)
			},
		} {
			var network cutter
			cut := f
			cut.endpoint.Dial = network.dial
			server, app := cut.dial(t), newApplication(t)
			plan := app.plan(t, server)
			network.cut()
			err := work(server, app, plan)
			var lost *postgres.LostError
			if !errors.As(err, &lost) || !strings.HasSuffix(err.Error(), `connection to cluster "main" was lost: the server hung up`) {
				t.Errorf("%s: got %v", name, err)
			}
			if err = work(server, app, plan); !errors.As(err, &lost) || !strings.Contains(err.Error(), "was lost: the server hung up") {
				t.Errorf("%s again: got %v", name, err)
			}
			app.provision(t, f.dial(t))
		}
	})
}
