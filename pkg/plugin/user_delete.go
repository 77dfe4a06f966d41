package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

func newUserDeleteCommand(env *Environment) *cobra.Command {
	var d deletion
	cmd := &cobra.Command{
		Use:   "delete NAME [flags]",
		Short: "Delete a DatabaseUser, its login and its Secret",
		Long: `Delete a DatabaseUser. Under deletionPolicy Delete, the default, its sessions end, what it
owns passes to the database's owner group, and the login and the Secret are gone; under
Retain both stay.`,
		Args:              oneName(userKind),
		ValidArgsFunction: completeNames(env, userKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			user, err := read[v1alpha1.DatabaseUser](ctx, env, userKind, args[0])
			if err != nil {
				return err
			}
			retained := fmt.Sprintf("login %q and Secret %s/%s", user.CurrentUsername(), user.Namespace, user.SecretName())
			return d.run(ctx, env, doomed{userKind, user.Namespace, user.Name, retained}, func(ctx context.Context, p *provision.Provisioner, options provision.DeletionOptions) (*provision.Deletion, error) {
				return p.OpenUserDeletion(ctx, user, options)
			})
		},
	}
	d.add(cmd)
	return cmd
}
