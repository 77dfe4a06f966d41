package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

func newDBDeleteCommand(env *Environment) *cobra.Command {
	var d deletion
	cmd := &cobra.Command{
		Use:   "delete NAME [flags]",
		Short: "Delete a Database; under deletionPolicy Delete its data too",
		Long: `Delete a Database. Under deletionPolicy Retain, the default, the database itself stays on
the server; under Delete it is dropped with everything in it. DatabaseUsers and open
sessions block the deletion.`,
		Args:              oneName(dbKind),
		ValidArgsFunction: completeNames(env, dbKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			db, err := read[v1alpha1.Database](ctx, env, dbKind, args[0])
			if err != nil {
				return err
			}
			retained := fmt.Sprintf("database %q and its groups on cluster %q", db.PostgresName(nil), db.Spec.ClusterRef.Name)
			return d.run(ctx, env, doomed{dbKind, db.Namespace, db.Name, db.UID, retained}, func(ctx context.Context, p *provision.Provisioner, options provision.DeletionOptions) (*provision.Deletion, error) {
				return p.OpenDatabaseDeletion(ctx, db, options)
			})
		},
	}
	d.add(cmd)
	return cmd
}
