package testenv

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DropAll drops all databases, with their sessions, and then all roles whose names contain
// a text: what a test that shares the server has made in it. The error names those that
// could not be dropped.
func (p *PostgreSQL) DropAll(ctx context.Context, text string) error {
	if text == "" {
		return errors.New("drop everything that contains nothing: that would be all there is")
	}
	conn, err := pgx.Connect(ctx, p.SuperuserURL(""))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// The newest first: a role that made others cannot go before them.
	for _, kind := range []struct{ names, drop string }{
		{"SELECT datname FROM pg_database WHERE strpos(datname, $1) > 0 ORDER BY oid DESC", "DROP DATABASE %s WITH (FORCE)"},
		{"SELECT rolname FROM pg_roles WHERE strpos(rolname, $1) > 0 ORDER BY oid DESC", "DROP ROLE %s"},
	} {
		rows, _ := conn.Query(ctx, kind.names, text)
		names, listErr := pgx.CollectRows(rows, pgx.RowTo[string])
		err = errors.Join(err, listErr)
		for _, name := range names {
			statement := fmt.Sprintf(kind.drop, pgx.Identifier{name}.Sanitize())
			if _, dropErr := conn.Exec(ctx, statement); dropErr != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", statement, dropErr))
			}
		}
	}
	return err
}
