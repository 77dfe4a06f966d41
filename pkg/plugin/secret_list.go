package plugin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// secretList is one call of secret list.
type secretList struct {
	print                       printFlags
	selector                    string
	allNamespaces, noHeaders    bool
	unmanaged, deleted, expired bool
}

func newSecretListCommand(env *Environment) *cobra.Command {
	var list secretList
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Aliases: []string{"ls"},
		Short:   "List the Secrets that have a history",
		Long: `List the Secrets of the namespace that have a history: their keys, when they were changed
last and by whom, when they expire, and how many objects refer to them, as secret usage
shows them. No value is read: the API server is asked for metadata only.

Whether something else has changed a Secret is not known without its values: secret history
says so.`,
		Example: `  kubectl dbtether secret list
  kubectl dbtether secret list -A --expired
  kubectl dbtether secret list --unmanaged -o wide`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := list.print.check(); err != nil {
				return err
			}
			return list.run(cmd.Context(), env)
		},
	}
	list.print.add(cmd, []string{"json", "yaml", "name", "wide"})
	cmd.Flags().StringVarP(&list.selector, "selector", "l", "", "only Secrets with these labels, for example team=shop,tier!=test")
	cmd.Flags().BoolVar(&list.noHeaders, "no-headers", false, "leave out the line of column titles")
	cmd.Flags().BoolVarP(&list.allNamespaces, "all-namespaces", "A", false, "in all namespaces")
	cmd.Flags().BoolVar(&list.unmanaged, "unmanaged", false, "also those that have no history")
	cmd.Flags().BoolVar(&list.deleted, "deleted", false, "also those that were deleted and can be undeleted")
	cmd.Flags().BoolVar(&list.expired, "expired", false, "only those that have expired")
	return cmd
}

