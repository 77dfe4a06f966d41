package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// secretRollback is one call of secret rollback, or of secret undelete.
type secretRollback struct {
	secretChange
	to int64
}

func newSecretRollbackCommand(env *Environment) *cobra.Command {
	var rollback secretRollback
	cmd := &cobra.Command{
		Use:   "rollback NAME [--to-revision N] [flags]",
		Short: "Let a Secret hold again what it held before",
		Long: `Let a Secret hold again what it held at a revision, by default at the one before this. That
is a change like any other: it becomes a new revision, and can be rolled back itself.

The credential of a DatabaseUser is rolled back together with the password of its role, if
the login is still the same one; otherwise it is refused.`,
		Example: `  kubectl dbtether secret rollback app-secrets
  kubectl dbtether secret rollback app-secrets --to-revision 3 --reason 'the new key is not accepted yet'`,
		Args:              nameOfSecret("secret rollback", false),
		ValidArgsFunction: completeSecretNames(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := rollback.check(); err != nil {
				return err
			}
			return rollback.back(cmd.Context(), env, args[0])
		},
	}
	rollback.add(cmd)
	rollback.addGuards(cmd)
	cmd.Flags().Int64Var(&rollback.to, "to-revision", 0, "the revision; 0: the one before this")
	completeRevisionFlag(cmd, env, "to-revision")
	return cmd
}

func newSecretUndeleteCommand(env *Environment) *cobra.Command {
	var undelete secretRollback
	cmd := &cobra.Command{
		Use:   "undelete NAME [flags]",
		Short: "Bring back a Secret that was deleted",
		Long: `Make a Secret anew that was deleted, by secret delete or by anybody else, with what it held
last, or at --to-revision, and with the labels that it had where secret delete has deleted
it. What was purged does not come back.`,
		Args:              nameOfSecret("secret undelete", false),
		ValidArgsFunction: completeDeletedSecrets(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := undelete.check(); err != nil {
				return err
			}
			return undelete.undelete(cmd.Context(), env, args[0])
		},
	}
	undelete.add(cmd)
	cmd.Flags().Int64Var(&undelete.to, "to-revision", 0, "the revision; 0: the last one")
	completeRevisionFlag(cmd, env, "to-revision")
	return cmd
}

// rollbackReason begins the reason of every revision that a rollback writes.
const rollbackReason = "rollback to revision "

// back rolls the Secret back, or the credential of a DatabaseUser that it holds.
func (c *secretRollback) back(ctx context.Context, env *Environment, name string) error {
	store, now, finished, err := c.begin(ctx, env, name)
	if err != nil {
		return err
	}
	if now.Live == nil {
		return now.Missing()
	}
	if finished != nil && c.to == 0 && strings.HasPrefix(finished.Reason, rollbackReason) {
		// The same command was interrupted: the one before would be what it is to undo.
		return c.tell(env, writtenDocument{Namespace: now.Namespace, Name: name, Revision: finished.Number, Outcome: outcomeChanged})
	}
	to, err := c.target(now, now.Previous)
	if err != nil {
		return err
	}
	if now.Live.OwnerUID != "" {
		return c.credential(ctx, env, store, now, to)
	}
	return c.restore(ctx, env, store, now, to, rollbackReason)
}

// undelete makes the Secret anew.
func (c *secretRollback) undelete(ctx context.Context, env *Environment, name string) error {
	store, now, _, err := c.begin(ctx, env, name)
	if err != nil {
		return err
	}
	if err := now.Writable(); err != nil {
		return err
	}
	if now.Live != nil {
		return Hinted(fmt.Errorf("secret %q in namespace %q exists", name, now.Namespace), "kubectl dbtether secret rollback %s -n %s lets it hold what it held before", name, now.Namespace)
	}
	to, err := c.target(now, now.Before)
	if err != nil {
		return err
	}
	return c.restore(ctx, env, store, now, to, "undelete revision ")
}

// begin reads the Secret, after it has finished what was interrupted: what it held before
// is not known until then.
func (c *secretRollback) begin(ctx context.Context, env *Environment, name string) (revision.Store, *revision.Standing, *revision.Entry, error) {
	if c.to < 0 {
		return revision.Store{}, nil, nil, Usagef("--to-revision must be the number of a revision")
	}
	return c.settled(ctx, env, name)
}

// target returns the revision that was named, or the one that is meant without a name.
func (c *secretRollback) target(now *revision.Standing, meant func() (revision.Entry, error)) (revision.Entry, error) {
	if c.to == 0 {
		return meant()
	}
	return now.Entry(c.to)
}

// restore lets the Secret hold what it held at a revision, unless it was changed since it
// was read.
func (c *secretRollback) restore(ctx context.Context, env *Environment, store revision.Store, seen *revision.Standing, to revision.Entry, reason string) error {
	r, err := store.ReadRevision(ctx, seen.Namespace, seen.Name, to.Number)
	if err != nil {
		return err
	}
	if seen.Live != nil && seen.Type() != r.Type {
		return Hinted(fmt.Errorf("secret %q has the type %s, and had the type %s at revision %d", seen.Name, seen.Type(), r.Type, to.Number),
			"a type does not change: delete the Secret, then undelete that revision")
	}
	c.reason = strings.TrimSuffix(fmt.Sprintf("%s%d: %s", reason, to.Number, c.reason), ": ")
	marks, notes := seen.Marked(), map[string]*string{}
	for key, value := range marks.Annotations {
		notes[key] = &value
	}
	return c.run(ctx, env, revision.Edit{Namespace: seen.Namespace, Name: seen.Name, Type: r.Type, Labels: marks.Labels, Notes: notes,
		Change: func(now *revision.Standing) (secret.Data, error) {
			if !sameContent(seen, now) {
				return nil, Hinted(fmt.Errorf("secret %q was changed by somebody else meanwhile", seen.Name), "look at kubectl dbtether secret history %s -n %s, and run the command again", seen.Name, seen.Namespace)
			}
			return r.Data, nil
		}})
}

// sameContent reports whether a Secret holds the same in both, or exists in neither.
func sameContent(a, b *revision.Standing) bool {
	if a.Live == nil || b.Live == nil {
		return a.Live == nil && b.Live == nil
	}
	return a.Live.Data.Equal(b.Live.Data)
}
