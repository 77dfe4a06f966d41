package plugin

import (
	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func newPolicyCommand(env *Environment) *cobra.Command {
	var place policyPlace
	noun := newNoun("policy", "Which policies stand, what they say of a manifest, and why",
		newPolicyListCommand(env, &place),
		newPolicyExplainCommand(env, &place),
		newPolicyTestCommand(env, &place),
	)
	place.add(noun)
	return noun
}

// policyPlace is where the policies of the cluster are.
type policyPlace struct{ namespace string }

func (p *policyPlace) add(noun *cobra.Command) {
	noun.PersistentFlags().StringVar(&p.namespace, "policy-namespace", v1alpha1.SystemNamespace, "namespace of the ConfigMaps with policies")
}