// listedSecret is a Secret, as -o json and yaml print it.
type listedSecret struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	State     string   `json:"state,omitempty"` // unmanaged, deleted or expired
	Keys      []string `json:"keys"`
	Revision  int64    `json:"revision,omitempty"`
	Revisions int      `json:"revisions"`
	Created   string   `json:"created,omitempty"`
	Changed   string   `json:"changed,omitempty"`
	Author    string   `json:"author,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	Expires   string   `json:"expires,omitempty"`
	// Consumers is how many objects refer to it; nil for all namespaces.
	Consumers *int `json:"consumers,omitempty"`
}

// States of a listed Secret.
const (
	stateUnmanaged = "unmanaged"
	stateExpired   = "expired"
)

// run prints the Secrets that are wanted. It reads metadata only.
func (c *secretList) run(ctx context.Context, env *Environment) error {
	selector, err := labels.Parse(c.selector)
	if err != nil {
		return Usagef("read --selector: %w", err)
	}
	s, err := env.here()
	if err != nil {
		return err
	}
	if c.allNamespaces {
		s.namespace = ""
	}
	all, err := s.store.List(ctx, s.namespace)
	if err != nil {
		return err
	}
	rows := []listedSecret{}
	hidden := map[string]int{} // by state: those that another flag would list
	for i := range all {
		row := newListedSecret(&all[i], env.Now())
		switch {
		case !selector.Matches(labels.Set(all[i].Labels)):
		case c.wants(row.State):
			rows = append(rows, row)
		default:
			hidden[row.State]++
		}
	}
	if c.print.output == "name" {
		for _, row := range rows {
			fmt.Fprintf(env.Out, "secret/%s\n", row.Name)
		}
		return nil
	}
	if err := c.count(ctx, env, s.namespace, rows); err != nil {
		return err
	}
	if !c.print.human() {
		return printDocument(env, c.print.output, rows)
	}
	if len(rows) == 0 {
		c.none(env, s.namespace, hidden)
		return nil
	}
	return c.table(env, rows)
}

// wants reports whether Secrets in a state are listed.
func (c *secretList) wants(state string) bool {
	switch state {
	case stateUnmanaged:
		return c.unmanaged && !c.expired
	case stateDeletion:
		return c.deleted && !c.expired
	default:
		return state == stateExpired || !c.expired
	}
}

// newListedSecret returns the document about a Secret, without its consumers. It is pure.
func newListedSecret(s *revision.Summary, now time.Time) listedSecret {
	row := listedSecret{Namespace: s.Namespace, Name: s.Name, Keys: s.Keys(), Revision: s.Revision(), Revisions: len(s.Entries), Expires: s.Annotations[v1alpha1.AnnotationExpiresAt]}
	if row.Keys == nil {
		row.Keys = []string{}
	}
	if s.Exists() {
		row.Created = s.CreationTimestamp.UTC().Format(time.RFC3339)
	}
	last, found := s.Held()
	switch {
	case !s.Exists():
		row.State = stateDeletion
		if n := len(s.Entries); n > 0 {
			last, found = s.Entries[n-1], true
		}
	case !s.IsManaged():
		row.State = stateUnmanaged
	case !s.ExpiredAt(now).IsZero():
		row.State = stateExpired
	}
	if found {
		row.Changed, row.Author, row.Reason = last.Time.UTC().Format(time.RFC3339), last.Author, last.Reason
	}
	return row
}

// count adds to each row how many objects refer to the Secret, where one namespace is listed.
// A warning says what could not be read: then there may be more.
func (c *secretList) count(ctx context.Context, env *Environment, namespace string, rows []listedSecret) error {
	if namespace == "" || len(rows) == 0 {
		return nil
	}
	counts, seen, err := env.secretConsumers(ctx, namespace)
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].State != stateDeletion {
			n := counts[rows[i].Name]
			rows[i].Consumers = &n
		}
	}
	if c.print.human() {
		seen.tellMissing(env, "there may be more consumers")
	}
	return nil
}

// none says that nothing is listed, and which flag would list what there is.
func (c *secretList) none(env *Environment, namespace string, hidden map[string]int) {
	where := "in any namespace"
	if namespace != "" {
		where = fmt.Sprintf("in namespace %q", namespace)
	}
	if c.selector != "" {
		where += fmt.Sprintf(" with the labels %q", c.selector)
	}
	switch {
	case c.expired:
		env.note("no Secret %s has expired", where)
	case hidden[stateUnmanaged] > 0:
		env.note("no Secret %s has a history; kubectl dbtether secret set begins one, and --unmanaged lists the others", where)
	case hidden[stateDeletion] > 0:
		env.note("no Secret %s exists any more; --deleted lists those that can be brought back", where)
	default:
		env.note("no Secrets found %s", where)
	}
}

// table prints a row for each Secret.
func (c *secretList) table(env *Environment, rows []listedSecret) error {
	wide := c.print.output == "wide"
	titles := []string{"NAME", "KEYS", "REVISION", "AGE", "CHANGED", "BY", "EXPIRES"}
	if c.allNamespaces {
		titles = append([]string{"NAMESPACE"}, titles...)
	} else {
		titles = append(titles, "CONSUMERS")
	}
	if wide {
		titles = append(titles, "REVISIONS", "REASON")
	}
	var table [][]string
	if !c.noHeaders {
		table = append(table, titles)
	}
	for _, row := range rows {
		cells := []string{row.Name, row.keys(wide), dash(row.Revision), env.since(row.Created), env.since(row.Changed), printable(orDefault(row.Author, "-")), row.expires(env.Now())}
		if row.State == stateUnmanaged || row.State == stateDeletion {
			cells[2] = row.State
		}
		if c.allNamespaces {
			cells = append([]string{row.Namespace}, cells...)
		} else {
			cells = append(cells, row.consumers())
		}
		if wide {
			cells = append(cells, fmt.Sprint(row.Revisions), printable(orDefault(row.Reason, "-")))
		}
		table = append(table, cells)
	}
	return printRows(env.Out, table)
}

// keyColumn is how wide the names of keys are at most.
const keyColumn = 40

// keys returns the names of the keys in one cell, cut unless wide.
func (r listedSecret) keys(wide bool) string {
	list := printable(strings.Join(r.Keys, ","))
	switch {
	case list == "":
		return "-"
	case wide:
		return list
	default:
		return words.Shorten(list, keyColumn)
	}
}

// expires returns in how long the Secret expires, or that it has.
func (r listedSecret) expires(now time.Time) string {
	at, err := time.Parse(time.RFC3339, r.Expires)
	switch {
	case r.Expires == "":
		return "-"
	case err != nil:
		return "invalid"
	case !now.Before(at):
		return "expired"
	default:
		return "in " + duration.HumanDuration(at.Sub(now))
	}
}

func (r listedSecret) consumers() string {
	if r.Consumers == nil {
		return "-"
	}
	return fmt.Sprint(*r.Consumers)
}

// since returns how long ago something was whose time is written as in RFC 3339; "-" where it
// is not known.
func (e *Environment) since(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return "-"
	}
	return e.age(at)
}

// dash returns a number; "-" for 0.
func dash(number int64) string {
	if number == 0 {
		return "-"
	}
	return fmt.Sprint(number)
}
