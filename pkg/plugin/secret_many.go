package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/dbtether/kubectl-dbtether/pkg/notify"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// secretsAtOnce is how many Secrets are written at a time.
const secretsAtOnce = 16

// each does something for each of n Secrets, some at a time, and shows how many are done.
func (p *progress) each(n int, do func(i int)) {
	next := make(chan int)
	var mu sync.Mutex
	var workers sync.WaitGroup
	done := 0
	for range min(secretsAtOnce, n) {
		workers.Go(func() {
			for i := range next {
				do(i)
				mu.Lock()
				done++
				p.count(done, n)
				mu.Unlock()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
}

// known are the Secrets of a namespace, by name, as they were listed; nil: they were not.
type known map[string]*revision.Summary

// newKnown lists the Secrets of a namespace, in which n are to be written. Where these are few
// it lists nothing: each write then reads its Secret itself.
func newKnown(ctx context.Context, store revision.Store, namespace string, n int) (known, error) {
	if n < 3 {
		return nil, nil
	}
	list, err := store.List(ctx, namespace)
	if err != nil {
		return nil, err
	}
	all := known{}
	for i := range list {
		all[list[i].Name] = &list[i]
	}
	return all, nil
}

// of returns what is known of a Secret, as an Edit takes it: nil where nothing was listed, an
// empty summary of a Secret that there is not.
func (k known) of(name string) *revision.Summary {
	if found := k[name]; found != nil || k == nil {
		return found
	}
	return &revision.Summary{}
}

// attempt is one of many changes, and what came of it.
type attempt struct {
	edit    revision.Edit
	written revision.Written
	err     error
}

// changesOf returns what others are told of the attempts, by namespace.
func changesOf(attempts []attempt) map[string][]notify.Change {
	changes := map[string][]notify.Change{}
	for _, one := range attempts {
		if change, told := newChange(notify.Changed, one.edit, one.written); told && one.err == nil {
			changes[one.edit.Namespace] = append(changes[one.edit.Namespace], change)
		}
	}
	return changes
}

// sum prints what came of each attempt, and of all in one line that says where. Context is
// that of the other cluster, if it is one. The error says how many failed, in the words of
// what was done: "copied", "copies".
func (c *secretChange) sum(env *Environment, where, context string, attempts []attempt, done, does string) error {
	docs := []writtenDocument{}
	counts := map[string]int{}
	var failed []error
	for _, one := range attempts {
		if one.err != nil {
			failed = append(failed, one.err)
			continue
		}
		c.remark(env, one.edit.Name, one.written)
		doc := newWrittenDocument(one.edit, one.written)
		doc.Context = context
		docs = append(docs, doc)
		counts[doc.Outcome]++
	}
	if len(attempts) == 1 && len(failed) == 1 {
		return failed[0]
	}
	if err := c.tellAll(env, docs); err != nil {
		return err
	}
	ended := reportAll(env, failed)
	if c.print.output == "" && len(attempts) != 1 {
		fmt.Fprintln(env.Out, c.summary(where, len(attempts), counts, len(failed), done))
	}
	if len(failed) == 0 {
		return nil
	}
	err := fmt.Errorf("%d of %d could not be %s", len(failed), len(attempts), done)
	if ended != nil {
		err = fmt.Errorf("%w: %w", err, ended)
	}
	return Hinted(err, "mend what is said above; the same command again %s what is left", does)
}

// reportAll prints errors, and returns the one of a time that was over, or of an
// interruption, which is the same for each and worth one line.
func reportAll(env *Environment, errs []error) (ended error) {
	for _, err := range errs {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			ended = err
			continue
		}
		env.report(err)
	}
	return ended
}

// tellAll prints what came of many changes.
func (c *secretChange) tellAll(env *Environment, docs []writtenDocument) error {
	if c.print.output == "json" || c.print.output == "yaml" {
		return printDocument(env, c.print.output, docs)
	}
	for _, doc := range docs {
		if err := c.tell(env, doc); err != nil {
			return err
		}
	}
	return nil
}

// summary says: 500 secrets in staging: 480 created, 20 unchanged.
func (c *secretChange) summary(where string, total int, counts map[string]int, failed int, done string) string {
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
		parts = []string{"none " + done}
	}
	return c.dryRun.said(fmt.Sprintf("%d %s in %s: %s", total, plural("secret", total), where, strings.Join(parts, ", ")))
}
