package plugin

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/notify"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// revisions returns the store of Secrets and of what they held before. It connects to
// nothing.
func (e *Environment) revisions() (revision.Store, error) {
	secrets, err := e.Secrets()
	if err != nil {
		return revision.Store{}, err
	}
	objects, err := e.metadataOnly()
	return revision.Store{Secrets: secrets, Metadata: objects}, err
}

// author returns the name of who asks, for the history: who the API server says it is.
func (e *Environment) author(ctx context.Context) (string, error) {
	user, err := e.identity(ctx)
	if err != nil {
		return "", fmt.Errorf("find out who is asking: %w", err)
	}
	return user.Username, nil
}

// finish completes what the caller has begun to write to a Secret and was interrupted in. It
// returns that revision; nil: there was nothing to complete.
func (e *Environment) finish(ctx context.Context, store revision.Store, namespace, name string) (*revision.Entry, error) {
	author, err := e.author(ctx)
	if err != nil {
		return nil, err
	}
	return store.Finish(ctx, namespace, name, author)
}

// secretChange is what the commands have in common that write to Secrets.
type secretChange struct {
	print      printFlags
	dryRun     dryRun
	reason     string
	ifRevision int64
	limit      int
	timeout    time.Duration
	// kind is what Events and the receiver are told that it was; empty: a change.
	kind notify.Kind
}

// anyRevision is --if-revision where it is not given.
const anyRevision = -1

// add adds the flags that all of these commands have.
func (c *secretChange) add(cmd *cobra.Command) {
	c.print.add(cmd, []string{"json", "yaml", "name"})
	c.dryRun.add(cmd)
	cmd.Flags().StringVar(&c.reason, "reason", "", "why, for those who read the history")
	cmd.Flags().DurationVar(&c.timeout, "timeout", cmp.Or(c.timeout, time.Minute), "how long it may take, not counting questions")
	c.ifRevision = anyRevision
}

// addIfRevision adds --if-revision to a command that takes a Secret that there is.
func (c *secretChange) addIfRevision(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&c.ifRevision, "if-revision", anyRevision, "refuse unless the Secret is at this revision")
}

// addGuards adds the flags of commands that change one Secret.
func (c *secretChange) addGuards(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&c.ifRevision, "if-revision", anyRevision, "refuse unless the Secret is at this revision; 0: unless there is none")
	cmd.Flags().IntVar(&c.limit, "history-limit", 0, "how many revisions of it are kept from now on (default 10)")
}

// check returns an error of usage for values of flags that make no sense.
func (c *secretChange) check() error {
	switch {
	case c.ifRevision < anyRevision:
		return Usagef("--if-revision must be a revision, or 0")
	case c.limit < 0 || c.limit > 1000:
		return Usagef("--history-limit must be between 1 and 1000")
	case !utf8.ValidString(c.reason) || strings.ContainsFunc(c.reason, func(r rune) bool { return !unicode.IsPrint(r) }) || len(c.reason) > maxReason:
		return Usagef("--reason must be one line of printable text, of at most %d bytes", maxReason)
	}
	return c.print.check()
}

const maxReason = 1024

// writtenDocument is what came of a change, as -o json and yaml print it. No value is in it.
type writtenDocument struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Context   string `json:"context,omitempty"`
	// Revision is that of the content; 0 in a dry run that would make one.
	Revision int64    `json:"revision"`
	Outcome  string   `json:"outcome"`
	Added    []string `json:"added,omitempty"`
	Changed  []string `json:"changed,omitempty"`
	Removed  []string `json:"removed,omitempty"`
	DryRun   bool     `json:"dryRun,omitempty"`
	// ExpiresAt is when it expires from now on, where that was changed.
	ExpiresAt string `json:"expiresAt,omitempty"`
}

// What became of a Secret.
const (
	outcomeCreated   = "created"
	outcomeChanged   = "changed"
	outcomeUnchanged = "unchanged"
	outcomeDeleted   = "deleted"
)

// run makes a change, prints what came of it and tells others of it.
func (c *secretChange) run(ctx context.Context, env *Environment, edit revision.Edit) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	store, err := env.revisions()
	if err != nil {
		return err
	}
	edit.DryRun = c.isDryRun()
	written, err := c.write(ctx, env, store, edit)
	if err != nil {
		return err
	}
	c.remark(env, edit.Name, written)
	remarkExpiry(env, edit.Namespace, edit.Name, written.Annotations)
	if err := c.tell(env, newWrittenDocument(edit, written)); err != nil {
		return err
	}
	if change, told := newChange(cmp.Or(c.kind, notify.Changed), edit, written); told {
		env.inform(ctx, change)
	}
	return nil
}

