package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/notify"
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

// copiedAtOnce is how many Secrets are written at a time.
const copiedAtOnce = 16

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
			switch {
			case c.all && len(args) > 0:
				return fmt.Errorf("--all copies all Secrets: leave %s out", strings.Join(args, " "))
			case !c.all && len(args) == 0:
				return fmt.Errorf("secret copy needs the names of Secrets, or --all")
			case c.toName != "" && len(args) != 1:
				return fmt.Errorf("--to-name gives one Secret another name")
			}
			return nil
		},
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
	cmd.Flags().StringSliceVar(&c.keys, "keys", nil, "only these keys")
	cmd.Flags().BoolVar(&c.prune, "prune", false, "remove the keys that the copied Secret does not have")
	return cmd
}

func (c *secretCopy) run(ctx context.Context, env *Environment, names []string) error {
	if c.prune && len(c.keys) > 0 {
		return Usagef("--prune removes all other keys, and --keys leaves them: give one of them")
	}
	from, err := env.here()
	if err != nil {
		return err
	}
	to, err := c.to.of(from)
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
	known, err := c.known(ctx, to, len(sources))
	if err != nil {
		return err
	}
	copies := c.write(ctx, from, to, sources, known, progress)
	progress.done()
	err = c.sum(env, to, copies, skipped)
	var changes []notify.Change
	for _, one := range copies {
		if change, told := newChange(notify.Changed, one.edit, one.written); told && one.err == nil {
			changes = append(changes, change)
		}
	}
	to.env.inform(ctx, changes...)
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
		one, err := from.store.Contained(ctx, from.namespace, name)
		if err != nil {
			return nil, 0, err
		}
		if one.Refused != nil {
			return nil, 0, one.Refused
		}
		for _, key := range c.keys {
			if _, has := one.Data[key]; !has {
				return nil, 0, noSuchKey(name, key, one.Data.Keys())
			}
		}
		sources = append(sources, one)
	}
	return sources, 0, nil
}

// takes reports whether a Secret has one of the keys that are copied.
func (c *secretCopy) takes(data secret.Data) bool {
	return len(c.keys) == 0 || slices.ContainsFunc(c.keys, func(key string) bool { _, has := data[key]; return has })
}

// known lists what there is where many are copied to; nil where they are few.
func (c *secretCopy) known(ctx context.Context, to site, n int) (map[string]*revision.Summary, error) {
	if n < 3 {
		return nil, nil
	}
	list, err := to.store.List(ctx, to.namespace)
	if err != nil {
		return nil, err
	}
	known := map[string]*revision.Summary{}
	for i := range list {
		known[list[i].Name] = &list[i]
	}
	return known, nil
}

// copied is what came of one Secret.
type copied struct {
	edit    revision.Edit
	written revision.Written
	err     error
}

// write writes the copies, some at a time, and returns them in the order of sources.
func (c *secretCopy) write(ctx context.Context, from, to site, sources []revision.Content, known map[string]*revision.Summary, progress *progress) []copied {
	all := make([]copied, len(sources))
	next := make(chan int)
	var mu sync.Mutex
	var workers sync.WaitGroup
	done := 0
	for range min(copiedAtOnce, len(sources)) {
		workers.Go(func() {
			for i := range next {
				edit := c.edit(from, to, sources[i])
				if known != nil {
					if edit.Known = known[edit.Name]; edit.Known == nil {
						edit.Known = &revision.Summary{}
					}
				}
				written, err := c.secretChange.write(ctx, to.env, to.store, edit)
				all[i] = copied{edit, written, err}
				mu.Lock()
				done++
				progress.count(done, len(sources))
				mu.Unlock()
			}
		})
	}
	for i := range sources {
		next <- i
	}
	close(next)
	workers.Wait()
	return all
}

// edit returns what makes a Secret of the other site hold what one of this holds.
func (c *secretCopy) edit(from, to site, source revision.Content) revision.Edit {
	values := source.Data
	if len(c.keys) > 0 {
		values = secret.Data{}
		for _, key := range c.keys {
			if value, has := source.Data[key]; has {
				values[key] = value
			}
		}
	}
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

// sum prints what came of each, and of all in one line.
func (c *secretCopy) sum(env *Environment, to site, copies []copied, skipped int) error {
	docs := []writtenDocument{}
	counts := map[string]int{}
	var failed []error
	for _, one := range copies {
		if one.err != nil {
			failed = append(failed, one.err)
			continue
		}
		c.remark(env, one.edit.Name, one.written)
		doc := newWrittenDocument(one.edit, one.written)
		doc.Context = to.context
		docs = append(docs, doc)
		counts[doc.Outcome]++
	}
	if len(copies) == 1 && len(failed) == 1 {
		return failed[0]
	}
	switch c.print.output {
	case "json", "yaml":
		if err := printDocument(env, c.print.output, docs); err != nil {
			return err
		}
	default:
		for _, doc := range docs {
			if err := c.secretChange.tell(env, doc); err != nil {
				return err
			}
		}
	}
	for _, err := range failed {
		env.report(err)
	}
	if c.print.output == "" && len(copies) != 1 {
		fmt.Fprintln(env.Out, c.summary(to, len(copies), counts, len(failed)))
	}
	if skipped > 0 {
		env.note("%d more were left out: they belong to something else (DatabaseUsers, controllers), or have none of the keys", skipped)
	}
	if len(failed) > 0 {
		return Hinted(fmt.Errorf("%d of %d could not be copied", len(failed), len(copies)), "mend what is said above; the same command again copies what is left")
	}
	return nil
}

// summary says: 500 secrets in staging: 480 created, 20 unchanged.
func (c *secretCopy) summary(to site, total int, counts map[string]int, failed int) string {
	var parts []string
	for _, outcome := range []string{outcomeCreated, outcomeChanged, outcomeUnchanged} {
		if n := counts[outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", failed))
	}
	if len(parts) == 0 {
		parts = []string{"nothing to copy"}
	}
	return c.dryRun.said(fmt.Sprintf("%d %s in %s: %s", total, plural("secret", total), to, strings.Join(parts, ", ")))
}
