package postgres_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// TestConnectErrors compares what a user reads when a connection fails, cause and
// fix, with testdata/connect_errors.golden.
func TestConnectErrors(t *testing.T) {
	f := newFixture(t, 18, false)
	at := func(host string, port int, mode string) postgres.Endpoint {
		return postgres.Endpoint{Host: host, Port: int32(port), SSLMode: mode, CA: f.server.CAPEM, Name: "main"}
	}
	real := func(mode string) postgres.Endpoint { return at(f.server.Host, f.server.Port, mode) }
	password := func(text string) postgres.Login {
		return postgres.Login{Username: f.login.Username, Password: secret.NewValue([]byte(text))}
	}
	tricky := postgres.Login{Username: "timeout tls: x509: no such host", Password: f.login.Password}
	wrongCA, notPEM := real("verify-full"), real("verify-full")
	wrongCA.CA, notPEM.CA = otherCA(t), []byte("not PEM")
	plain, cleartext, mute := listen(t, refuseTLS), listen(t, askForCleartext), listen(t, hangUp)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	expired, cancelExpired := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancelExpired()
	<-expired.Done()
	background := context.Background()
	var text strings.Builder
	for _, c := range []struct {
		name     string
		ctx      context.Context
		endpoint postgres.Endpoint
		login    postgres.Login
		database string
	}{
		{"wrong password", background, real("verify-full"), password("wrong-password"), "postgres"},
		{"empty password", background, real("verify-full"), password(""), "postgres"},
		{"unknown role", background, real("verify-full"), postgres.Login{Username: "nobody", Password: secret.NewValue([]byte("x"))}, "postgres"},
		{"unknown database", background, real("verify-full"), f.login, "nosuch"},
		{"unknown host", background, at(strings.Repeat("a", 64)+".example", 5432, "require"), f.login, "postgres"},
		{"nothing listens", background, at("127.0.0.1", closedPort(t), "require"), f.login, "postgres"},
		{"nothing listens, tricky name", background, at("127.0.0.1", closedPort(t), "disable"), tricky, "postgres"},
		{"no TLS, require", background, at("127.0.0.1", plain.port, "require"), f.login, "postgres"},
		{"no TLS, verify-full", background, at("127.0.0.1", plain.port, "verify-full"), f.login, "postgres"},
		{"wrong CA, verify-full", background, wrongCA, f.login, "postgres"},
		{"wrong CA, verify-ca", background, withMode(wrongCA, "verify-ca"), f.login, "postgres"},
		{"CA is not PEM", background, notPEM, f.login, "postgres"},
		{"wrong host name, verify-full", background, at("0.0.0.0", f.server.Port, "verify-full"), f.login, "postgres"},
		{"cleartext password asked for", background, at("127.0.0.1", cleartext.port, "disable"), f.login, "postgres"},
		{"cleartext password asked for, tricky name", background, at("127.0.0.1", cleartext.port, "disable"), tricky, "postgres"},
		{"server hangs up", background, at("127.0.0.1", mute.port, "disable"), f.login, "postgres"},
		{"cancelled", cancelled, real("verify-full"), f.login, "postgres"},
		{"out of time", expired, real("verify-full"), f.login, "postgres"},
	} {
		server, err := postgres.Dial(c.ctx, c.endpoint, c.login, c.database)
		if err == nil {
			server.Close()
			t.Errorf("%s: connected", c.name)
			continue
		}
		fmt.Fprintf(&text, "%s\n  error: %s\n", c.name, strings.ReplaceAll(err.Error(), fmt.Sprintf(":%d", c.endpoint.Port), ":PORT"))
		var hinted *postgres.ConnectError
		if errors.As(err, &hinted) {
			fmt.Fprintf(&text, "  fix:   %s\n", strings.ReplaceAll(hinted.Hint(), fmt.Sprintf(":%d", c.endpoint.Port), ":PORT"))
		}
		if secretText := c.login.Password.Reveal(); secretText != "" && len(secretText) > 3 && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secretText) {
			t.Errorf("%s: the error shows the password", c.name)
		}
	}
	compareGolden(t, filepath.Join("testdata", "connect_errors.golden"), text.String())
	for _, server := range []*listener{plain, cleartext, mute} {
		if got := server.stop(); bytes.Contains(got, []byte(f.login.Password.Reveal())) {
			t.Errorf("the password arrived: %q", got)
		}
	}
}

