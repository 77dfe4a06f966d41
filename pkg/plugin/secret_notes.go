package plugin

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// note is an annotation of ours that a managed Secret gets, or loses.
type note struct {
	name  string
	value *string
}

func limitNote(limit int) note {
	text := strconv.Itoa(limit)
	return note{v1alpha1.AnnotationHistoryLimit, &text}
}

// withNote returns notes with one more. It does not change notes.
func withNote(notes map[string]*string, more ...note) map[string]*string {
	notes = maps.Clone(notes)
	if notes == nil {
		notes = map[string]*string{}
	}
	for _, n := range more {
		notes[n.name] = n.value
	}
	return notes
}

// annotate writes annotations of a Secret, and no revision, and prints what came of it:
// "secret/app …", followed by what is said.
func (c *secretChange) annotate(ctx context.Context, env *Environment, seen revision.Summary, notes map[string]*string, said string) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	store, err := env.revisions()
	if err != nil {
		return err
	}
	edit := revision.Noting(seen.Namespace, seen.Name, notes)
	written, err := c.write(ctx, env, store, edit)
	if err != nil {
		return err
	}
	c.remark(env, seen.Name, written)
	doc := writtenDocument{Namespace: seen.Namespace, Name: seen.Name, Revision: written.Revision.Number, Outcome: outcomeUnchanged, DryRun: c.dryRun.way != dryRunNone}
	if at := notes[v1alpha1.AnnotationExpiresAt]; at != nil {
		doc.ExpiresAt = *at
	}
	if !hasNotes(seen.Annotations, notes) {
		doc.Outcome = outcomeChanged
	}
	if c.print.output != "" || doc.Outcome == outcomeUnchanged {
		return c.tell(env, doc)
	}
	_, err = fmt.Fprintln(env.Out, c.dryRun.said("secret/"+seen.Name+" "+said))
	return err
}

// hasNotes reports whether annotations are as notes want them.
func hasNotes(annotations map[string]string, notes map[string]*string) bool {
	for name, value := range notes {
		is, has := annotations[name]
		if has != (value != nil) || has && is != *value {
			return false
		}
	}
	return true
}

// remarkExpiry says that a Secret that was written has expired: new values do not change
// that by themselves.
func remarkExpiry(env *Environment, name string, annotations map[string]string) {
	at, err := time.Parse(time.RFC3339, annotations[v1alpha1.AnnotationExpiresAt])
	if err == nil && !env.Now().Before(at) {
		env.note("secret %q has expired at %s, and stays so: kubectl dbtether secret expire %s --in 90d, or --never", name, at.UTC().Format(time.RFC3339), name)
	}
}
