package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	var acts, versionText string
	var version int
	err = conn.QueryRow(ctx, "SELECT current_user::text, current_setting('server_version'), current_setting('server_version_num')::int").Scan(&acts, &versionText, &version)
	if err != nil {
		return fmt.Errorf("check login of role %q: %w", login.Username, readable(conn.cause(ctx, err)))
	}
	want := login.Username
	if privilege == Admin {
		want = GroupsOf(database).Owner
	}
	if acts == want {
		return nil
	}
	fix := "see which setting of the role or the database decides that: SELECT * FROM pg_db_role_setting; then RESET it"
	if ignoresRoleSettings(version) {
		fix = "PostgreSQL " + versionText + " ignores the setting by which a login acts as another role: upgrade to the next minor version"
	}
	return &ConnectError{Server: endpoint.Name, Fix: fix,
		Cause: fmt.Errorf("role %q acts as %q in database %q, not as %q", login.Username, acts, database, want)}
}

// PasswordWorks reports whether the server accepts a login's password. Whether the role
// may log in, and whether the database exists and lets it in, is decided after that, so
// those refusals mean yes. Errors are those of a server that cannot be reached or asked.
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
	switch {
	case refused.SQLState == "28P01": // invalid_password, also said of a role that does not exist
		return false, nil
	case refused.SQLState == "28000" && refused.routine == "InitializeSessionUserId": // NOLOGIN; what pg_hba.conf refuses has the same code
		return true, nil
	case slices.Contains([]string{"3D000", "42501", "55000", "53300"}, refused.SQLState): // no such database, not allowed in, closed, full
		return true, nil
	default:
		return false, err
	}
}
