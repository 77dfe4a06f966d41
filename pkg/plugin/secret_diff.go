package plugin

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// secretDiff is one call of secret diff.
type secretDiff struct {
	print             printFlags
	to                otherSite
	all, show         bool
	revision, against int64
}

func newSecretDiffCommand(env *Environment) *cobra.Command {
	var diff secretDiff
	cmd := &cobra.Command{
		Use:   "diff NAME [OTHER] | --all [flags]",
		Short: "Compare what Secrets hold: two revisions, two Secrets, namespaces or clusters",
		Long: `Compare what a Secret holds with what it held before, with another Secret, or with the one of
that name in another namespace or context. Values are not shown, only which are equal and
which differ, unless --show-secrets is given.

  diff NAME                                what it held before the last change, and now
  diff NAME --revision 3                   what it held at revision 3, and now
  diff NAME --revision 3 --to-revision 5
  diff NAME OTHER                          two Secrets
  diff NAME --to-namespace staging         the same name in two namespaces
  diff --all --to-context prod             all Secrets of two namespaces

It exits 0 if nothing differs, 1 if something does, and more than 1 if it could not be
found out.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 && !diff.all {
				return fmt.Errorf("secret diff compares two Secrets, not %d", len(args))
			}
			return namesOrAll("secret diff", "compares", diff.all, args)
		},
		ValidArgsFunction: completeSomeSecretNames(env, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := diff.print.check(); err != nil {
				return err
			}
			return asUnread(diff.run(cmd.Context(), env, args))
		},
	}
	diff.print.add(cmd, []string{"json", "yaml"})
	diff.to.add(cmd, env)
	cmd.Flags().BoolVar(&diff.all, "all", false, "all Secrets of the namespace that do not belong to something else")
	cmd.Flags().Int64Var(&diff.revision, "revision", 0, "what NAME held at this revision")
	cmd.Flags().Int64Var(&diff.against, "to-revision", 0, "what the other one held at this revision")
	completeRevisionFlag(cmd, env, "revision")
	must(cmd.RegisterFlagCompletionFunc("to-revision", func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		return completeRevisions(env)(cmd, args[max(len(args)-1, 0):], begun) // the one that is compared with
	}))
	addShowSecrets(cmd, &diff.show)
	return cmd
}

// run prints the comparison. The error where something differs has no text: only its exit code
// counts.
func (c *secretDiff) run(ctx context.Context, env *Environment, args []string) error {
	if err := c.consistent(args); err != nil {
		return err
	}
	from, to, err := c.to.sites(env)
	if err != nil {
		return err
	}
	if c.all {
		return c.namespaces(ctx, env, from, to)
	}
	before, after, err := c.sides(ctx, from, to, args)
	if err != nil {
		return err
	}
	result := compare(args[0], before, after, c.show)
	if c.print.human() {
		if err := result.write(env); err != nil {
			return err
		}
	} else if err := printDocument(env, c.print.output, result); err != nil {
		return err
	}
	if !result.Equal {
		return withExitCode(errSilent, exitDrifted)
	}
	return nil
}

// consistent returns an error of usage for flags that contradict each other.
func (c *secretDiff) consistent(args []string) error {
	switch {
	case c.revision < 0 || c.against < 0:
		return Usagef("a revision is a number from 1 on")
	case c.all && !c.to.isSet():
		return Usagef("--all compares two namespaces: name the other one with --to-namespace or --to-context")
	case c.all && (c.revision > 0 || c.against > 0):
		return Usagef("--all compares what Secrets hold now: leave --revision and --to-revision out")
	case c.against > 0 && c.revision == 0 && len(args) == 1 && !c.to.isSet():
		return Usagef("--to-revision needs --revision, or another Secret")
	}
	return nil
}

// sides reads the two sides that are compared.
func (c *secretDiff) sides(ctx context.Context, from, to site, args []string) (before, after side, err error) {
	other := args[len(args)-1]
	if len(args) == 1 && !c.to.isSet() && c.revision == 0 {
		return c.lastChange(ctx, from, args[0])
	}
	if before, err = from.side(ctx, args[0], c.revision); err != nil {
		return before, after, err
	}
	after, err = to.side(ctx, other, c.against)
	return before, after, err
}

// lastChange reads what a Secret held before its last change, and what it holds now.
func (c *secretDiff) lastChange(ctx context.Context, from site, name string) (before, after side, err error) {
	now, err := from.store.Stand(ctx, from.namespace, name)
	if err != nil {
		return before, after, err
	}
	if now.Live == nil {
		return before, after, now.Missing()
	}
	previous, err := now.Previous()
	if err != nil {
		return before, after, Hinted(fmt.Errorf("secret %q has held nothing else so far", name), "name what to compare it with: another Secret, --to-namespace or --to-context")
	}
	if before, err = from.side(ctx, name, previous.Number); err != nil {
		return before, after, err
	}
	after, err = from.side(ctx, name, 0)
	return before, after, err
}

// side reads what a Secret of the site holds, or held at a revision.
func (s site) side(ctx context.Context, name string, number int64) (side, error) {
	h, err := s.env.heldAt(ctx, s.namespace, name, number)
	if err != nil {
		return side{}, err
	}
	label := s.String() + "/" + name
	switch {
	case number > 0:
		label += fmt.Sprintf(" revision %d", number)
	case h.revision > 0:
		label += fmt.Sprintf(" now (revision %d)", h.revision)
	default:
		label += " now"
	}
	return side{label: label, data: h.data}, nil
}

// namespaces compares all Secrets of two namespaces.
func (c *secretDiff) namespaces(ctx context.Context, env *Environment, from, to site) error {
	var sides [2]map[string]side
	for i, s := range []site{from, to} {
		all, err := s.store.Contents(ctx, s.namespace)
		if err != nil {
			return err
		}
		sides[i] = s.sides(all)
	}
	results := []comparison{}
	differ := 0
	for _, name := range bothNames(sides[0], sides[1]) {
		before, after := orMissing(sides[0], from, name), orMissing(sides[1], to, name)
		if before.missing && after.missing { // it belongs to something else wherever there is one
			continue
		}
		result := compare(name, before, after, c.show)
		if !result.Equal {
			differ++
		}
		results = append(results, result)
	}
	if !c.print.human() {
		if err := printDocument(env, c.print.output, results); err != nil {
			return err
		}
	} else if err := c.writeAll(env, from, to, results); err != nil {
		return err
	}
	if differ > 0 {
		return withExitCode(errSilent, exitDrifted)
	}
	return nil
}

// sides returns the side of each Secret, by name. One that belongs to something else is
// missing, as secret copy leaves it out, and its label says why.
func (s site) sides(all []revision.Content) map[string]side {
	sides := map[string]side{}
	for _, one := range all {
		label := s.String() + "/" + one.Name
		if one.Refused != nil {
			sides[one.Name] = side{label: label + ", which belongs to something else", missing: true}
			continue
		}
		sides[one.Name] = side{label: label, data: one.Data}
	}
	return sides
}

// orMissing returns the side of a name; one that is missing where there is no such Secret.
func orMissing(sides map[string]side, s site, name string) side {
	if found, has := sides[name]; has {
		return found
	}
	return side{label: "no " + s.String() + "/" + name, missing: true}
}

// bothNames returns the names of both, in order.
func bothNames(a, b map[string]side) []string {
	var all []string
	for _, sides := range []map[string]side{a, b} {
		for name := range sides {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// writeAll prints those that differ, and how many are equal.
func (c *secretDiff) writeAll(env *Environment, from, to site, results []comparison) error {
	equal := 0
	for _, r := range results {
		if r.Equal {
			equal++
			continue
		}
		if err := r.write(env); err != nil {
			return err
		}
		fmt.Fprintln(env.Out)
	}
	_, err := fmt.Fprintf(env.Out, "%d %s of %s and %s: %d equal, %d differ\n", len(results), plural("secret", len(results)), from, to, equal, len(results)-equal)
	return err
}
