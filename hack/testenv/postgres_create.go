package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// create makes a data directory, starts the server on it and creates the Admin.
func (p *PostgreSQL) create(ctx context.Context) error {
	p.Host = "127.0.0.1"
	p.Superuser, p.SuperuserPassword = "postgres", rand.Text()
	p.Admin, p.AdminPassword = "dbadmin", rand.Text()
	p.CAFile = p.workspace.file("ca.crt")
	p.LogFile = p.workspace.file("postgres.log")
	if err := p.makeReachable(); err != nil {
		return err
	}
	if err := p.initialise(ctx); err != nil {
		return err
	}
	if err := p.configure(); err != nil {
		return err
	}
	if err := p.run(ctx); err != nil {
		return err
	}
	return p.createAdmin(ctx)
}

// makeReachable clones the installation into the workspace if the server's
// account cannot pass the folders that lead to it.
func (p *PostgreSQL) makeReachable() error {
	if !p.account.reaches(p.workspace.path) {
		return fmt.Errorf("user id %d cannot reach %q: set TMPDIR to a folder that all users can pass", p.account.uid, p.workspace.path)
	}
	if p.account.reaches(p.BinDir) {
		return nil
	}
	clone := p.workspace.file("installation")
	if err := cloneTree(filepath.Dir(p.BinDir), clone); err != nil {
		return err
	}
	p.BinDir = filepath.Join(clone, filepath.Base(p.BinDir))
	return nil
}

func (p *PostgreSQL) initialise(ctx context.Context) error {
	if err := errors.Join(os.Mkdir(p.dataDir(), 0o700), p.account.own(p.dataDir())); err != nil {
		return err
	}
	passwordFile := p.workspace.file("password")
	if err := p.writeOwned(passwordFile, []byte(p.SuperuserPassword+"\n")); err != nil {
		return err
	}
	defer os.Remove(passwordFile)
	cmd := exec.Command(filepath.Join(p.BinDir, "initdb"),
		"--pgdata", p.dataDir(), "--username", p.Superuser, "--pwfile", passwordFile,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C",
		"--no-sync", "--no-instructions")
	cmd.Dir = p.dataDir()
	cmd.Env = serverEnvironment()
	cmd.SysProcAttr = p.account.attributes()
	_, err := runCommand(ctx, cmd)
	return err
}

func (p *PostgreSQL) configure() error {
	ca, err := newAuthority("dbtether test PostgreSQL CA")
	if err != nil {
		return err
	}
	certificate, key, err := ca.issueServer("localhost")
	if err != nil {
		return err
	}
	p.CAPEM = ca.certPEM
	settings := map[string]string{
		"listen_addresses":        p.Host,
		"unix_socket_directories": "",
		"max_connections":         "200",
		"ssl":                     "on",
		"ssl_cert_file":           p.workspace.file("server.crt"),
		"ssl_key_file":            p.workspace.file("server.key"),
		"password_encryption":     "scram-sha-256",
		"log_line_prefix":         "%m [%p] %q%u@%d ",
		// The data need not outlive the machine's next crash.
		"fsync":              "off",
		"synchronous_commit": "off",
		"full_page_writes":   "off",
	}
	maps.Copy(settings, p.settings)
	return errors.Join(
		os.WriteFile(p.CAFile, ca.certPEM, 0o644),
		p.writeOwned(settings["ssl_cert_file"], certificate),
		p.writeOwned(settings["ssl_key_file"], key),
		p.writeOwned(filepath.Join(p.dataDir(), "postgresql.auto.conf"), settingsFile(settings)),
		p.writeOwned(filepath.Join(p.dataDir(), "pg_hba.conf"), []byte("host all,replication all 127.0.0.1/32 scram-sha-256\n")),
	)
}

// settingsFile quotes as "Setting Parameters" of the PostgreSQL manual says.
func settingsFile(settings map[string]string) []byte {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s = '%s'\n", name, strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(settings[name]))
	}
	return []byte(text.String())
}

func (p *PostgreSQL) writeOwned(name string, content []byte) error {
	return errors.Join(os.WriteFile(name, content, 0o600), p.account.own(name))
}

func (p *PostgreSQL) createAdmin(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.SuperuserURL(""))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	admin := pgx.Identifier{p.Admin}.Sanitize()
	// rand.Text needs no quoting.
	_, err = conn.Exec(ctx, fmt.Sprintf(
		`CREATE ROLE %s LOGIN CREATEDB CREATEROLE PASSWORD '%s'; GRANT pg_signal_backend TO %s`,
		admin, p.AdminPassword, admin))
	if err != nil {
		return fmt.Errorf("create role %q: %w", p.Admin, err)
	}
	return nil
}

// serverEnvironment has none of the variables that PostgreSQL reads, and a
// locale: without one it does not start on macOS.
func serverEnvironment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=/", "LC_ALL=C", "TZ=UTC"}
}
