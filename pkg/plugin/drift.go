package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

func newDriftCommand(env *Environment) *cobra.Command {
	print := printFlags{}
	var which selected
	cmd := &cobra.Command{
		Use:   "drift [db/NAME | user/NAME]... [-A] [flags]",
		Short: "Say how PostgreSQL differs from what the resources ask for",
		Long: `Read in full what stands for Databases and DatabaseUsers, and say what differs, with the SQL
that would mend it. Nothing is changed but the condition Drifted of the resources.

It exits 0 if nothing differs, 1 if something does, and more than 1 if something could not
be looked at. reconcile mends what can be mended without losing data.`,
		Example: `  kubectl dbtether drift
  kubectl dbtether drift db/orders user/orders-api -o yaml`,
		ValidArgsFunction: completeObjects(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := print.check(); err != nil {
				return err
			}
			return asUnread(drift(cmd.Context(), env, &which, args, &print))
		},
	}
	which.add(cmd)
	print.add(cmd, []string{"json", "yaml", "name"})
	return cmd
}

// The exit codes of drift. As with diff, 1 means that something differs, so an error that
// kept drift from looking must not exit with 1.
const (
	exitDrifted = 1
	exitUnread  = 4
)

// drift looks at the objects that args and s select and prints how each differs. An
// error without an exit code of its own means that not everything was looked at.
func drift(ctx context.Context, env *Environment, s *selected, args []string, print *printFlags) error {
	bar := env.newProgress()
	defer bar.done()
	p, err := env.provisioner(&progress{}) // works on several at once: the bar counts them
	if err != nil {
		return err
	}
	defer p.Close()
	objects, err := s.objects(ctx, env, args)
	if err != nil {
		return err
	}
	documents := []driftDocument{}
	var differ, blind int
	err = p.Drift(ctx, objects, func(d provision.Drift) {
		bar.done()
		switch {
		case d.Err != nil:
			blind++
			env.report(unread(d))
		case d.Differs():
			differ++
		}
		if print.human() {
			printDrift(env, d, s.allNamespaces)
		} else if print.output == "name" && d.Differs() {
			k, _ := kindNamed(d.Kind)
			fmt.Fprintln(env.Out, k.object(d.Name))
		}
		documents = append(documents, newDriftDocument(d))
		bar.count(len(documents), len(objects))
	})
	bar.done()
	if err == nil && !print.human() && print.output != "name" {
		err = printDocument(env, print.output, documents)
	}
	switch {
	case err != nil:
		return err
	case blind > 0:
		return withExitCode(Hinted(fmt.Errorf("%d of %d could not be looked at", blind, len(objects)), "mend what is said above, then run it again"), exitUnread)
	case differ > 0:
		return withExitCode(Hinted(fmt.Errorf("%d of %d differ", differ, len(objects)), "mend what can be: kubectl dbtether reconcile"), exitDrifted)
	case len(objects) == 0:
		s.noteNothing(env)
	}
	return nil
}

// unread returns why something could not be looked at; it names the object.
func unread(d provision.Drift) error {
	subject := fmt.Sprintf("%s %q", d.Kind, d.Name)
	if strings.HasPrefix(d.Err.Error(), subject) {
		return d.Err
	}
	return fmt.Errorf("%s: %w", subject, d.Err)
}

// asUnread returns err with the exit code exitUnread, unless it has a code of its own. It
// returns nil for nil.
func asUnread(err error) error {
	var coded exitCoder
	if err == nil || errors.As(err, &coded) {
		return err
	}
	return withExitCode(err, exitUnread)
}

// printDrift prints one line, and under it the SQL.
func printDrift(env *Environment, d provision.Drift, withNamespace bool) {
	if d.Err != nil {
		return
	}
	k, _ := kindNamed(d.Kind)
	name := k.object(d.Name)
	if withNamespace {
		name += " in " + d.Namespace
	}
	if !d.Differs() {
		fmt.Fprintf(env.Out, "%s is as it should be\n", name)
		return
	}
	fmt.Fprintf(env.Out, "%s differs\n", name)
	if d.Refused != nil {
		said := explain(d.Refused)
		printPrefixed(env.Out, "  ", said.cause)
		printPrefixed(env.Out, "  fix: ", said.hint)
		return
	}
	for _, warning := range d.Plan.Warnings {
		fmt.Fprintf(env.Out, "  warning: %s\n", warning)
	}
	if sql := strings.TrimRight(d.Plan.SQL(d.Maintenance), "\n"); sql != "" {
		fmt.Fprintln(env.Out, "  "+strings.ReplaceAll(sql, "\n", "\n  "))
	}
	for _, secret := range d.Secrets.Written {
		fmt.Fprintf(env.Out, "  write Secret %s\n", secret)
	}
	for _, secret := range d.Secrets.Deleted {
		fmt.Fprintf(env.Out, "  delete Secret %s\n", secret)
	}
}

// driftDocument is a Drift as -o json and yaml print it.
type driftDocument struct {
	Kind      string        `json:"kind"`
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Differs   bool          `json:"differs"`
	Plan      *planDocument `json:"plan,omitempty"`
	Refused   string        `json:"refused,omitempty"`
	Error     string        `json:"error,omitempty"`
	Hint      string        `json:"hint,omitempty"`
}

func newDriftDocument(d provision.Drift) driftDocument {
	doc := driftDocument{Kind: d.Kind, Namespace: d.Namespace, Name: d.Name, Differs: d.Differs()}
	for _, failure := range []struct {
		err  error
		text *string
	}{{d.Refused, &doc.Refused}, {d.Err, &doc.Error}} {
		if failure.err != nil {
			said := explain(failure.err)
			*failure.text, doc.Hint = said.cause, said.hint
		}
	}
	if d.Differs() && d.Refused == nil {
		plan := newPlanDocument(d.Cluster, d.Maintenance, d.Plan, d.Secrets)
		doc.Plan = &plan
	}
	return doc
}
