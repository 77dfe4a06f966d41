package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// deletion is one call of db delete or user delete.
type deletion struct {
	yes     bool
	dryRun  dryRun
	timeout time.Duration
}

func (d *deletion) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&d.yes, "yes", "y", false, "do not ask for confirmation")
	cmd.Flags().DurationVar(&d.timeout, "timeout", 2*time.Minute, "how long it may take, not counting the confirmation")
	d.dryRun.add(cmd)
}

// opener plans a deletion; readOnly takes no locks.
type opener func(ctx context.Context, p *provision.Provisioner, readOnly bool) (*provision.Deletion, error)

// run shows the plan of a deletion, asks, and carries out that very plan: it
// refuses if the state has moved while the question stood.
func (d *deletion) run(ctx context.Context, env *Environment, what, name, retained string, open opener) error {
	progress := env.newProgress()
	defer progress.done()
	p, err := env.provisioner(progress)
	if err != nil {
		return err
	}
	shown, err := open(ctx, p, true)
	if err != nil {
		return err
	}
	shown.Close()
	progress.done()
	printPlan(env.Out, fmt.Sprintf("Plan for deleting %s %q", what, name), shown.Plan, nil)
	if shown.Retains {
		fmt.Fprintf(env.Out, "  keep    %s (deletionPolicy Retain)\n", retained)
	}
	if d.dryRun.way != dryRunNone {
		fmt.Fprintf(env.Out, "%s %s\n", name, d.dryRun.said("deleted"))
		return nil
	}
	if err := env.confirmName(ctx, fmt.Sprintf("Delete %s %q", what, name), name, d.yes); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	planned, err := open(ctx, p, false)
	if err != nil {
		return err
	}
	defer planned.Close()
	if planned.Plan.Hash() != shown.Plan.Hash() {
		return Hinted(fmt.Errorf("the server has changed since the plan was shown: nothing was done"), "run the command again")
	}
	if err := planned.Apply(ctx); err != nil {
		return err
	}
	progress.done()
	_, err = fmt.Fprintf(env.Out, "%s %s is deleted.\n", what, name)
	return err
}