// TestSSLModes checks which modes connect, and whether the connection is encrypted.
func TestSSLModes(t *testing.T) {
	f := newFixture(t, 18, false)
	for _, c := range []struct {
		mode, host string
		ca         []byte
		tls        bool
	}{
		{"disable", "127.0.0.1", nil, false},
		{"allow", "127.0.0.1", nil, false},
		{"prefer", "127.0.0.1", nil, true},
		{"require", "127.0.0.1", nil, true},
		{"verify-ca", "127.0.0.1", f.server.CAPEM, true},
		{"verify-ca", "0.0.0.0", f.server.CAPEM, true}, // a name that is not in the certificate
		{"verify-full", "127.0.0.1", f.server.CAPEM, true},
		{"verify-full", "localhost", f.server.CAPEM, true},
	} {
		t.Run(c.mode+" "+c.host, func(t *testing.T) {
			endpoint := postgres.Endpoint{Host: c.host, Port: int32(f.server.Port), SSLMode: c.mode, CA: c.ca, Name: "main"}
			checkTLS(t, endpoint, f.login, c.tls)
		})
	}
}

func checkTLS(t *testing.T, endpoint postgres.Endpoint, login postgres.Login, want bool) {
	t.Helper()
	server, err := postgres.Dial(context.Background(), endpoint, login, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	state, err := server.Observe(context.Background(), postgres.Scope{})
	if err != nil || state.Server.TLS != want {
		t.Errorf("TLS is %v (%v), want %v", state.Server.TLS, err, want)
	}
}

// TestEnvironmentHasNoInfluence sets every variable that PostgreSQL's clients read
// to something that would break or weaken the connection.
func TestEnvironmentHasNoInfluence(t *testing.T) {
	f := newFixture(t, 18, false)
	passfile := filepath.Join(t.TempDir(), "pgpass")
	line := fmt.Sprintf("*:*:*:*:%s\n", f.login.Password.Reveal())
	if err := os.WriteFile(passfile, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{
		"PGHOST": "203.0.113.1", "PGHOSTADDR": "203.0.113.1", "PGPORT": "1", "PGDATABASE": "nosuch", "PGUSER": "nobody", "PGPASSWORD": "wrong",
		"PGPASSFILE": passfile, "PGAPPNAME": "other", "PGCONNECT_TIMEOUT": "x", "PGSSLMODE": "disable", "PGSSLKEY": "/nonexistent", "PGSSLCERT": "/nonexistent",
		"PGSSLCERTMODE": "require", "PGSSLSNI": "0", "PGSSLROOTCERT": "/nonexistent", "PGSSLPASSWORD": "x", "PGSSLNEGOTIATION": "direct",
		"PGTARGETSESSIONATTRS": "standby", "PGSERVICE": "nosuch", "PGSERVICEFILE": "/nonexistent", "PGTZ": "Asia/Tokyo", "PGOPTIONS": "-c search_path=evil",
		"PGMINPROTOCOLVERSION": "3.2", "PGMAXPROTOCOLVERSION": "3.2", "PGCHANNELBINDING": "disable", "PGREQUIREAUTH": "md5", "PGCLIENTENCODING": "LATIN1", "PGDATESTYLE": "German",
	}
	for name, value := range variables {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			checkTLS(t, f.endpoint, f.login, true)
			checkTLS(t, withMode(f.endpoint, "require"), f.login, true)
		})
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
	checkTLS(t, f.endpoint, f.login, true)
	if _, err := postgres.Dial(context.Background(), f.endpoint, postgres.Login{Username: f.login.Username}, "postgres"); err == nil {
		t.Error("a password came from elsewhere")
	}
	for name, value := range variables {
		if got := os.Getenv(name); got != value {
			t.Errorf("%s became %q", name, got)
		}
	}
}

// TestPasswordWorks checks that only a refused password counts as one.
func TestPasswordWorks(t *testing.T) {
	for _, version := range versions {
		t.Run(fmt.Sprint(version), func(t *testing.T) { passwordWorks(t, newFixture(t, version, false)) })
	}
}

func passwordWorks(t *testing.T, f fixture) {
	app, server := newApplication(t), f.dial(t)
	app.provision(t, server)
	name := app.loginOf(postgres.ReadOnly)
	good, bad := app.passwords[name], secret.NewValue([]byte("wrong"))
	nobody, closed := unique(t), app.loginOf(postgres.ReadWrite)
	execute(t, f, "postgres", "ALTER ROLE "+closed+" NOLOGIN")
	for _, c := range []struct {
		name     string
		login    postgres.Login
		database string
		want     bool
	}{
		{"right", postgres.Login{Username: name, Password: good}, app.database, true},
		{"right, no such database", postgres.Login{Username: name, Password: good}, nobody, true},
		{"right, not let into the database", postgres.Login{Username: name, Password: good}, "template0", true},
		{"wrong", postgres.Login{Username: name, Password: bad}, app.database, false},
		{"wrong, no such database", postgres.Login{Username: name, Password: bad}, nobody, false},
		{"no such role", postgres.Login{Username: nobody, Password: good}, app.database, false},
		{"right, of a role that may not log in", postgres.Login{Username: closed, Password: app.passwords[closed]}, app.database, true},
		{"wrong, of a role that may not log in", postgres.Login{Username: closed, Password: bad}, app.database, false},
	} {
		got, err := postgres.PasswordWorks(context.Background(), f.endpoint, c.login, c.database)
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v", c.name, got, err)
		}
	}
	elsewhere := f.endpoint
	elsewhere.Port = int32(closedPort(t))
	if _, err := postgres.PasswordWorks(context.Background(), elsewhere, f.login, "postgres"); err == nil {
		t.Error("a server that does not answer knows the password")
	}
	err := postgres.CheckLogin(context.Background(), f.endpoint, postgres.Login{Username: name, Password: good}, app.database, postgres.Admin)
	var refused *postgres.ConnectError
	if !errors.As(err, &refused) {
		t.Fatalf("a readonly login passes for an admin: %v", err)
	}
	if !strings.Contains(err.Error(), "acts as") || !strings.Contains(refused.Hint(), "FROM pg_db_role_setting") {
		t.Errorf("a readonly login passes for an admin, or this version is blamed: %v\n%s", err, refused.Hint())
	}
}

