package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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

// login prints as whom a connection string logs in, and as whom it then acts.
func login(ctx context.Context, source func() (string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	uri, err := source()
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, uri)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var session, acts, database string
	if err := conn.QueryRow(ctx, "SELECT session_user, current_user, current_database()").Scan(&session, &acts, &database); err != nil {
		return err
	}
	fmt.Printf("%s as %s in %s\n", session, acts, database)
	return nil
}
