package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// Endpoint returns where a cluster's server is. It reads the certificate
// authority's Secret if the cluster names one.
func (p *Provisioner) Endpoint(ctx context.Context, cluster *v1alpha1.DBCluster) (postgres.Endpoint, error) {
	endpoint := postgres.Endpoint{Host: cluster.Spec.Endpoint, Port: cluster.Spec.Port, SSLMode: cluster.EffectiveSSLMode(), Name: cluster.Name,
		Dial: p.through(cluster)}
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
	if p.AdminSecretNamespaces != nil && !slices.Contains(p.AdminSecretNamespaces, ref.Namespace) {
		return postgres.Login{}, p.elsewhere(cluster)
	}
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

// elsewhere refuses a cluster whose administrator's credential is in a namespace that
// this run does not read any in: whoever may write a DBCluster would have it read
// everybody's Secrets.
func (p *Provisioner) elsewhere(cluster *v1alpha1.DBCluster) error {
	namespace, allowed := cluster.Spec.CredentialsSecretRef.Namespace, "none"
	if len(p.AdminSecretNamespaces) > 0 {
		allowed = strings.Join(p.AdminSecretNamespaces, ", ")
	}
	return failed(fmt.Sprintf("move the Secret to one of these namespaces and point spec.credentialsSecretRef at it, or start the runner with --admin-secret-namespaces=%s",
		strings.Join(append(slices.Clone(p.AdminSecretNamespaces), namespace), ",")),
		"cluster %q has its admin credential in namespace %q, and the runner reads admin credentials in these only (--admin-secret-namespaces): %s", cluster.Name, namespace, allowed)
}

// readSecret returns the data of a Secret that a cluster names; what says in messages what
// it holds.
func (p *Provisioner) readSecret(ctx context.Context, namespace, name, what, cluster string) (secret.Data, error) {
	s, err := p.Secrets.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, failed(fmt.Sprintf("create it: kubectl create secret generic %s -n %s --from-file=…", name, namespace),
			"secret %s/%s, which holds the %s of cluster %q, does not exist", namespace, name, what, cluster)
	case apierrors.IsForbidden(err):
		return nil, &NoAccessError{What: fmt.Sprintf("the %s of cluster %q, secret %q in namespace %q", what, cluster, name, namespace), Cause: err}
	case err != nil:
		return nil, fmt.Errorf("read the %s of cluster %q: %w", what, cluster, err)
	}
	return s.Data, nil
}
