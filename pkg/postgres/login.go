package postgres

import (
	"context"
	"errors"
	"fmt"
)

// CheckLogin connects to a database with a credential, and checks that the session
// acts as the role its privilege asks for. It returns a *ConnectError when the
// server refuses the credential or the session acts as another role.
func CheckLogin(ctx context.Context, endpoint Endpoint, login Login, database string, privilege Privilege) error {
	conn, err := endpoint.connect(ctx, login, database)
	if err != nil {
		return err
	}
	defer conn.end()
	var acts, version string
	if err := conn.QueryRow(ctx, "SELECT current_user::text, current_setting('server_version')").Scan(&acts, &version); err != nil {
		return fmt.Errorf("check login of role %q: %w", login.Username, readable(conn.cause(ctx, err)))
	}
	want := login.Username
	if privilege == Admin {
		want = GroupsOf(database).Owner
	}
	if acts != want {
		return &ConnectError{Server: endpoint.Name,
			Cause: fmt.Errorf("role %q acts as %q in database %q, not as %q", login.Username, acts, database, want),
			Fix:   "PostgreSQL " + version + " ignores the role setting if it is 14.14, 15.9, 16.5 or 17.1: upgrade to the next minor version"}
	}
	return nil
}

// PasswordWorks reports whether the server accepts a login's password. Whether the
// database exists and lets the login in is decided after that, so those refusals
// mean yes. Errors are those of a server that cannot be reached or asked.
func PasswordWorks(ctx context.Context, endpoint Endpoint, login Login, database string) (bool, error) {
	conn, err := endpoint.connect(ctx, login, database)
	if err == nil {
		conn.end()
		return true, nil
	}
	var refused *ConnectError
	if !errors.As(err, &refused) {
		return false, err
	}
	switch refused.SQLState {
	case "28P01": // invalid_password, also said of a role that does not exist
		return false, nil
	case "3D000", "42501", "55000", "53300": // no such database, not allowed in, closed, full
		return true, nil
	default:
		return false, err
	}
}
