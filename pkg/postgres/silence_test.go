package postgres

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// TestSilentServer checks that a statement which takes its time is waited for, and that a
// connection ends which something in between keeps open for a server that is out of reach.
func TestSilentServer(t *testing.T) {
	server := testenv.SharedPostgreSQL(t, 18)
	const after = 200 * time.Millisecond
	reachable := true
	dial := watchSilence(func(ctx context.Context, network, _ string) (net.Conn, error) {
		if !reachable {
			return nil, errors.New("no way there")
		}
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(server.Host, strconv.Itoa(server.Port)))
	}, after)
	endpoint := Endpoint{Host: server.Host, Port: int32(server.Port), SSLMode: "require", Name: "main", Dial: dial}
	conn, err := endpoint.connect(t.Context(), Login{server.Superuser, secret.NewValue([]byte(server.SuperuserPassword))}, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.end()
	if err := conn.exec(t.Context(), "SELECT pg_sleep(2)"); err != nil {
		t.Errorf("a statement of ten silences: %v", err)
	}
	reachable = false
	started := time.Now()
	err = conn.exec(t.Context(), "SELECT pg_sleep(60)")
	var lost *LostError
	if !errors.As(err, &lost) || lost.Error() != `connection to cluster "main" was lost: the server stopped answering` || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a server that is out of reach: %v", err)
	}
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("that took %s", took)
	}
}
