// Command postgres is the entrypoint of the image that the end-to-end tests run in place of
// postgres:18 (hack/postgresimage): like that image's own, it makes a data directory in
// $PGDATA with the superuser postgres and $POSTGRES_PASSWORD, unless there is one, and
// becomes the server.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

func main() {
	err := run(os.Getenv("PGDATA"), os.Getenv("POSTGRES_PASSWORD"))
	fmt.Fprintln(os.Stderr, "postgres:", err)
	os.Exit(1)
}

// run does not return unless it fails.
func run(data, password string) error {
	if data == "" {
		return errors.New("PGDATA names no folder")
	}
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		if err := initialise(data, password); err != nil {
			return err
		}
	}
	server, err := exec.LookPath("postgres")
	if err != nil {
		return err
	}
	return syscall.Exec(server, []string{server, "-D", data, "-c", "listen_addresses=*", "-c", "unix_socket_directories=/tmp"}, os.Environ())
}

func initialise(data, password string) error {
	if password == "" {
		return errors.New("POSTGRES_PASSWORD is not set: nobody could log in")
	}
	file, err := os.CreateTemp("", "password")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(password + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	cmd := exec.Command("initdb", "--pgdata", data, "--username", "postgres", "--pwfile", file.Name(),
		"--auth-local", "trust", "--auth-host", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	rules, err := os.OpenFile(filepath.Join(data, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = rules.WriteString("host all all all scram-sha-256\n")
	return errors.Join(err, rules.Close())
}
