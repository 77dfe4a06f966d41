package plugin

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// clusterUpdate is one call of cluster update.
type clusterUpdate struct {
	clusterFlags
	check  bool
	print  printFlags
	dryRun dryRun
}

func newClusterUpdateCommand(env *Environment) *cobra.Command {
	var update clusterUpdate
	cmd := &cobra.Command{
		Use:   "update NAME [flags]",
		Short: "Change how a PostgreSQL server is reached and used",
		Long: `Change how a PostgreSQL server is reached, who may use it and how. Only the fields whose
flags are given change; a list or name that is given empty ('') is removed.`,
		Example: `  # The server has moved
  kubectl dbtether cluster update main --endpoint db2.example.com

  # Databases may have an extension that is not trusted
  kubectl dbtether cluster update main --allowed-extensions postgis`,
		Args:              oneName(clusterKind),
		ValidArgsFunction: completeNames(env, clusterKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			return update.run(cmd.Context(), env, args[0], cmd.Flags().Changed)
		},
	}
	update.clusterFlags.add(cmd)
	cmd.Flags().BoolVar(&update.check, "check", true, "connect to the server after the change")
	update.print.add(cmd, objectFormats)
	update.dryRun.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("credentials-secret", "credentials-from-env")
	return cmd
}

func (u *clusterUpdate) run(ctx context.Context, env *Environment, name string, given func(string) bool) error {
	if err := u.print.check(); err != nil {
		return err
	}
	spec, err := u.spec(given)
	if err != nil {
		return err
	}
	if len(spec) == 0 {
		return Hinted(Usagef("nothing to change: no field was given"), "kubectl dbtether cluster update --help lists them")
	}
	before, err := env.get(ctx, clusterKind, "", name)
	if err != nil {
		return err
	}
	after, err := u.patch(ctx, env, before, map[string]any{"spec": spec})
	if err != nil {
		return err
	}
	if err := u.print.print(env, after, u.dryRun.said(install.Outcome(before, after))); err != nil {
		return err
	}
	if u.dryRun.on() || !u.check {
		return nil
	}
	return env.checkCluster(ctx, after)
}

func (u *clusterUpdate) patch(ctx context.Context, env *Environment, before *unstructured.Unstructured, patch map[string]any) (*unstructured.Unstructured, error) {
	if u.dryRun.client() {
		return &unstructured.Unstructured{Object: mergePatch(before.Object, patch)}, nil
	}
	client, err := env.client(clusterKind, "")
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	return client.Patch(ctx, before.GetName(), types.MergePatchType, body, metav1.PatchOptions{
		FieldManager: v1alpha1.FieldManager, FieldValidation: metav1.FieldValidationStrict, DryRun: u.dryRun.options(),
	})
}