// settled reads a Secret of the current namespace. Before that it completes a write of the
// caller that was interrupted, because what the Secret holds is not known until then; finished
// is that revision, nil if there was none. A dry run completes nothing.
func (c *secretChange) settled(ctx context.Context, env *Environment, name string) (store revision.Store, now *revision.Standing, finished *revision.Entry, err error) {
	s, err := env.here()
	if err != nil {
		return store, nil, nil, err
	}
	store = s.store
	if !c.isDryRun() {
		if finished, err = env.finish(ctx, store, s.namespace, name); err != nil {
			return store, nil, nil, err
		}
	}
	if finished != nil {
		c.remark(env, name, revision.Written{Finished: finished.Number})
	}
	now, err = store.Stand(ctx, s.namespace, name)
	return store, now, finished, err
}

// write makes a change in the name of the caller, as the flags say.
func (c *secretChange) write(ctx context.Context, env *Environment, store revision.Store, edit revision.Edit) (revision.Written, error) {
	author, err := env.author(ctx)
	if err != nil {
		return revision.Written{}, err
	}
	edit.Author, edit.DryRun, edit.Server = author, c.isDryRun(), c.dryRun.server()
	if c.reason != "" {
		edit.Reason = c.reason
	}
	edit.IfRevision = c.expected()
	if c.limit > 0 {
		text := strconv.Itoa(c.limit)
		notes := map[string]*string{}
		maps.Copy(notes, edit.Notes)
		notes[v1alpha1.AnnotationHistoryLimit] = &text
		edit.Notes = notes
	}
	return store.Write(ctx, edit)
}

// expected returns the revision that the Secret has to be at; nil: any.
func (c *secretChange) expected() *int64 {
	if c.ifRevision == anyRevision {
		return nil
	}
	return &c.ifRevision
}

func (c *secretChange) isDryRun() bool { return c.dryRun.way != dryRunNone }

// newWrittenDocument returns the document about a change and what came of it. It is pure.
func newWrittenDocument(edit revision.Edit, w revision.Written) writtenDocument {
	doc := writtenDocument{Namespace: edit.Namespace, Name: edit.Name, Revision: w.Revision.Number, Outcome: outcomeUnchanged,
		Added: w.Changes.Added, Changed: w.Changes.Changed, Removed: w.Changes.Removed, DryRun: edit.DryRun}
	switch {
	case w.Created:
		doc.Outcome = outcomeCreated
	case !w.Changes.Empty():
		doc.Outcome = outcomeChanged
	}
	return doc
}

// remark says on stderr what was done to a Secret beside what was asked for.
func (c *secretChange) remark(env *Environment, name string, w revision.Written) {
	if w.Finished > 0 {
		env.note("secret %q: revision %d was written and not live yet: finished it", name, w.Finished)
	}
	if w.Kept > 0 {
		env.note("secret %q: what something else had written is kept as revision %d", name, w.Kept)
	}
	if w.Unpruned != nil {
		env.warn("secret %q: old revisions stay: %s", name, explain(w.Unpruned).cause)
	}
}

// tell prints what came of one change.
func (c *secretChange) tell(env *Environment, doc writtenDocument) error {
	switch c.print.output {
	case "json", "yaml":
		return printDocument(env, c.print.output, doc)
	case "name":
		_, err := fmt.Fprintf(env.Out, "secret/%s\n", doc.Name)
		return err
	default:
		_, err := fmt.Fprintln(env.Out, c.line(doc))
		return err
	}
}

// line says what came of one change: secret/app changed, revision 3: ~PASSWORD.
func (c *secretChange) line(doc writtenDocument) string {
	said := fmt.Sprintf("secret/%s %s", doc.Name, doc.Outcome)
	if doc.Revision > 0 {
		said += fmt.Sprintf(", revision %d", doc.Revision)
	}
	changes := secret.Changes{Added: doc.Added, Changed: doc.Changed, Removed: doc.Removed}
	if !changes.Empty() && doc.Outcome != outcomeDeleted {
		said += ": " + changes.String()
	}
	return c.dryRun.said(said)
}
