package plugin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

func newReconcileCommand(env *Environment) *cobra.Command {
	print := printFlags{}
	var allNamespaces bool
	cmd := &cobra.Command{
		Use:   "reconcile [-A] [flags]",
		Short: "Bring databases and users into the state that their resources ask for",
		Long: `Bring every Database and DatabaseUser of a namespace, or of all, into the state that its
resource asks for, finish deletions, and write what came of it to each status. What is
as it should be is not touched. One failure does not stop the others; it exits 1 then.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := print.check(); err != nil {
				return err
			}
			namespace := metav1.NamespaceAll
			if !allNamespaces {
				var err error
				if namespace, err = env.Namespace(); err != nil {
					return err
				}
			}
			return reconcile(cmd.Context(), env, namespace, &print)
		},
	}
	cmd.Flags().BoolVarP(&allNamespaces, "all-namespaces", "A", false, "every namespace")
	print.add(cmd, []string{"json", "yaml", "name"})
	return cmd
}

func reconcile(ctx context.Context, env *Environment, namespace string, print *printFlags) error {
	progress := env.newProgress()
	defer progress.done()
	p, err := env.provisioner(progress)
	if err != nil {
		return err
	}
	results := []provision.Result{}
	told := map[string]bool{}
	err = p.Reconcile(ctx, namespace, func(r provision.Result) {
		progress.done()
		results = append(results, r)
		if everywhere := namespace == metav1.NamespaceAll; print.human() || print.output == "name" {
			printResult(env, r, print.output == "name", everywhere)
			if !told[r.Error] { // one unreachable server fails many resources
				printPrefixed(env.ErrOut, "error: ", about(r, everywhere))
				printPrefixed(env.ErrOut, "hint:  ", r.Hint)
				told[r.Error] = true
			}
		}
	})
	progress.done()
	if !print.human() && print.output != "name" {
		err = errors.Join(err, printDocument(env, print.output, results))
	}
	if err != nil {
		return err
	}
	return summarizeResults(env, results, namespace)
}

// about returns the failure of a result, which names the resource: stdout and stderr
// may be read apart.
func about(r provision.Result, withNamespace bool) string {
	switch {
	case r.Error == "":
		return ""
	case withNamespace && r.Namespace != "":
		return fmt.Sprintf("%s %s/%s: %s", r.Kind, r.Namespace, r.Name, r.Error)
	case strings.Contains(r.Error, strconv.Quote(r.Name)):
		return r.Error
	default:
		return fmt.Sprintf("%s %q: %s", r.Kind, r.Name, r.Error)
	}
}

// printResult prints one line of stdout.
func printResult(env *Environment, r provision.Result, nameOnly, withNamespace bool) {
	k, _ := kindNamed(r.Kind)
	name := strings.TrimSuffix(k.resource.Resource, "s") + "." + v1alpha1.GroupVersion.Group + "/" + r.Name
	switch {
	case nameOnly:
		fmt.Fprintln(env.Out, name)
	case withNamespace && r.Namespace != "":
		fmt.Fprintf(env.Out, "%s %s in %s\n", name, r.Action, r.Namespace)
	default:
		fmt.Fprintf(env.Out, "%s %s\n", name, r.Action)
	}
}

// summarizeResults says how many there were, and returns an error if some failed.
func summarizeResults(env *Environment, results []provision.Result, namespace string) error {
	if len(results) == 0 {
		env.note("%s", noneFound(namespace))
		return nil
	}
	failed := 0
	for _, r := range results {
		if r.Action == provision.ActionFailed {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return Hinted(fmt.Errorf("%d of %d failed", failed, len(results)), "mend what is said above and run it again: what is as it should be stays untouched")
}

func noneFound(namespace string) string {
	if namespace == metav1.NamespaceAll {
		return "there are no Databases and DatabaseUsers"
	}
	return fmt.Sprintf("there are no Databases and DatabaseUsers in namespace %q", namespace)
}

// provisionObject does for one object that was just applied what reconcile does for all.
func (e *Environment) provisionObject(ctx context.Context, k kind, object *unstructured.Unstructured) error {
	if k == clusterKind {
		return e.checkCluster(ctx, object)
	}
	progress := e.newProgress()
	defer progress.done()
	p, err := e.provisioner(progress)
	if err != nil {
		return err
	}
	result := p.ReconcileObject(ctx, object)
	if result.Error == "" {
		return nil
	}
	return Hinted(errors.New(result.Error), "%s", result.Hint)
}
