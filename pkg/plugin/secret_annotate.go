package plugin

import (
	"context"
	"fmt"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

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
