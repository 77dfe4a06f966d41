package plugin

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

func newDBPlanCommand(env *Environment) *cobra.Command {
	print := printFlags{}
	cmd := &cobra.Command{
		Use:   "plan NAME [flags]",
		Short: "Show the SQL that would bring a database and its users into shape",
		Long: `Show the exact SQL that reconcile would run for a Database and its DatabaseUsers, as a
psql script with the reason of each statement. Nothing is changed. Passwords never appear:
the server is sent a verifier, which the script shows as <verifier>.`,
		Args:              oneName(dbKind),
		ValidArgsFunction: completeNames(env, dbKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := print.check(); err != nil {
				return err
			}
			ctx := cmd.Context()
			progress := env.newProgress()
			defer progress.done()
			p, err := env.provisioner(progress)
			if err != nil {
				return err
			}
			defer p.Close()
			request := provision.Request{}
			if request.Database, err = read[v1alpha1.Database](ctx, env, dbKind, args[0]); err != nil {
				return err
			}
			if request.Users, err = p.UsersOf(ctx, request.Database); err != nil {
				return err
			}
			job, err := p.Open(ctx, request, true)
			if err != nil {
				return err
			}
			defer job.Close()
			progress.done()
			return printFullPlan(env, &print, job, nil)
		},
	}
	print.add(cmd, []string{"json", "yaml"})
	return cmd
}

// printFullPlan prints the plan of a job and the workloads that it restarts as a psql
// script, or as the document that -o asks for.
func printFullPlan(env *Environment, print *printFlags, job *provision.Job, restarts []string) error {
	plan, secrets, maintenance := job.Plan, job.Secrets(), job.Cluster.Spec.AdminDatabase
	if !print.human() {
		doc := newPlanDocument(job.Cluster.Name, maintenance, plan, secrets)
		doc.Restarts = restarts
		return printDocument(env, print.output, doc)
	}
	fmt.Fprintf(env.Out, "-- %s\n", planTitle(job))
	for _, warning := range plan.Warnings {
		fmt.Fprintf(env.Out, "-- warning: %s\n", warning)
	}
	fmt.Fprint(env.Out, plan.SQL(maintenance))
	for _, secret := range secrets.Written {
		fmt.Fprintf(env.Out, "-- then: write Secret %s\n", secret)
	}
	for _, secret := range secrets.Deleted {
		fmt.Fprintf(env.Out, "-- then: delete Secret %s\n", secret)
	}
	for _, workload := range restarts {
		fmt.Fprintf(env.Out, "-- then: restart %s\n", workload)
	}
	_, err := fmt.Fprintf(env.Out, "-- %d %s, hash %s\n", len(plan.Steps), plural("statement", len(plan.Steps)), plan.Hash())
	return err
}

// printDocument prints a value that is no Kubernetes object as json or yaml.
func printDocument(env *Environment, format string, doc any) error {
	switch format {
	case "yaml":
		text, err := yaml.Marshal(doc)
		if err != nil {
			return err
		}
		_, err = env.Out.Write(text)
		return err
	case "json":
		encoder := json.NewEncoder(env.Out)
		encoder.SetIndent("", "    ")
		encoder.SetEscapeHTML(false) // SQL is full of < and >
		return encoder.Encode(doc)
	default:
		return Usagef("-o %s does not print a plan: it is one of json, yaml", format)
	}
}