func withMode(e postgres.Endpoint, mode string) postgres.Endpoint {
	e.SSLMode = mode
	return e
}

// otherCA returns a certificate authority that signed nothing.
func otherCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// closedPort returns a port of loopback on which nothing listens.
func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// listener is a server that speaks the beginning of the protocol (manual,
// "Message Formats"), and keeps what it receives.
type listener struct {
	port     int
	listener net.Listener
	done     chan []byte
}

func listen(t *testing.T, talk func(net.Conn) []byte) *listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	server := &listener{port: l.Addr().(*net.TCPAddr).Port, listener: l, done: make(chan []byte, 1)}
	go func() {
		var received []byte
		for {
			conn, err := l.Accept()
			if err != nil {
				server.done <- received
				return
			}
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			received = append(received, talk(conn)...)
			_ = conn.Close()
		}
	}()
	return server
}

// stop ends the server and returns what it received.
func (l *listener) stop() []byte {
	_ = l.listener.Close()
	return <-l.done
}

// readStartup reads a message without a type byte: SSLRequest or StartupMessage.
func readStartup(conn net.Conn) []byte {
	head := make([]byte, 4)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil
	}
	body := make([]byte, min(binary.BigEndian.Uint32(head)-4, 10_000))
	_, _ = io.ReadFull(conn, body)
	return body
}

func refuseTLS(conn net.Conn) []byte {
	received := readStartup(conn)
	_, _ = conn.Write([]byte{'N'})
	rest, _ := io.ReadAll(conn)
	return append(received, rest...)
}

func askForCleartext(conn net.Conn) []byte {
	received := readStartup(conn)
	_, _ = conn.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3})
	rest, _ := io.ReadAll(conn)
	return append(received, rest...)
}

func hangUp(conn net.Conn) []byte { return readStartup(conn) }
