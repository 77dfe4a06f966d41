package plugin

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

// planned is what an import does to a Secret.
type planned struct {
	item secretfile.Item
	// seen is the Secret that the plan starts from: what is written is this plan, or nothing.
	seen *revision.Standing
	// known is what a list has said of the Secret.
	known *revision.Summary
	// written is what a dry run came to.
	written revision.Written
	// finished is the revision of somebody who was interrupted, which is live since; 0: none.
	finished int64
	err      error
}

// plan finds out what the import does to each Secret. It writes nothing: unless that is
// asked for otherwise, the API server validates each write. The error is that of the
// Secrets that may not be written; it is of all that are imported.
func (c *secretImport) plan(ctx context.Context, env *Environment, items []secretfile.Item) ([]planned, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	progress := env.newProgress()
	defer progress.done()
	progress.step("reading what there is …")
	store, err := env.revisions()
	if err != nil {
		return nil, err
	}
	plans, err := newPlans(ctx, store, items)
	if err != nil {
		return nil, err
	}
	progress.each(len(plans), func(i int) { plans[i].err = c.look(ctx, env, store, &plans[i]) })
	progress.done()
	var failed []error
	for i := range plans {
		c.remark(env, plans[i].item.Name, revision.Written{Finished: plans[i].finished})
		if plans[i].err != nil {
			failed = append(failed, plans[i].err)
		}
	}
	switch {
	case len(failed) == 0:
		return plans, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(plans) == 1:
		return nil, failed[0]
	}
	for _, err := range failed {
		env.report(err)
	}
	return nil, Hinted(fmt.Errorf("%d of %d Secrets may not be written: nothing was imported", len(failed), len(plans)), "mend what is said above, or leave them out of what is imported")
}

// newPlans lists what there is in the namespaces that many Secrets are imported into.
func newPlans(ctx context.Context, store revision.Store, items []secretfile.Item) ([]planned, error) {
	counts := map[string]int{}
	for _, item := range items {
		counts[item.Namespace]++
	}
	all := map[string]known{}
	for namespace, n := range counts {
		list, err := newKnown(ctx, store, namespace, n)
		if err != nil {
			return nil, err
		}
		all[namespace] = list
	}
	plans := make([]planned, len(items))
	for i, item := range items {
		plans[i] = planned{item: item, known: all[item.Namespace].of(item.Name)}
	}
	return plans, nil
}

// look finds out what the import does to one Secret. A write that was interrupted is
// finished before: what the Secret holds is not known until then.
func (c *secretImport) look(ctx context.Context, env *Environment, store revision.Store, p *planned) error {
	trial := c.secretChange
	if !c.isDryRun() {
		trial.dryRun.way = dryRunServer
	}
	unfinished := false
	edit := c.edit(p, func(now *revision.Standing) (secret.Data, error) {
		p.seen = now
		_, unfinished = now.Unfinished()
		return c.content(p.item, now), nil
	})
	edit.Known = p.known
	var err error
	p.written, err = trial.write(ctx, env, store, edit)
	if err != nil || !unfinished || c.isDryRun() {
		return err
	}
	finished, err := env.finish(ctx, store, p.item.Namespace, p.item.Name)
	if err != nil {
		return err
	}
	if finished != nil {
		p.finished = finished.Number
	}
	edit.Known, p.known = nil, nil
	p.written, err = trial.write(ctx, env, store, edit)
	return err
}

// edit returns the change of a Secret to a content.
func (c *secretImport) edit(p *planned, content func(*revision.Standing) (secret.Data, error)) revision.Edit {
	return revision.Edit{Namespace: p.item.Namespace, Name: p.item.Name, Type: corev1.SecretType(p.item.Type), Labels: p.item.Labels,
		Reason: "imported from " + c.source(), DryRun: c.isDryRun(), Change: content}
}

// source names the file for those who read the history: without the directories, which say
// more about who imports than about what.
func (c *secretImport) source() string {
	if c.file == stdin {
		return "stdin"
	}
	name := filepath.Base(filepath.Clean(c.file))
	if absolute, err := filepath.Abs(c.file); err == nil { // of . and ..
		name = filepath.Base(absolute)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("%q", name)
	}
	return name
}

// content returns what a Secret is to hold.
func (c *secretImport) content(item secretfile.Item, now *revision.Standing) secret.Data {
	if now.Live == nil || c.prune {
		return item.Data
	}
	return now.Live.Data.Merge(item.Data)
}

