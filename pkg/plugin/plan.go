package plugin

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// printPlan prints a plan's summary under a title.
func printPlan(out io.Writer, title string, plan postgres.Plan, secrets provision.SecretChanges) {
	lines := summarize(plan, secrets)
	if len(lines) == 0 {
		lines = []string{"  nothing to do"}
	}
	fmt.Fprintf(out, "%s\n%s\n", title, strings.Join(lines, "\n"))
	for _, warning := range plan.Warnings {
		fmt.Fprintf(out, "  warning: %s\n", warning)
	}
}

// planDocument is a plan as -o json and yaml print it.
type planDocument struct {
	Cluster string         `json:"cluster"`
	Hash    string         `json:"hash"`
	Steps   []stepDocument `json:"steps"`
	// Secrets are those that are written.
	Secrets        []string `json:"secrets"`
	DeletedSecrets []string `json:"deletedSecrets,omitempty"`
	// Restarts are the workloads that are restarted after that.
	Restarts []string `json:"restarts,omitempty"`
	Warnings []string `json:"warnings"`
}

type stepDocument struct {
	Verb        string `json:"verb"`
	Object      string `json:"object"`
	Database    string `json:"database"`
	SQL         string `json:"sql"`
	Reason      string `json:"reason"`
	Risk        string `json:"risk"`
	Transaction int    `json:"transaction"`
}

func newPlanDocument(cluster, maintenance string, plan postgres.Plan, secrets provision.SecretChanges) planDocument {
	doc := planDocument{Cluster: cluster, Hash: plan.Hash(), Steps: []stepDocument{}, Secrets: append([]string{}, secrets.Written...),
		DeletedSecrets: secrets.Deleted, Warnings: append([]string{}, plan.Warnings...)}
	for _, s := range plan.Steps {
		database := s.Database
		if database == "" {
			database = maintenance
		}
		doc.Steps = append(doc.Steps, stepDocument{Verb: s.Verb, Object: s.Object, Database: database, SQL: s.Statement.String(),
			Reason: s.Reason, Risk: string(s.Risk), Transaction: s.Transaction})
	}
	return doc
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

func planTitle(job *provision.Job) string {
	return fmt.Sprintf("Plan for %s on cluster %q (PostgreSQL %s)", job.Subject(), job.Cluster.Name, version(job.Server.VersionText))
}

// version returns "18.4" of "18.4 (Debian 18.4-1.pgdg12+1)".
func version(text string) string {
	number, _, _ := strings.Cut(text, " ")
	return number
}

// showJob prints the full plan of a job and what it would restart. The error may be that of
// notRestarted.
func showJob(ctx context.Context, env *Environment, print *printFlags, job *provision.Job, restart bool) error {
	restarts, err := job.PlanRestarts(ctx)
	if err != nil {
		return err
	}
	if err := printFullPlan(env, print, job, restarts.Restarted); err != nil {
		return err
	}
	return notRestarted(env, restart, restarts)
}
