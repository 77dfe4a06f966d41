package plugin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/notify"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
)

// reconciling is one call of reconcile.
type reconciling struct {
	selected
	unattended
	watching
	quick, recreate bool
	print           printFlags
}

func newReconcileCommand(env *Environment) *cobra.Command {
	var r reconciling
	cmd := &cobra.Command{
		Use:   "reconcile [db/NAME | user/NAME]... [-A] [flags]",
		Short: "Bring databases and users into the state that their resources ask for",
		Long: `Bring Databases and DatabaseUsers - those that are named, all of a namespace, or all - into
the state that their resources ask for, finish deletions, rotate passwords that are due, and
write what came of it to each status. What is as it should be is not touched. One failure
does not stop the others; it exits 1 then, or 3 if policies denied all that failed.
Interrupted, it goes on the next time.

Of all of a namespace, or of all, managed Secrets too whose time has come get new values, as
their rules say (secret rotate --every); those that have expired are named, and revisions
beyond as many as are kept are deleted.

Data is never dropped and owners are never changed: a database that somebody deleted is
reported, and made anew only with --recreate. What a resource asks to adopt is taken over if
that resource is named, or if its DBCluster admits the name.

With --watch it goes on, as the runner that installations may have: it works on what
changes, rotates, ends and expires what its time has come for, and tries again what failed,
the longer after the more often. Interrupted, it finishes what it has begun.`,
		Example: `  # One database and one user of it
  kubectl dbtether reconcile db/orders user/orders-api

  # All there is, as a job that runs every few minutes does
  kubectl dbtether reconcile -A --runner --quick

  # The same without end, as the Deployment dbtether-runner does
  kubectl dbtether reconcile -A --runner --watch`,
		ValidArgsFunction: completeObjects(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.print.check(); err != nil {
				return err
			}
			if err := r.watching.check(cmd, &r, args); err != nil {
				return err
			}
			if r.on {
				return r.watch(cmd.Context(), cmd, env)
			}
			return r.run(cmd.Context(), env, args)
		},
	}
	r.selected.add(cmd)
	r.unattended.add(cmd)
	r.watching.add(cmd)
	cmd.Flags().BoolVar(&r.quick, "quick", false, "read only what seems to have changed since the last run: for frequent runs over many")
	cmd.Flags().BoolVar(&r.recreate, "recreate", false, "make databases anew that somebody deleted")
	r.print.add(cmd, []string{"json", "yaml", "name"})
	return cmd
}

func (r *reconciling) run(ctx context.Context, env *Environment, args []string) error {
	bar := env.newProgress()
	defer bar.done()
	p, err := env.provisioner(&progress{}) // works on several at once: the bar counts them
	if err != nil {
		return err
	}
	defer p.Close()
	p.Runner = len(args) == 0 // who names no resource has not looked at each of them
	if r.runner {
		if err := r.asRunner(env, p); err != nil {
			return err
		}
	}
	results := []provision.Result{}
	var changes []notify.Change
	told := map[string]bool{}
	tally := tally{}
	bulk := provision.Bulk{Quick: r.quick, Recreate: r.recreate, Progress: bar.count, Done: func(result provision.Result) {
		bar.done()
		results = append(results, result)
		tally.add(result)
		if change, changed := runner.NewChange(result); changed {
			changes = append(changes, change)
		}
		if r.print.human() || r.print.output == "name" {
			tellResult(env, result, r.print.output == "name", r.allNamespaces)
			if !told[result.Error] { // one unreachable server fails many resources
				tellFailure(env, result, r.allNamespaces)
				told[result.Error] = true
			}
		}
	}}
	work := func(ctx context.Context) error { return r.work(ctx, env, p, args, bulk) }
	if r.runner {
		err = env.traced(ctx, "reconcile", work)
	} else {
		err = work(ctx)
	}
	bar.done()
	env.inform(ctx, changes...)
	tally.tell(env)
	if !r.print.human() && r.print.output != "name" {
		err = errors.Join(err, printDocument(env, r.print.output, results))
	}
	if err != nil {
		return err
	}
	if len(results) == 0 {
		r.noteNothing(env)
	}
	return failureOf(results)
}

// work reconciles what is named, or all.
func (r *reconciling) work(ctx context.Context, env *Environment, p *provision.Provisioner, args []string, bulk provision.Bulk) error {
	if len(args) > 0 {
		objects, err := r.objects(ctx, env, args)
		if err != nil {
			return err
		}
		return p.ReconcileObjects(ctx, objects, bulk)
	}
	namespace, err := r.namespace(env)
	if err != nil {
		return err
	}
	err = p.Reconcile(ctx, namespace, bulk)
	// Secrets are kept also where there are no databases, or by who may not list them.
	if secretsErr := p.ReconcileSecrets(ctx, namespace, bulk.Done); err == nil {
		err = secretsErr
	}
	return err
}

// about returns the failure of a result, which names the resource: stdout and stderr
// may be read apart.
func about(r provision.Result, withNamespace bool) string {
	switch {
	case r.Error == "":
		return ""
	case (!withNamespace || r.Namespace == "") && strings.Contains(r.Error, strconv.Quote(r.Name)):
		return r.Error
	default:
		return subject(r, withNamespace) + ": " + r.Error
	}
}

// subject names the resource of a result.
func subject(r provision.Result, withNamespace bool) string {
	if withNamespace && r.Namespace != "" {
		return fmt.Sprintf("%s %s/%s", r.Kind, r.Namespace, r.Name)
	}
	return fmt.Sprintf("%s %q", r.Kind, r.Name)
}

// tellFailure prints on stderr why a result is a failure, with its hint; nothing of another.
func tellFailure(env *Environment, r provision.Result, withNamespace bool) {
	printPrefixed(env.ErrOut, "error: ", about(r, withNamespace))
	printPrefixed(env.ErrOut, "hint:  ", r.Hint)
}

// tellResult prints a line on stdout for a result and one for each workload that was
// restarted, and its warnings on stderr.
func tellResult(env *Environment, r provision.Result, nameOnly, withNamespace bool) {
	name := "secret/" + r.Name
	if k, ours := kindNamed(r.Kind); ours {
		name = k.object(r.Name)
	}
	switch {
	case nameOnly:
		fmt.Fprintln(env.Out, name)
	case withNamespace && r.Namespace != "":
		fmt.Fprintf(env.Out, "%s %s in %s\n", name, r.Action, r.Namespace)
		printRestarted(env, r.Restarted, " in "+r.Namespace)
	default:
		fmt.Fprintf(env.Out, "%s %s\n", name, r.Action)
		printRestarted(env, r.Restarted, "")
	}
	for _, warning := range r.Warnings {
		env.warn("%s: %s", subject(r, withNamespace), warning)
	}
}

// failureOf returns an error if some of the results are failures. It exits 3 if policies
// denied all of these.
func failureOf(results []provision.Result) error {
	failed, codes := 0, map[int]bool{}
	for _, r := range results {
		if r.Action == provision.ActionFailed {
			failed++
			codes[explain(r.Err).code] = true
		}
	}
	if failed == 0 {
		return nil
	}
	err := Hinted(fmt.Errorf("%d of %d failed", failed, len(results)), "mend what is said above and run it again: what is as it should be stays untouched")
	if len(codes) == 1 && codes[ExitDenied] {
		return withExitCode(err, ExitDenied)
	}
	return err
}
