package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// secretDelete is one call of secret delete.
type secretDelete struct {
	secretChange
	yes, purge bool
}

func newSecretDeleteCommand(env *Environment) *cobra.Command {
	var deletion secretDelete
	cmd := &cobra.Command{
		Use:   "delete NAME [flags]",
		Short: "Delete a Secret, and keep its history",
		Long: `Delete a Secret. Its history stays, with who deleted it and why: secret undelete brings it
back. With --purge its history is deleted, too, and nothing brings it back.`,
		Example: `  kubectl dbtether secret delete app-secrets --reason 'the service is gone'
  kubectl dbtether secret delete app-secrets --purge`,
		Args:              nameOfSecret("secret delete", false),
		ValidArgsFunction: completeSecretNames(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := deletion.check(); err != nil {
				return err
			}
			return deletion.run(cmd.Context(), env, args[0])
		},
	}
	deletion.add(cmd)
	deletion.addIfRevision(cmd)
	cmd.Flags().BoolVarP(&deletion.yes, "yes", "y", false, "do not ask for confirmation")
	cmd.Flags().BoolVar(&deletion.purge, "purge", false, "delete its history, too: nothing brings it back")
	return cmd
}

// run deletes the Secret once its name was typed, prints that and tells others of it.
func (c *secretDelete) run(ctx context.Context, env *Environment, name string) error {
	store, standing, err := env.stand(ctx, name)
	if err != nil {
		return err
	}
	if standing.Live == nil && (!c.purge || len(standing.Entries) == 0) {
		return standing.Missing()
	}
	if err := standing.Writable(); err != nil {
		return err
	}
	if standing.Live != nil { // before anybody is asked, and in a dry run, too
		if err := standing.Expect(c.expected()); err != nil {
			return err
		}
	}
	doc := writtenDocument{Namespace: standing.Namespace, Name: name, Outcome: outcomeDeleted, DryRun: c.isDryRun()}
	if doc.DryRun {
		return c.tell(env, doc)
	}
	question := fmt.Sprintf("Delete secret %q", name)
	if c.purge {
		question = fmt.Sprintf("Delete secret %q and its %d %s for good", name, len(standing.Entries), plural("revision", len(standing.Entries)))
	}
	if err := env.confirmName(ctx, question, name, c.yes); err != nil {
		return err
	}
	removed, err := c.remove(ctx, env, store, standing)
	if err != nil {
		return err
	}
	if doc.Revision = removed.Revision.Number; c.purge {
		doc.Revision = 0
	}
	if err := c.tell(env, doc); err != nil {
		return err
	}
	env.inform(ctx, newDeletion(name, removed))
	return nil
}

// remove deletes the Secret in the name of the caller, within the time of --timeout. Nothing
// is purged that the question was not about.
func (c *secretDelete) remove(ctx context.Context, env *Environment, store revision.Store, asked *revision.Standing) (revision.Removed, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	author, err := env.author(ctx)
	if err != nil {
		return revision.Removed{}, err
	}
	removal := revision.Removal{Namespace: asked.Namespace, Name: asked.Name, Author: author, Reason: c.reason, Purge: c.purge, IfRevision: c.expected()}
	if c.purge && !c.yes {
		removal.Seen = asked
	}
	return store.Remove(ctx, removal)
}
