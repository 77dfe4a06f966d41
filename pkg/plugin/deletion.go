package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// deletion is one call of db delete or user delete.
type deletion struct {
	yes     bool
	force   bool
	wait    bool
	dryRun  dryRun
	timeout time.Duration
}

func (d *deletion) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&d.yes, "yes", "y", false, "do not ask for confirmation")
	cmd.Flags().DurationVar(&d.timeout, "timeout", 2*time.Minute, "how long it may take, not counting the confirmation")
	cmd.Flags().BoolVar(&d.force, "force", false, "end the sessions that are in the way; what a login owns in databases of others passes to the administrator")
	cmd.Flags().BoolVar(&d.wait, "wait", true, "wait for the runner, where only that may do the work")
	d.dryRun.add(cmd)
}

// opener plans a deletion.
type opener func(ctx context.Context, p *provision.Provisioner, options provision.DeletionOptions) (*provision.Deletion, error)

// doomed is what a deletion is about: an object, and what stays under Retain.
type doomed struct {
	k               kind
	namespace, name string
	uid             types.UID
	retained        string
}

// run shows the plan of a deletion, asks, and carries out that very plan: it
// refuses if the resource or the server has changed while the question stood.
func (d *deletion) run(ctx context.Context, env *Environment, object doomed, open opener) error {
	what, name := object.k.name, object.name
	p, progress, end, err := env.provisionerWithProgress()
	if err != nil {
		return err
	}
	defer end()
	shown, err := open(ctx, p, provision.DeletionOptions{ReadOnly: true, Force: d.force})
	if needsRunner(err) && !d.dryRun.on() {
		return d.submit(ctx, env, object, progress)
	}
	if err != nil {
		return err
	}
	shown.Close()
	progress.done()
	secrets, err := shown.Secrets(ctx)
	if err != nil {
		return err
	}
	printPlan(env.Out, fmt.Sprintf("Plan for deleting %s %q", what, name), shown.Plan, secrets)
	if shown.Retains {
		fmt.Fprintf(env.Out, "  keep    %s (deletionPolicy Retain)\n", object.retained)
	}
	if d.dryRun.on() {
		fmt.Fprintf(env.Out, "%s %s\n", name, d.dryRun.said("deleted"))
		return nil
	}
	if err := env.confirmName(ctx, fmt.Sprintf("Delete %s %q", what, name), name, d.yes); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	planned, err := open(ctx, p, provision.DeletionOptions{Force: d.force})
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

// submit deletes the object, whose finalizer keeps it until the runner has cleaned up
// after it.
func (d *deletion) submit(ctx context.Context, env *Environment, object doomed, progress *progress) error {
	progress.done()
	if err := env.confirmName(ctx, fmt.Sprintf("Delete %s %q", object.k.name, object.name), object.name, d.yes); err != nil {
		return err
	}
	client, err := env.client(object.k, object.namespace)
	if err != nil {
		return err
	}
	if err := client.Delete(ctx, object.name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &object.uid}}); err != nil {
		return err
	}
	if !d.wait {
		env.note("%s %q is being deleted; the runner finishes that", object.k.name, object.name)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	progress.step("waiting for the runner to delete %s %s …", object.k.name, object.name)
	if err := env.awaitGone(ctx, object.k, object.namespace, object.name, d.timeout); err != nil {
		return err
	}
	progress.done()
	_, err = fmt.Fprintf(env.Out, "%s %s is deleted.\n", object.k.name, object.name)
	return err
}
