package plugin

import (
	"context"

	"github.com/spf13/cobra"
)

// explaining is one call of explain.
type explaining struct {
	place       policyPlace
	print       printFlags
	diff, patch bool
}

// account is what explain says of an object. Marshalled, it is the document that -o prints.
type account interface {
	describe() *description
}

func newExplainCommand(env *Environment) *cobra.Command {
	var e explaining
	cmd := &cobra.Command{
		Use:   "explain TYPE/NAME [flags]",
		Short: "Explain which credentials an object has or holds, and why",
		Long: `Explain an object that stands in the cluster. Nothing is written, and no value of a Secret
is read.

  pod       what was injected, into which containers, and whether it is current; of one
            that asked and has nothing, why
  workload  (deployment, statefulset, daemonset, replicaset, job, cronjob) what its pods
            get, or why they are refused, and how many of those that run are stale
  secret    whose credential it is, and which pods and workloads have it
  user      a DatabaseUser: its databases, its Secret, its rotation, and the pods and
            workloads that have its credential

The policies are asked as they stand now, as if the pod were created now. A pod is stale
if an older revision than the current one is in its environment: it has to be restarted.
Files follow by themselves.

"policy explain CODE" explains a rule instead, and "policy test -f FILE" says what the
rules would say of a manifest that is not in the cluster so far.

What the caller may not look at is named at the end. It exits 0 also where the answer is
that a pod is refused.`,
		Example: `  kubectl dbtether explain pod/web-7d4b9
  kubectl dbtether explain deploy/web --diff
  kubectl dbtether explain secret orders-api-credentials
  kubectl dbtether explain user/orders-api -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			_, err := parseExplained(args)
			return err
		},
		ValidArgsFunction: completeObject(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := e.print.check(); err != nil {
				return err
			}
			o, err := parseExplained(args)
			if err != nil {
				return err
			}
			return e.run(cmd.Context(), env, o)
		},
	}
	e.place.add(cmd)
	e.print.add(cmd, []string{"json", "yaml"})
	cmd.Flags().BoolVar(&e.diff, "diff", false, "show what injection changes about a pod, or the pods of a workload, as a difference")
	cmd.Flags().BoolVar(&e.patch, "patch", false, "print that as a JSON Patch (RFC 6902)")
	cmd.MarkFlagsMutuallyExclusive("diff", "patch", "output")
	return cmd
}

// run reads the object and prints what is to be said of it.
func (e *explaining) run(ctx context.Context, env *Environment, o explainedObject) error {
	injectable := o.kind != secretKind.kind && o.kind != databaseUserKind.kind
	if (e.diff || e.patch) && !injectable {
		return Usagef("nothing is injected into a %s: --diff and --patch are for pods and workloads", o.kind)
	}
	namespace, err := env.Namespace()
	if err != nil {
		return err
	}
	s := &sight{env: env, namespace: namespace, notSeen: []string{}}
	if o.kind == secretKind.kind {
		a, err := explainSecret(ctx, s, o)
		return e.show(env, a, err)
	}
	object, err := o.read(ctx, env, namespace)
	if err != nil {
		return err
	}
	switch {
	case o.kind == databaseUserKind.kind:
		a, err := explainUser(ctx, s, object)
		return e.show(env, a, err)
	case e.diff || e.patch:
		return e.change(ctx, s, o, object)
	case o.kind == podKind.kind:
		a, err := explainPod(ctx, s, object, &e.place)
		return e.show(env, a, err)
	default:
		a, err := explainWorkload(ctx, s, o.objectKind, object, &e.place)
		return e.show(env, a, err)
	}
}

// show prints an account as text, or as the document that -o asks for.
func (e *explaining) show(env *Environment, a account, err error) error {
	switch {
	case err != nil:
		return err
	case e.print.human():
		return a.describe().write(env.Out)
	default:
		return printDocument(env, e.print.output, a)
	}
}

// newAccountText begins the text of an account.
func newAccountText(name, namespace string) *description {
	text := &description{}
	text.section("")
	text.field("Name", name)
	text.field("Namespace", namespace)
	return text
}
