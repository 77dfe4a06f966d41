package crash

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
)

// PostgreSQL is a proxy in front of a PostgreSQL server. Its clients must not ask
// for TLS.
type PostgreSQL struct {
	Host string
	Port int

	journal  *Journal
	upstream string
	listener net.Listener
	stop     context.CancelFunc
}

// ServePostgreSQL starts a proxy on loopback that forwards to the server at
// upstream, a host:port, and tells the journal of each statement that completed
// and may have changed something. It ends at Close.
func ServePostgreSQL(journal *Journal, upstream string) (*PostgreSQL, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve PostgreSQL: %w", err)
	}
	address := listener.Addr().(*net.TCPAddr)
	ctx, stop := context.WithCancel(context.Background())
	p := &PostgreSQL{Host: address.IP.String(), Port: address.Port, journal: journal, upstream: upstream, listener: listener, stop: stop}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil { // it was closed
				return
			}
			go p.relay(ctx, client)
		}
	}()
	return p, nil
}

// Close ends the proxy and its connections.
func (p *PostgreSQL) Close() error {
	p.stop()
	return p.listener.Close()
}

func (p *PostgreSQL) relay(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	if !p.answers(client, server) {
		return
	}
	_ = server.Close()
	<-gone
	if ctx.Err() == nil {
		p.journal.confirm()
	}
}

// answers forwards what the server says, until one of the two ends the
// connection, or until the client was killed, which it reports.
//
// A message is a byte for its type and four for the length of the rest, those four
// included (manual, "Message Formats"). The server sends a CommandComplete of the
// extended protocol together with the ReadyForQuery that follows Sync: a statement
// outside of a transaction is committed when its tag is seen here. The statements of a
// transaction have all run then, because they reached the server together.
func (p *PostgreSQL) answers(client io.Writer, server io.Reader) (killed bool) {
	from, to := bufio.NewReader(server), bufio.NewWriter(client)
	open := false
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(from, head); err != nil {
			return false
		}
		body := make([]byte, max(binary.BigEndian.Uint32(head[1:]), 4)-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return false
		}
		if head[0] == 'C' {
			what := tag(body)
			open = what == "BEGIN" || open && what != "COMMIT" && what != "ROLLBACK"
			if isWrite(what) && p.journal.after(Write{Server: ToPostgreSQL, What: what, Open: open}) {
				return true
			}
		}
		// A bufio.Writer remembers its error until Flush.
		_, _ = to.Write(head)
		_, _ = to.Write(body)
		if from.Buffered() == 0 && to.Flush() != nil {
			return false
		}
	}
}

// tag returns "CREATE ROLE", or "SELECT" of "SELECT 1".
func tag(body []byte) string {
	return strings.TrimRight(strings.TrimSuffix(string(body), "\x00"), " 0123456789")
}

// reads are the tags of what changes nothing that lasts. All others count, so that
// a statement which the plugin learns one day is not overlooked.
var reads = []string{"BEGIN", "ROLLBACK", "SELECT", "SET", "SHOW"}

func isWrite(tag string) bool { return !slices.Contains(reads, tag) }
