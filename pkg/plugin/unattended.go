package plugin

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// unattended are the flags of a run that nobody watches, such as a job's.
type unattended struct {
	runner          bool
	adminNamespaces []string
}

// anyNamespace is the value of --admin-secret-namespaces that admits all.
const anyNamespace = "*"

func (u *unattended) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&u.runner, "runner", false, "adopt only what the DBClusters admit, of what is named, too: for a run that nobody watches")
	cmd.Flags().StringSliceVar(&u.adminNamespaces, "admin-secret-namespaces", nil, "with --runner: the namespaces in which the credentials of administrators are read; * for any (default the runner's own)")
}

// asRunner restricts a provisioner to what a run that nobody watches may do: it adopts only
// what the DBClusters admit, and reads administrators' credentials only in its own
// namespace, or in those that --admin-secret-namespaces names.
func (u *unattended) asRunner(env *Environment, p *provision.Provisioner) error {
	p.Runner = true
	switch {
	case slices.Contains(u.adminNamespaces, anyNamespace):
		p.AdminSecretNamespaces = nil
	case len(u.adminNamespaces) > 0:
		p.AdminSecretNamespaces = u.adminNamespaces
	default:
		own, err := env.ownNamespace()
		if err != nil {
			return err
		}
		p.AdminSecretNamespaces = []string{own}
	}
	return nil
}

// serviceAccountNamespace is where a pod finds the name of its namespace (Kubernetes
// documentation, "Accessing the Kubernetes API from a Pod").
const serviceAccountNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// ownNamespace returns the namespace that this program runs in: that of its pod, or
// else that of the kubeconfig's context. -n, which says where it works, is another matter.
func (e *Environment) ownNamespace() (string, error) {
	config, err := e.Config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return "", err
	}
	name := config.CurrentContext
	if chosen := e.Config.Context; chosen != nil && *chosen != "" {
		name = *chosen
	}
	if context, found := config.Contexts[name]; found {
		return orDefault(context.Namespace, metav1.NamespaceDefault), nil
	}
	if namespace := e.Getenv("POD_NAMESPACE"); namespace != "" {
		return namespace, nil
	}
	if text, err := os.ReadFile(serviceAccountNamespace); err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	return metav1.NamespaceDefault, nil
}
