package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// fromEnvironment returns the connection string of libpq's variables, which pgx reads
// by itself. It fails where one is missing, so that no default takes its place.
func fromEnvironment() (string, error) {
	for _, name := range []string{"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSSLMODE"} {
		if os.Getenv(name) == "" {
			return "", fmt.Errorf("read the environment: %s is not set", name)
		}
	}
	return "", nil
}

// fromFiles returns the connection string of a binding's file.
func fromFiles(binding string) (string, error) {
	text, err := os.ReadFile(filepath.Join(os.Getenv("SERVICE_BINDING_ROOT"), binding, "uri"))
	return strings.TrimSpace(string(text)), err
}

// fromServiceFile returns the empty connection string: pgx reads the service file as
// libpq does. It fails where something else would tell it what to do.
func fromServiceFile() (string, error) {
	for _, name := range []string{"PGHOST", "PGUSER", "PGPASSWORD"} {
		if os.Getenv(name) != "" {
			return "", fmt.Errorf("read the environment: %s is set", name)
		}
	}
	if os.Getenv("PGSERVICEFILE") == "" || os.Getenv("PGSERVICE") == "" {
		return "", errors.New("read the environment: PGSERVICEFILE or PGSERVICE is not set")
	}
	return "", nil
}

// login prints as whom a connection string logs in, and as whom it then acts.
func login(ctx context.Context, source func() (string, error)) error {
	said, err := whoami(ctx, source)
	if err == nil {
		fmt.Println(said)
	}
	return err
}

// whoami logs in, and returns as whom.
func whoami(ctx context.Context, source func() (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	uri, err := source()
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, uri)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var session, acts, database string
	if err := conn.QueryRow(ctx, "SELECT session_user, current_user, current_database()").Scan(&session, &acts, &database); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s as %s in %s", session, acts, database), nil
}

// steady logs in ten times a second until ctx ends. It prints each failure, and each time
// that it is somebody else.
func steady(ctx context.Context, source func() (string, error)) error {
	before, logins := "", 0
	for ctx.Err() == nil {
		said, err := whoami(ctx, source)
		switch {
		case err != nil && ctx.Err() == nil:
			fmt.Printf("FAILED after %d logins: %v\n", logins, err)
		case err == nil && said != before:
			fmt.Printf("after %d logins: %s\n", logins, said)
			before = said
		}
		logins++
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}
