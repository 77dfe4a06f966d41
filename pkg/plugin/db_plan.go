package plugin

import (
	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

func newDBPlanCommand(env *Environment) *cobra.Command {
	print := printFlags{}
	cmd := &cobra.Command{
		Use:   "plan NAME [flags]",
		Short: "Show the SQL that would bring a database and its users into shape",
		Long: `Show the exact SQL that reconcile would run for a Database and its DatabaseUsers, as a
psql script with the reason of each statement. Nothing is changed. Passwords never appear:
the server is sent a verifier, which the script shows as <verifier>.`,
		Args:              oneName(dbKind),
		ValidArgsFunction: completeNames(env, dbKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := print.check(); err != nil {
				return err
			}
			ctx := cmd.Context()
			p, progress, end, err := env.provisionerWithProgress()
			if err != nil {
				return err
			}
			defer end()
			request := provision.Request{}
			if request.Database, err = read[v1alpha1.Database](ctx, env, dbKind, args[0]); err != nil {
				return err
			}
			if request.Users, err = p.UsersOf(ctx, request.Database); err != nil {
				return err
			}
			job, err := p.Open(ctx, request, true)
			if err != nil {
				return err
			}
			defer job.Close()
			progress.done()
			return printFullPlan(env, &print, job, nil)
		},
	}
	print.add(cmd, []string{"json", "yaml"})
	return cmd
}
