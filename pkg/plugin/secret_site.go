package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// site is a namespace of a cluster: where Secrets are.
type site struct {
	env       *Environment
	store     revision.Store
	namespace string
	// context is the one that was named; empty: the current one.
	context string
}

// String returns shop, or prod/shop for another context.
func (s site) String() string {
	if s.context != "" {
		return s.context + "/" + s.namespace
	}
	return s.namespace
}

// here returns the site of -n and --context.
func (e *Environment) here() (site, error) {
	namespace, err := e.Namespace()
	if err != nil {
		return site{}, err
	}
	store, err := e.revisions()
	return site{env: e, store: store, namespace: namespace}, err
}

// stand reads a Secret of the current namespace.
func (e *Environment) stand(ctx context.Context, name string) (revision.Store, *revision.Standing, error) {
	s, err := e.here()
	if err != nil {
		return s.store, nil, err
	}
	now, err := s.store.Stand(ctx, s.namespace, name)
	return s.store, now, err
}

// otherSite is the value of --to-namespace and --to-context.
type otherSite struct{ namespace, context string }

func (o *otherSite) add(cmd *cobra.Command, env *Environment) {
	cmd.Flags().StringVar(&o.namespace, "to-namespace", "", "the other namespace")
	cmd.Flags().StringVar(&o.context, "to-context", "", "the context of the kubeconfig that the other namespace is in; its own namespace unless --to-namespace is given")
	must(cmd.RegisterFlagCompletionFunc("to-context", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return env.contexts(), cobra.ShellCompDirectiveNoFileComp
	}))
}

func (o otherSite) isSet() bool { return o.namespace != "" || o.context != "" }

// sites returns the site of -n and --context, and the other one. It reads the kubeconfig,
// and connects to nothing.
func (o otherSite) sites(env *Environment) (from, to site, err error) {
	if from, err = env.here(); err == nil {
		to, err = o.of(from)
	}
	return from, to, err
}

// of returns the other site, seen from one.
func (o otherSite) of(from site) (site, error) {
	env := from.env
	if o.context != "" {
		other, err := env.inContext(o.context)
		if err != nil {
			return site{}, err
		}
		env = other
	}
	namespace := o.namespace
	if namespace == "" {
		own, err := env.Namespace()
		if err != nil {
			return site{}, err
		}
		namespace = own
	}
	store, err := env.revisions()
	return site{env: env, store: store, namespace: namespace, context: o.context}, err
}

// inContext returns an Environment whose clients use another context of the same
// kubeconfig, as the same impersonated user, but with none of the other flags that say how
// the API server is reached.
func (e *Environment) inContext(name string) (*Environment, error) {
	raw, err := e.Config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, err
	}
	if _, found := raw.Contexts[name]; !found {
		return nil, Hinted(fmt.Errorf("the kubeconfig has no context %q", name), "see what it has: kubectl config get-contexts")
	}
	other := NewEnvironment(e.IOStreams, e.Version)
	other.Config = genericclioptions.NewConfigFlags(true)
	other.Config.KubeConfig, other.Config.Timeout, other.Config.Context = e.Config.KubeConfig, e.Config.Timeout, &name
	other.Config.Impersonate, other.Config.ImpersonateGroup, other.Config.ImpersonateUID = e.Config.Impersonate, e.Config.ImpersonateGroup, e.Config.ImpersonateUID
	other.Config.WrapConfigFn = other.tuned
	other.Terminal, other.Getenv, other.Now, other.Random = e.Terminal, e.Getenv, e.Now, e.Random
	other.connect()
	return other, nil
}

// contexts returns the contexts of the kubeconfig; none where it cannot be read.
func (e *Environment) contexts() []string {
	raw, err := e.Config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil
	}
	var names []string
	for name := range raw.Contexts {
		names = append(names, name)
	}
	return names
}
