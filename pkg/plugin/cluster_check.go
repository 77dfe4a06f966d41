package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

func newClusterCheckCommand(env *Environment) *cobra.Command {
	print := printFlags{}
	cmd := &cobra.Command{
		Use:   "check NAME [flags]",
		Short: "Connect to a server and say what its administrator may do",
		Long: `Connect to a server, look at its version, its encryption and what its administrator may do,
and write the result to the DBCluster's status. It exits 1 if something is missing that
databases need.`,
		Args:              oneName(clusterKind),
		ValidArgsFunction: completeNames(env, clusterKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := print.check(); err != nil {
				return err
			}
			p, progress, end, err := env.provisionerWithProgress()
			if err != nil {
				return err
			}
			defer end()
			cluster, err := p.Cluster(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			findings, err := p.CheckCluster(cmd.Context(), cluster, true)
			progress.done()
			if err != nil {
				return err
			}
			if !print.human() {
				err = printDocument(env, print.output, findings)
			} else {
				printFindings(env, findings)
			}
			return errors.Join(err, worst(args[0], findings))
		},
	}
	print.add(cmd, []string{"json", "yaml"})
	return cmd
}

func printFindings(env *Environment, findings []provision.Finding) {
	for _, f := range findings {
		fmt.Fprintf(env.Out, "%-8s %s\n", f.Level, f.Text)
		if f.Fix != "" {
			fmt.Fprintf(env.Out, "%-8s %s\n", "", f.Fix)
		}
	}
}

// worst returns an error that counts the findings that are errors; nil if there are none.
func worst(cluster string, findings []provision.Finding) error {
	n := 0
	for _, f := range findings {
		if f.Level == provision.LevelError {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return Hinted(fmt.Errorf("cluster %q cannot hold databases yet: %d %s", cluster, n, plural("error", n)), "mend what is listed above, then check again")
}

// checkCluster connects to the server of a DBCluster that was just written, and writes what
// it finds to the status. The first error among the findings is returned; warnings are
// printed.
func (e *Environment) checkCluster(ctx context.Context, object *unstructured.Unstructured) error {
	cluster, err := typed[v1alpha1.DBCluster](object)
	if err != nil {
		return err
	}
	p, progress, end, err := e.provisionerWithProgress()
	if err != nil {
		return err
	}
	defer end()
	findings, err := p.CheckCluster(ctx, cluster, true)
	for _, f := range findings {
		if err == nil && f.Level == provision.LevelError {
			err = Hinted(fmt.Errorf("%s", f.Text), "%s", f.Fix)
		}
	}
	progress.done()
	if err != nil {
		return fmt.Errorf("DBCluster %q is registered, but: %w", cluster.Name, err)
	}
	for _, f := range findings {
		if f.Level == provision.LevelWarning {
			e.warn("%s: %s", f.Text, f.Fix)
		}
	}
	return nil
}
