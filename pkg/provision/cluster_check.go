package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// Level grades a finding.
type Level string

// The levels of a finding.
const (
	LevelOK Level = "ok"
	// LevelNote is of what a default server has, and somebody may not want.
	LevelNote    Level = "note"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Finding is one thing that a check looked at.
type Finding struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

// CheckCluster connects to a cluster, looks at what its administrator may do, and
// writes the result to the cluster's status if write is set. The error is set when
// the server could not be asked; findings of LevelError are not an error.
func (p *Provisioner) CheckCluster(ctx context.Context, cluster *v1alpha1.DBCluster, write bool) ([]Finding, error) {
	state, facts, err := p.observeServer(ctx, cluster)
	var findings []Finding
	if err == nil {
		findings = inspect(state, facts, cluster)
	}
	if !write || ctx.Err() != nil { // who was interrupted has found nothing out
		return findings, err
	}
	if statusErr := p.clusterStatus(ctx, cluster, state, facts, findings, err); err == nil {
		err = statusErr
	}
	return findings, err
}

// observeServer connects and reads what is checked.
func (p *Provisioner) observeServer(ctx context.Context, cluster *v1alpha1.DBCluster) (postgres.ServerState, postgres.ServerFacts, error) {
	server, _, err := p.dial(ctx, cluster)
	if err != nil {
		return postgres.ServerState{}, postgres.ServerFacts{}, err
	}
	defer server.Close()
	state, err := server.Observe(ctx, postgres.Scope{Named: true})
	if err != nil {
		return postgres.ServerState{}, postgres.ServerFacts{}, err
	}
	facts, err := server.Facts(ctx, allowedExtensions(cluster))
	return state.Server, facts, err
}

// allowedExtensions returns the names in spec.allowedExtensions.
func allowedExtensions(cluster *v1alpha1.DBCluster) []string {
	names := make([]string, len(cluster.Spec.AllowedExtensions))
	for i, name := range cluster.Spec.AllowedExtensions {
		names[i] = string(name)
	}
	return names
}

// inspection collects findings.
type inspection []Finding

// add adds the finding ok, or bad with its fix.
func (i *inspection) add(good bool, level Level, ok, bad, fix string) {
	if good {
		*i = append(*i, Finding{Level: LevelOK, Text: ok})
		return
	}
	*i = append(*i, Finding{Level: level, Text: bad, Fix: fix})
}

// warnIf adds a warning, or nothing.
func (i *inspection) warnIf(bad bool, text, fix string) {
	if bad {
		*i = append(*i, Finding{Level: LevelWarning, Text: text, Fix: fix})
	}
}

// inspect turns what was observed into findings.
func inspect(s postgres.ServerState, f postgres.ServerFacts, cluster *v1alpha1.DBCluster) []Finding {
	found := inspection{{Level: LevelOK, Text: "PostgreSQL " + s.VersionText + " answers, connected as " + s.Admin},
		{Level: LevelOK, Text: "the server is run as " + string(f.Provider)}}
	if f.Provider == postgres.SelfHosted {
		found[1].Text = "the server is self-hosted"
	}
	found.add(s.TLS, LevelWarning, "the connection is encrypted ("+f.TLSVersion+")", "the connection is not encrypted", "set spec.sslMode to require or verify-full")
	found.rights(s)
	found.open(f)
	found.limits(s, f)
	found.extensions(s, f, allowedExtensions(cluster))
	return found
}

// rights says what the admin may do, and which SQL grants what it may not.
func (i *inspection) rights(s postgres.ServerState) {
	admin := identifier(s.Admin)
	fix := "point spec.endpoint at the primary"
	if !s.InRecovery {
		fix = "have a superuser run: ALTER ROLE " + admin + " SET default_transaction_read_only = off"
	}
	i.add(!s.InRecovery && !s.ReadOnly, LevelError, "the server takes changes", "the server is a standby or read-only", fix)
	i.add(s.Superuser || s.CreateDB, LevelError, "the admin may create databases", "the admin may not create databases",
		"have a superuser run: ALTER ROLE "+admin+" CREATEDB")
	i.add(s.Superuser || s.CreateRole, LevelError, "the admin may create roles", "the admin may not create roles",
		"have a superuser run: ALTER ROLE "+admin+" CREATEROLE")
	i.add(s.SignalBackend, LevelWarning, "the admin may end sessions", "the admin ends sessions of a role by joining it for a moment",
		"a superuser avoids that with: GRANT pg_signal_backend TO "+admin)
	i.add(s.Superuser || s.Version >= 150000, LevelWarning, "the admin may isolate the schema public",
		"before PostgreSQL 15 the schema public belongs to the bootstrap superuser, so every user of a database may create objects in it",
		"upgrade the server, or have a superuser run in each database: ALTER SCHEMA public OWNER TO <database>_owner")
}

// open says where every login may connect beside the databases that it was given.
func (i *inspection) open(f postgres.ServerFacts) {
	var fix []string
	for _, name := range f.OpenDatabases {
		fix = append(fix, "REVOKE CONNECT ON DATABASE "+identifier(name)+" FROM PUBLIC")
	}
	if len(fix) > 0 {
		*i = append(*i, Finding{Level: LevelNote, Text: "every login of the server may connect to " + strings.Join(f.OpenDatabases, ", ") + ", and look at its catalog",
			Fix: "where nobody else needs that, let their owner run: " + strings.Join(fix, "; ")})
	}
}

// What a run needs: time for one statement, and sessions at the same time.
const (
	enoughTime     = time.Minute
	enoughSessions = 10
)

// limits says what would cut our work short.
func (i *inspection) limits(s postgres.ServerState, f postgres.ServerFacts) {
	admin := identifier(s.Admin)
	short := false
	for _, limit := range []struct {
		setting, what string
		after         time.Duration
	}{{"statement_timeout", "statements", f.StatementTimeout}, {"transaction_timeout", "transactions", f.TransactionTimeout}} {
		bad := limit.after > 0 && limit.after < enoughTime
		short = short || bad
		i.warnIf(bad, fmt.Sprintf("the server ends %s of the admin after %s (%s)", limit.what, limit.after, limit.setting),
			"run: ALTER ROLE "+admin+" SET "+limit.setting+" = 0")
	}
	if !short {
		i.add(true, LevelOK, "no time-out cuts the admin's work short", "", "")
	}
	i.add(f.FreeConnections() >= enoughSessions, LevelWarning, fmt.Sprintf("at least %d of %d connections are free", enoughSessions, f.MaxConnections),
		fmt.Sprintf("only %d of %d connections are free", f.FreeConnections(), f.MaxConnections), "end sessions that nobody needs, or raise max_connections")
	i.warnIf(slices.Contains(f.Memberships, "rds_iam"), "the admin is a member of rds_iam, so that its password does not work",
		"run: REVOKE rds_iam FROM "+admin+", or from the role that it has it from")
	i.warnIf(f.PasswordEncryption == "md5", "passwords that users set themselves are stored as MD5 hashes", "set password_encryption of the server to scram-sha-256")
	i.warnIf(f.IgnoresRoleSettings, "PostgreSQL "+s.VersionText+" ignores that admin logins should act as their database's owner group", "upgrade to the next minor version")
}

// extensions says which of the extensions that the cluster allows cannot be created.
func (i *inspection) extensions(s postgres.ServerState, f postgres.ServerFacts, allowed []string) {
	if len(allowed) == 0 {
		return
	}
	var untrusted []string
	for _, name := range allowed {
		if !slices.Contains(f.UnavailableExtensions, name) && !slices.Contains(f.TrustedExtensions, name) {
			untrusted = append(untrusted, name)
		}
	}
	i.add(len(f.UnavailableExtensions) == 0, LevelWarning, "the server offers the extensions of spec.allowedExtensions",
		"the server does not offer "+strings.Join(f.UnavailableExtensions, ", ")+" of spec.allowedExtensions", "install the packages that contain them on the server, or take them off the list")
	i.warnIf(len(untrusted) > 0 && !s.Superuser && f.Provider == postgres.SelfHosted,
		"the admin is no superuser and cannot create what is not trusted of spec.allowedExtensions: "+strings.Join(untrusted, ", "),
		"have a superuser run CREATE EXTENSION in each database that asks for them")
}

// identifier quotes a name for SQL that a user copies.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
