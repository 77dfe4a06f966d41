package plugin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// secretCopy is one call of secret copy.
type secretCopy struct {
	secretChange
	to     otherSite
	all    bool
	toName string
	keys   []string
	prune  bool
}

func newSecretCopyCommand(env *Environment) *cobra.Command {
	c := secretCopy{secretChange: secretChange{timeout: 10 * time.Minute}}
	cmd := &cobra.Command{
		Use:   "copy NAME ... | --all [--to-namespace NAMESPACE] [--to-context CONTEXT] [flags]",
		Short: "Copy Secrets to another namespace or cluster",
		Long: `Copy Secrets of this namespace to another namespace, or to one of another context. What a
Secret of that name holds there is changed as by secret set: its other keys stay unless
--prune is given, and what it held before is in its history. A history is not copied.

With --all, all Secrets are copied but those that belong to something: credentials of
DatabaseUsers, what a controller makes, tokens, releases of Helm. One that fails does not
keep the others back; the same command again does what is left.`,
		Example: `  kubectl dbtether secret copy app-secrets --to-namespace staging
  kubectl dbtether secret copy app-secrets --to-name web-secrets --keys API_TOKEN,SESSION_KEY
  kubectl dbtether secret copy --all --to-context prod --to-namespace shop --dry-run=server`,
		Args: func(_ *cobra.Command, args []string) error {
			if err := namesOrAll("secret copy", "copies", c.all, args); err != nil {
				return err
			}
			if c.toName != "" && len(args) != 1 {
				return fmt.Errorf("--to-name gives one Secret another name")
			}
			return namedOnce(args)
		},
		ValidArgsFunction: completeSomeSecretNames(env, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			return c.run(cmd.Context(), env, args)
		},
	}
	c.add(cmd)
	c.to.add(cmd, env)
	cmd.Flags().BoolVar(&c.all, "all", false, "all Secrets of the namespace")
	cmd.Flags().StringVar(&c.toName, "to-name", "", "the name of the copy")
	addKeys(cmd, env, &c.keys)
	cmd.Flags().BoolVar(&c.prune, "prune", false, "remove the keys that the copied Secret does not have")
	return cmd
}

// run reads the Secrets, writes their copies, prints what came of each and tells others of it.
// The error says how many failed.
func (c *secretCopy) run(ctx context.Context, env *Environment, names []string) error {
	if err := keysOrPrune(c.keys, c.prune); err != nil {
		return err
	}
	from, to, err := c.to.sites(env)
	if err != nil {
		return err
	}
	if c.toName == "" && to.context == from.context && to.namespace == from.namespace {
		return Hinted(Usagef("a Secret cannot be copied onto itself"), "name another namespace with --to-namespace, a context with --to-context, or another name with --to-name")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	progress := env.newProgress()
	defer progress.done()
	progress.step("reading the Secrets of namespace %s …", from.namespace)
	sources, skipped, err := c.sources(ctx, from, names)
	if err != nil {
		return err
	}
	known, err := newKnown(ctx, to.store, to.namespace, len(sources))
	if err != nil {
		return err
	}
	copies := c.write(ctx, from, to, sources, known, progress)
	progress.done()
	err = c.sum(env, to.String(), to.context, copies, "copied", "copies")
	if skipped > 0 {
		env.note("%d more were left out: they belong to something else (DatabaseUsers, controllers), or have none of the keys", skipped)
	}
	to.env.inform(ctx, changesOf(copies)[to.namespace]...)
	return err
}

// sources reads what is copied, in order; of --all also how many belong to something else.
func (c *secretCopy) sources(ctx context.Context, from site, names []string) ([]revision.Content, int, error) {
	if c.all {
		all, err := from.store.Contents(ctx, from.namespace)
		if err != nil {
			return nil, 0, err
		}
		kept := slices.DeleteFunc(slices.Clone(all), func(s revision.Content) bool { return s.Refused != nil || !c.takes(s.Data) })
		return kept, len(all) - len(kept), nil
	}
	var sources []revision.Content
	for _, name := range names {
		one, err := from.store.Content(ctx, from.namespace, name)
		if err != nil {
			return nil, 0, err
		}
		if one.Refused != nil {
			return nil, 0, one.Refused
		}
		if err := hasKeys(name, one.Data, c.keys); err != nil {
			return nil, 0, err
		}
		sources = append(sources, one)
	}
	return sources, 0, nil
}

// takes reports whether a Secret has one of the keys that are copied.
func (c *secretCopy) takes(data secret.Data) bool {
	return len(c.keys) == 0 || slices.ContainsFunc(c.keys, func(key string) bool { _, has := data[key]; return has })
}

// write writes the copies, some at a time, and returns them in the order of sources.
func (c *secretCopy) write(ctx context.Context, from, to site, sources []revision.Content, known known, progress *progress) []attempt {
	all := make([]attempt, len(sources))
	progress.each(len(sources), func(i int) {
		edit := c.edit(from, to, sources[i])
		edit.Known = known.of(edit.Name)
		written, err := c.secretChange.write(ctx, to.env, to.store, edit)
		all[i] = attempt{edit, written, err}
	})
	return all
}

// edit returns what makes a Secret of the other site hold what one of this holds.
func (c *secretCopy) edit(from, to site, source revision.Content) revision.Edit {
	values := onlyKeys(source.Data, c.keys)
	name := source.Name
	if c.toName != "" {
		name = c.toName
	}
	reason := fmt.Sprintf("copied from %s/%s", from.namespace, source.Name)
	if to.context != "" {
		reason += " of another cluster"
	}
	return revision.Edit{Namespace: to.namespace, Name: name, Type: source.Type, Labels: source.Labels, Reason: reason, DryRun: c.isDryRun(),
		Change: func(now *revision.Standing) (secret.Data, error) {
			if now.Live == nil || c.prune {
				return values, nil
			}
			return now.Live.Data.Merge(values), nil
		}}
}
