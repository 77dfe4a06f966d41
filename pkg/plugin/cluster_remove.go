package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// clusterRemove is one call of cluster remove.
type clusterRemove struct {
	yes    bool
	dryRun dryRun
}

func newClusterRemoveCommand(env *Environment) *cobra.Command {
	var remove clusterRemove
	cmd := &cobra.Command{
		Use:   "remove NAME [flags]",
		Short: "Forget a PostgreSQL server that no Database refers to",
		Long: `Forget a PostgreSQL server. Nothing happens on the server itself, and the Secret with
the administrator's credential stays. It refuses while a Database refers to the server.`,
		Args:              oneName(clusterKind),
		ValidArgsFunction: completeNames(env, clusterKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			return remove.run(cmd.Context(), env, args[0])
		},
	}
	cmd.Flags().BoolVarP(&remove.yes, "yes", "y", false, "do not ask for confirmation")
	remove.dryRun.add(cmd)
	return cmd
}

func (r *clusterRemove) run(ctx context.Context, env *Environment, name string) error {
	object, err := env.get(ctx, clusterKind, "", name)
	if err != nil {
		return err
	}
	cluster, err := typed[v1alpha1.DBCluster](object)
	if err != nil {
		return err
	}
	if err := refuseWhileUsed(ctx, env, name); err != nil {
		return err
	}
	if !r.dryRun.on() {
		question := fmt.Sprintf("Remove DBCluster %q (%s)", name, cluster.Spec.Endpoint)
		if err := env.confirmName(ctx, question, name, r.yes); err != nil {
			return err
		}
	}
	if !r.dryRun.client() {
		client, err := env.client(clusterKind, "")
		if err != nil {
			return err
		}
		// Not one of the same name that someone else has made meanwhile.
		err = client.Delete(ctx, name, metav1.DeleteOptions{
			Preconditions: metav1.NewUIDPreconditions(string(object.GetUID())), DryRun: r.dryRun.options(),
		})
		if err != nil {
			return err
		}
	}
	var flags printFlags
	if err := flags.print(env, object, r.dryRun.said("removed")); err != nil {
		return err
	}
	if ref := cluster.Spec.CredentialsSecretRef; ref != nil {
		env.note("Secret %s/%s with the administrator's credential was left; delete it with\nkubectl delete secret -n %s %s", ref.Namespace, ref.Name, ref.Namespace, ref.Name)
	}
	return nil
}

// refuseWhileUsed returns an error that names the Databases on a cluster, if there are any.
func refuseWhileUsed(ctx context.Context, env *Environment, cluster string) error {
	databases, err := readAll[v1alpha1.Database](ctx, env, dbKind, metav1.NamespaceAll)
	if err != nil {
		return fmt.Errorf("find the Databases on cluster %q: %w", cluster, err)
	}
	if users := databasesOf(cluster, databases); len(users) > 0 {
		return Hinted(fmt.Errorf("DBCluster %q is in use by Database %s", cluster, strings.Join(users, ", ")),
			"delete these first: kubectl dbtether db delete NAME -n NAMESPACE")
	}
	return nil
}

// databasesOf returns namespace/name of the Databases on a cluster.
func databasesOf(cluster string, all []v1alpha1.Database) []string {
	var names []string
	for _, database := range all {
		if database.Spec.ClusterRef.Name == cluster {
			names = append(names, fmt.Sprintf("%s/%s", database.Namespace, database.Name))
		}
	}
	return names
}
