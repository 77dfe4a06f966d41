package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
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
			secrets := review.SecretNames(user)
			for i, name := range secrets {
				secrets[i] = user.Namespace + "/" + name
			}
			retained := fmt.Sprintf("login %q and %s %s", user.CurrentUsername(), plural("Secret", len(secrets)), strings.Join(secrets, ", "))
			return d.run(ctx, env, doomed{userKind, user.Namespace, user.Name, user.UID, retained}, func(ctx context.Context, p *provision.Provisioner, options provision.DeletionOptions) (*provision.Deletion, error) {
				return p.OpenUserDeletion(ctx, user, options)
			})
		},
	}
	d.add(cmd)
	return cmd
}
