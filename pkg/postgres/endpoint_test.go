package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// TestDial connects through a dialer of the caller's: the host is not looked up, and its
// name is still checked against the certificate.
func TestDial(t *testing.T) {
	f := newFixture(t, 18, false)
	real := net.JoinHostPort(f.server.Host, strconv.Itoa(f.server.Port))
	var asked []string
	through := func(host string) postgres.Endpoint {
		e := f.endpoint
		e.Host, e.Port = host, 5432
		e.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
			asked = append(asked, address)
			return (&net.Dialer{}).DialContext(ctx, "tcp", real)
		}
		return e
	}
	if _, err := postgres.Dial(context.Background(), through("orders.shop.svc"), f.login, "postgres"); err == nil || !strings.Contains(err.Error(), "the certificate of orders.shop.svc:5432 is not trusted") {
		t.Errorf("got %v", err)
	}
	checkTLS(t, withMode(through("orders.shop.svc"), "require"), f.login, true)
	checkTLS(t, withMode(through("orders.shop.svc"), "verify-ca"), f.login, true)
	checkTLS(t, through("localhost"), f.login, true)
	for _, address := range asked {
		if address != "orders.shop.svc:5432" && address != "localhost:5432" {
			t.Errorf("asked for %s", address)
		}
	}
	broken := through("orders.shop.svc")
	broken.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no pod of the service is ready")
	}
	_, err := postgres.Dial(context.Background(), broken, f.login, "postgres")
	if err == nil || err.Error() != `connect to cluster "main": no pod of the service is ready` {
		t.Errorf("got %v", err)
	}
}

// recordingConn keeps what is written to a server.
type recordingConn struct {
	net.Conn
	written *bytes.Buffer
}

func (c recordingConn) Write(b []byte) (int, error) {
	c.written.Write(b)
	return c.Conn.Write(b)
}

// TestStartupParameters looks at what a session asks of the server when it begins.
func TestStartupParameters(t *testing.T) {
	for _, version := range versions {
		f := newFixture(t, version, false)
		var written bytes.Buffer
		f.endpoint.SSLMode = "disable"
		f.endpoint.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return recordingConn{conn, &written}, err
		}
		f.dial(t)
		for name, value := range map[string]string{"idle_in_transaction_session_timeout": "60s", "lock_timeout": "30s", "search_path": "", "application_name": "dbtether"} {
			if !bytes.Contains(written.Bytes(), []byte("\x00"+name+"\x00"+value+"\x00")) {
				t.Errorf("%d: %s is not %q", version, name, value)
			}
		}
	}
}
