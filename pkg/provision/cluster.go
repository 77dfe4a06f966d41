package provision

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Endpoint returns where a cluster's server is. It reads the certificate
// authority's Secret if the cluster names one.
func (p *Provisioner) Endpoint(ctx context.Context, cluster *v1alpha1.DBCluster) (postgres.Endpoint, error) {
	endpoint := postgres.Endpoint{Host: cluster.Spec.Endpoint, Port: cluster.Spec.Port, SSLMode: cluster.EffectiveSSLMode(), Name: cluster.Name}
	ref := cluster.Spec.CASecretRef
	if ref == nil {
		return endpoint, nil
	}
	data, err := p.readSecret(ctx, ref.Namespace, ref.Name, "certificate authority", cluster.Name)
	if err != nil {
		return endpoint, err
	}
	if len(data[ref.Key]) == 0 {
		return endpoint, failed("put the PEM certificate under that key, or name another in spec.caSecretRef.key",
			"secret %s/%s of cluster %q has no key %q", ref.Namespace, ref.Name, cluster.Name, ref.Key)
	}
	endpoint.CA = data[ref.Key]
	return endpoint, nil
}

// AdminLogin returns the administrator's credential, from the Secret or from the
// variables that the cluster names.
func (p *Provisioner) AdminLogin(ctx context.Context, cluster *v1alpha1.DBCluster) (postgres.Login, error) {
	if env := cluster.Spec.CredentialsFromEnv; env != nil {
		user, haveUser := p.LookupEnv(env.Username)
		password, havePassword := p.LookupEnv(env.Password)
		if !haveUser || !havePassword {
			return postgres.Login{}, failed("set both variables where this command runs",
				"cluster %q takes its credential from the variables %s and %s, which are not both set", cluster.Name, env.Username, env.Password)
		}
		return postgres.Login{Username: user, Password: secret.NewValue([]byte(password))}, nil
	}
	ref := cluster.Spec.CredentialsSecretRef
	data, err := p.readSecret(ctx, ref.Namespace, ref.Name, "admin credential", cluster.Name)
	if err != nil {
		return postgres.Login{}, err
	}
	for _, key := range []string{"username", "password"} {
		if len(data[key]) == 0 {
			return postgres.Login{}, failed("the Secret needs the keys username and password",
				"secret %s/%s of cluster %q has no key %q", ref.Namespace, ref.Name, cluster.Name, key)
		}
	}
	return postgres.Login{Username: string(data["username"]), Password: secret.NewValue(data["password"])}, nil
}

func (p *Provisioner) readSecret(ctx context.Context, namespace, name, what, cluster string) (secret.Data, error) {
	s, err := p.Secrets.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, failed(fmt.Sprintf("create it: kubectl create secret generic %s -n %s --from-file=…", name, namespace),
			"secret %s/%s, which holds the %s of cluster %q, does not exist", namespace, name, what, cluster)
	case apierrors.IsForbidden(err):
		return nil, failed("ask whoever registered the cluster to run the command, or for the verb get on that Secret",
			"read the %s of cluster %q: you may not get secret %q in namespace %q", what, cluster, name, namespace)
	case err != nil:
		return nil, fmt.Errorf("read the %s of cluster %q: %w", what, cluster, err)
	}
	return s.Data, nil
}

// dial connects to a cluster's maintenance database as its administrator.
func (p *Provisioner) dial(ctx context.Context, cluster *v1alpha1.DBCluster) (*postgres.Server, postgres.Endpoint, error) {
	endpoint, err := p.Endpoint(ctx, cluster)
	if err != nil {
		return nil, endpoint, err
	}
	login, err := p.AdminLogin(ctx, cluster)
	if err != nil {
		return nil, endpoint, err
	}
	p.progress("connecting to cluster %s", cluster.Name)
	server, err := postgres.Dial(ctx, endpoint, login, cluster.Spec.AdminDatabase)
	return server, endpoint, err
}

// Level grades a finding.
type Level string

// The levels of a finding.
const (
	LevelOK      Level = "ok"
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
	state, err := p.observeServer(ctx, cluster)
	var findings []Finding
	if err == nil {
		findings = inspect(state)
	}
	if !write {
		return findings, err
	}
	if statusErr := p.clusterStatus(ctx, cluster, state, findings, err); err == nil {
		err = statusErr
	}
	return findings, err
}

func (p *Provisioner) observeServer(ctx context.Context, cluster *v1alpha1.DBCluster) (postgres.ServerState, error) {
	server, _, err := p.dial(ctx, cluster)
	if err != nil {
		return postgres.ServerState{}, err
	}
	defer server.Close()
	state, err := server.Observe(ctx, postgres.Scope{})
	return state.Server, err
}

// inspect turns what was observed into findings.
func inspect(s postgres.ServerState) []Finding {
	findings := []Finding{{Level: LevelOK, Text: "PostgreSQL " + s.VersionText + " answers, connected as " + s.Admin}}
	add := func(good bool, level Level, ok, bad, fix string) {
		if good {
			findings = append(findings, Finding{Level: LevelOK, Text: ok})
			return
		}
		findings = append(findings, Finding{Level: level, Text: bad, Fix: fix})
	}
	admin := fmt.Sprintf("%q", s.Admin)
	add(s.TLS, LevelWarning, "the connection is encrypted", "the connection is not encrypted", "set spec.sslMode to require or verify-full")
	add(!s.InRecovery && !s.ReadOnly, LevelError, "the server takes changes", "the server is a standby or read-only", "point spec.endpoint at the primary")
	add(s.Superuser || s.CreateDB, LevelError, "the admin may create databases", "the admin may not create databases",
		"have a superuser run: ALTER ROLE "+admin+" CREATEDB")
	add(s.Superuser || s.CreateRole, LevelError, "the admin may create roles", "the admin may not create roles",
		"have a superuser run: ALTER ROLE "+admin+" CREATEROLE")
	add(s.SignalBackend, LevelWarning, "the admin may end sessions", "the admin ends sessions of a role by joining it for a moment",
		"a superuser avoids that with: GRANT pg_signal_backend TO "+admin)
	add(s.Superuser || s.Version >= 150000, LevelWarning, "the admin may isolate the schema public",
		"before PostgreSQL 15 the schema public belongs to the bootstrap superuser, so every user of a database may create objects in it",
		"upgrade the server, or have a superuser run in each database: ALTER SCHEMA public OWNER TO <database>_owner")
	return findings
}
