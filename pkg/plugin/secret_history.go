package plugin

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// secretHistory is one call of secret history.
type secretHistory struct{ print printFlags }

func newSecretHistoryCommand(env *Environment) *cobra.Command {
	var history secretHistory
	cmd := &cobra.Command{
		Use:     "history NAME [flags]",
		Aliases: []string{"log"},
		Short:   "List who changed a Secret, when, why, and which keys",
		Long: `List the revisions of a Secret, oldest first: who wrote each, which keys it added (+),
changed (~) and removed (-), and why. The author is the user whom the API server knows.

A change that was made by something else, such as kubectl edit, is external. It becomes a
revision with the next change. A revision whose writer was interrupted is unfinished: her
next change finishes it first, and that of somebody else leaves it abandoned.`,
		Args:              nameOfSecret("secret history", false),
		ValidArgsFunction: completeSecretNames(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := history.print.check(); err != nil {
				return err
			}
			return history.run(cmd.Context(), env, args[0])
		},
	}
	history.print.add(cmd, []string{"json", "yaml", "wide"})
	return cmd
}

// States of a revision.
const (
	stateLive       = "live"
	stateDeletion   = "deleted"
	stateUnfinished = "unfinished"
	stateAbandoned  = "abandoned"
	stateExternal   = "external"
)

// revisionDocument is a revision, as -o json and yaml print it.
type revisionDocument struct {
	Revision int64    `json:"revision"` // 0: what is live and no revision has
	State    string   `json:"state,omitempty"`
	Time     string   `json:"time,omitempty"`
	Author   string   `json:"author"`
	Reason   string   `json:"reason,omitempty"`
	Changes  string   `json:"changes,omitempty"`
	Keys     []string `json:"keys"`
}

type historyDocument struct {
	Namespace string             `json:"namespace"`
	Name      string             `json:"name"`
	Exists    bool               `json:"exists"`
	Revisions []revisionDocument `json:"revisions"`
}

// run prints the revisions. That there is no history is no error, unless there is no Secret
// either.
func (c *secretHistory) run(ctx context.Context, env *Environment, name string) error {
	_, standing, err := env.stand(ctx, name)
	if err != nil {
		return err
	}
	if standing.Live == nil && len(standing.Entries) == 0 {
		return standing.Missing()
	}
	doc := newHistory(standing)
	if !c.print.human() {
		return printDocument(env, c.print.output, doc)
	}
	if len(doc.Revisions) == 0 {
		env.note("secret %q has no history: the first change by kubectl dbtether secret set begins it", name)
		return nil
	}
	if err := doc.table(env, c.print.output == "wide"); err != nil {
		return err
	}
	if standing.Live == nil {
		env.note("secret %q does not exist any more: kubectl dbtether secret undelete %s -n %s brings it back", name, name, standing.Namespace)
	}
	return nil
}

// newHistory returns the document about the revisions of a Secret. It is pure.
func newHistory(standing *revision.Standing) historyDocument {
	doc := historyDocument{Namespace: standing.Namespace, Name: standing.Name, Exists: standing.Live != nil, Revisions: []revisionDocument{}}
	pending, unfinished := standing.Unfinished()
	for _, e := range standing.Entries {
		r := revisionDocument{Revision: e.Number, Time: e.Time.UTC().Format(time.RFC3339), Author: e.Author, Reason: e.Reason, Changes: e.Changes, Keys: e.Keys}
		switch {
		case e.Deletes && (!unfinished || e.UID != pending.UID) && !standing.Abandoned(e):
			r.State, r.Changes = stateDeletion, ""
		case unfinished && e.UID == pending.UID:
			r.State = stateUnfinished
		case standing.Held != nil && e.UID == standing.Held.UID:
			r.State = stateLive
		case standing.Abandoned(e):
			r.State = stateAbandoned
		}
		if r.Keys == nil {
			r.Keys = []string{}
		}
		doc.Revisions = append(doc.Revisions, r)
	}
	if standing.External() && standing.Live.Managed {
		now := revisionDocument{State: stateExternal, Author: orDefault(standing.LastWriter(), "unknown"), Keys: standing.Live.Data.Keys()}
		if standing.Named != nil {
			now.Changes = secret.Diff(standing.Named.Data, standing.Live.Data).String()
		}
		doc.Revisions = append(doc.Revisions, now)
	}
	return doc
}

func (d historyDocument) table(env *Environment, wide bool) error {
	rows := [][]string{{"REVISION", "STATE", "AGE", "AUTHOR", "CHANGES", "REASON"}}
	for _, r := range d.Revisions {
		age := env.since(r.Time)
		if wide {
			age = orDefault(r.Time, "-")
		}
		rows = append(rows, []string{dash(r.Revision), orDefault(r.State, "-"), age, printable(orDefault(r.Author, "-")), printable(orDefault(r.Changes, "-")), printable(orDefault(r.Reason, "-"))})
	}
	return printRows(env.Out, rows)
}
