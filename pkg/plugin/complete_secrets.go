package plugin

import (
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// completeSecretNames completes the first argument with the names of Secrets that are no
// revisions. It reads their metadata only.
func completeSecretNames(env *Environment) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		namespace, err := env.Namespace()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		client, err := env.metadataOnly()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := completing(cmd.Context())
		defer cancel()
		list, err := client.Resource(secretKind.resource).Namespace(namespace).List(ctx, metav1.ListOptions{
			LabelSelector: "!" + v1alpha1.LabelRevisionOf,
			FieldSelector: "type!=" + v1alpha1.SecretTypeRevision + ",type!=" + string(corev1.SecretTypeServiceAccountToken),
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for i := range list.Items {
			if name := list.Items[i].Name; strings.HasPrefix(name, begun) {
				names = append(names, name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
