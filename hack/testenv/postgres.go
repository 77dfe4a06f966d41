package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgreSQLOptions say which server to start. The zero value is usable.
type PostgreSQLOptions struct {
	// Version is the major version, 14 to 18. 0 takes any server that the
	// machine has, and 18 if it has none.
	Version int
	// Settings go to postgresql.conf and win over the environment's own.
	Settings map[string]string
	// Log is told what happens while that takes time. May be nil.
	Log func(format string, a ...any)
}

// PostgreSQL is a running server. It listens on loopback only, takes TLS and
// plain connections, and asks for a SCRAM password. Its fields do not change.
type PostgreSQL struct {
	Version     int    `json:"version"`     // the major version
	FullVersion string `json:"fullVersion"` // as in "18.4"
	Host        string `json:"host"`        // 127.0.0.1; the certificate is also for localhost
	Port        int    `json:"port"`

	Superuser         string `json:"superuser"`
	SuperuserPassword string `json:"superuserPassword"`
	// Admin may log in, CREATEDB and CREATEROLE, and is a member of
	// pg_signal_backend: what a managed service gives its customer.
	Admin         string `json:"admin"`
	AdminPassword string `json:"adminPassword"`

	CAFile  string `json:"caFile"` // what signed the server's certificate
	CAPEM   []byte `json:"caPEM"`
	LogFile string `json:"logFile"`
	BinDir  string `json:"binDir"`

	workspace *workspace // nil when another process runs the server
	account   *account
	settings  map[string]string
	mu        sync.Mutex // guards server
	server    *process
}

// StartPostgreSQL starts a server in a temporary folder and returns when it
// takes connections. It may first download the binaries with npm. The server
// ends at Stop, or with this process.
func StartPostgreSQL(ctx context.Context, options PostgreSQLOptions) (*PostgreSQL, error) {
	log := logFunc(options.Log).orSilent()
	found, err := findPostgreSQL(ctx, options.Version, log)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	p := &PostgreSQL{Version: found.major, FullVersion: found.full, BinDir: found.binDir, settings: options.Settings}
	if p.account, err = serverAccount(); err != nil {
		return nil, err
	}
	if p.workspace, err = newWorkspace("postgres"); err != nil {
		return nil, err
	}
	if err := p.create(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL %s: %w", p.FullVersion, err), p.Stop())
	}
	log("PostgreSQL %s of %s is ready on %s after %s", p.FullVersion, found.binDir, p.address(), elapsed(started))
	return p, nil
}

// URL returns a connection string for a role, with verified TLS. An empty
// database is "postgres".
func (p *PostgreSQL) URL(user, password, database string) string {
	if database == "" {
		database = "postgres"
	}
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     p.address(),
		Path:     "/" + database,
		RawQuery: url.Values{"sslmode": {"verify-full"}, "sslrootcert": {p.CAFile}}.Encode(),
	}
	return u.String()
}

// SuperuserURL returns the superuser's connection string, with verified TLS.
func (p *PostgreSQL) SuperuserURL(database string) string {
	return p.URL(p.Superuser, p.SuperuserPassword, database)
}

// AdminURL returns the Admin's connection string, with verified TLS.
func (p *PostgreSQL) AdminURL(database string) string {
	return p.URL(p.Admin, p.AdminPassword, database)
}

// Restart stops the server the fast way, which breaks its connections, starts
// it again on the same port and returns when it takes connections. A server of
// another process is refused.
func (p *PostgreSQL) Restart(ctx context.Context) error {
	if err := p.Halt(); err != nil {
		return err
	}
	return p.Resume(ctx)
}

// Halt stops the server as Restart does, and leaves it stopped. A server of another
// process is refused.
func (p *PostgreSQL) Halt() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workspace == nil {
		return fmt.Errorf("halt PostgreSQL %s: %w", p.FullVersion, errShared)
	}
	if p.server == nil {
		return fmt.Errorf("halt PostgreSQL %s: %w", p.FullVersion, errStopped)
	}
	return p.halt()
}

// Resume starts a server that was halted on the same port, and returns when it takes
// connections.
func (p *PostgreSQL) Resume(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workspace == nil || p.server != nil {
		return fmt.Errorf("start PostgreSQL %s again: it was not halted", p.FullVersion)
	}
	if err := p.launch(); err != nil {
		return err
	}
	return p.waitReady(ctx)
}

// Stop ends the server and removes its files. A second call does nothing, and so
// does a call for a server of another process.
func (p *PostgreSQL) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workspace == nil {
		return nil
	}
	err := p.halt()
	removeErr := p.workspace.remove()
	return errors.Join(err, removeErr)
}

// halt asks for a fast shutdown, then an immediate one, which reaches the
// server's own children as SIGKILL would not.
func (p *PostgreSQL) halt() error {
	if p.server == nil {
		return nil
	}
	err := p.server.stop(10*time.Second, syscall.SIGINT, syscall.SIGQUIT)
	p.server = nil
	return err
}

// run starts the server on a free port, and again if that was lost to another
// process.
func (p *PostgreSQL) run(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for attempt := 1; ; attempt++ {
		var err error
		if p.Port, err = freePort(); err != nil {
			return err
		}
		if err = p.launch(); err != nil {
			return err
		}
		if err = p.waitReady(ctx); err == nil || attempt == 3 || !p.server.portWasTaken() {
			return err
		}
	}
}

func (p *PostgreSQL) launch() error {
	cmd := exec.Command(filepath.Join(p.BinDir, "postgres"), "-D", p.dataDir(), "-p", strconv.Itoa(p.Port))
	cmd.Dir = p.dataDir()
	cmd.Env = serverEnvironment()
	cmd.SysProcAttr = p.account.attributes()
	// SIGQUIT is PostgreSQL's immediate shutdown: it takes its children along
	// and gives its shared memory back.
	server, err := startProcess("PostgreSQL", cmd, p.LogFile, syscall.SIGQUIT)
	p.server = server
	return err
}

func (p *PostgreSQL) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return p.server.waitReady(ctx, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, p.SuperuserURL(""))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

func (p *PostgreSQL) address() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

func (p *PostgreSQL) dataDir() string { return p.workspace.file("data") }