// apply carries the plans out. Where nothing is to be written nothing is asked again.
func (c *secretImport) apply(ctx context.Context, env *Environment, plans []planned) ([]attempt, error) {
	store, err := env.revisions()
	if err != nil {
		return nil, err
	}
	progress := env.newProgress()
	defer progress.done()
	attempts := make([]attempt, len(plans))
	progress.each(len(plans), func(i int) {
		p := &plans[i]
		edit := c.edit(p, func(now *revision.Standing) (secret.Data, error) {
			if !sameContent(p.seen, now) {
				return nil, Hinted(fmt.Errorf("secret %q was changed by somebody else after it was shown what would be done", p.item.Name), "run the command again")
			}
			return c.content(p.item, now), nil
		})
		edit.Known = p.known
		attempts[i] = attempt{edit: edit, written: p.written}
		if p.written.Wrote {
			attempts[i].written, attempts[i].err = c.write(ctx, env, store, edit)
		}
	})
	return attempts, nil
}

// ask shows the plans, and asks whether they are to be carried out where there is something
// to do.
func (c *secretImport) ask(ctx context.Context, env *Environment, plans []planned, namespace string) (bool, error) {
	changes := slices.ContainsFunc(plans, func(p planned) bool { return p.written.Created || !p.written.Changes.Empty() })
	out := env.Out
	switch {
	case !changes:
		return true, nil
	case c.print.human():
	case env.asks(c.yes): // stdout is for what comes of them
		out = env.ErrOut
	default:
		return true, nil
	}
	if err := c.printPlans(out, plans, namespace); err != nil {
		return false, err
	}
	return env.confirm(ctx, "Import", c.yes)
}

// show prints what a dry run came to.
func (c *secretImport) show(env *Environment, plans []planned, where, namespace string) error {
	docs, counts := []writtenDocument{}, map[string]int{}
	for i := range plans {
		doc := newWrittenDocument(c.edit(&plans[i], nil), plans[i].written)
		docs = append(docs, doc)
		counts[doc.Outcome]++
	}
	if !c.print.human() {
		return c.tellAll(env, docs)
	}
	if err := c.printPlans(env.Out, plans, namespace); err != nil || len(plans) == 1 {
		return err
	}
	_, err := fmt.Fprintln(env.Out, c.summary(where, len(plans), counts, 0, "imported"))
	return err
}

// printPlans prints a table for each Secret that changes, and a line for the others.
func (c *secretImport) printPlans(out io.Writer, plans []planned, namespace string) error {
	for i := range plans {
		if _, err := fmt.Fprintln(out, c.dryRun.said(plans[i].title(namespace))); err != nil {
			return err
		}
		if err := plans[i].table(out); err != nil {
			return err
		}
	}
	return nil
}

// title says what happens to the Secret.
func (p *planned) title(namespace string) string {
	said := "secret/" + p.item.Name
	if p.item.Namespace != namespace {
		said += " in namespace " + p.item.Namespace
	}
	switch {
	case p.written.Created:
		return said + " will be created"
	case p.written.Changes.Empty():
		return said + " stays as it is"
	}
	said += " will be changed"
	switch n := len(p.others()); n {
	case 0:
		return said
	case 1:
		return said + "; 1 other key stays"
	default:
		return fmt.Sprintf("%s; %d other keys stay", said, n)
	}
}

// others returns the keys that the Secret has beside those that are imported, and keeps.
func (p *planned) others() []string {
	return slices.DeleteFunc(p.seen.Live.Data.Keys(), func(key string) bool {
		_, imported := p.item.Data[key]
		return imported || slices.Contains(p.written.Changes.Removed, key)
	})
}

// table prints the keys with what happens to each, and no value.
func (p *planned) table(out io.Writer) error {
	if p.written.Changes.Empty() && !p.written.Created {
		return nil
	}
	table := printers.GetNewTabWriter(out)
	for _, key := range p.item.Data.Keys() {
		mark := "="
		switch {
		case slices.Contains(p.written.Changes.Added, key):
			mark = "+"
		case slices.Contains(p.written.Changes.Changed, key):
			mark = "~"
		}
		fmt.Fprintf(table, "  %s %s\t%s\n", mark, key, mask)
	}
	for _, key := range p.written.Changes.Removed {
		fmt.Fprintf(table, "  - %s\t%s\n", key, mask)
	}
	return table.Flush()
}
