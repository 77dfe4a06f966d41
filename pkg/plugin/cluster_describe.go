package plugin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func newClusterDescribeCommand(env *Environment) *cobra.Command {
	return newDescribeCommand(env, clusterKind, "Show a PostgreSQL server and the databases on it", describeCluster)
}

func describeCluster(ctx context.Context, env *Environment, object *unstructured.Unstructured) (*description, error) {
	cluster, err := typed[v1alpha1.DBCluster](object)
	if err != nil {
		return nil, err
	}
	text := &description{}
	text.metadata(object)
	text.section("Server")
	text.field("Endpoint", cluster.Spec.Endpoint)
	text.field("Port", fmt.Sprint(cluster.Spec.Port))
	text.field("Admin database", cluster.Spec.AdminDatabase)
	text.field("SSL mode", cluster.EffectiveSSLMode())
	if ref := cluster.Spec.CASecretRef; ref != nil {
		text.field("CA", fmt.Sprintf("Secret %s/%s, key %s", ref.Namespace, ref.Name, ref.Key))
	}
	text.field("Credentials", credentialsOf(cluster))
	text.field("Namespaces", admitted(cluster))
	text.field("Naming", orDefault(cluster.Spec.Naming, "{name}"))
	if len(cluster.Spec.AllowedExtensions) > 0 {
		text.field("Extensions", join(cluster.Spec.AllowedExtensions)+", beside trusted ones")
	}
	if names := adoptable(cluster); names != "" {
		text.field("A runner adopts", names)
	}
	text.status(object, cluster.Status.Phase, cluster.Status.Message, cluster.Status.ObservedGeneration)
	text.field("Version", cluster.Status.PostgresVersion)
	if most := cluster.Status.MaxConnections; most > 0 {
		text.field("Connections", fmt.Sprintf("%d, beside those of superusers", most))
	}
	if checked := cluster.Status.LastCheckTime; checked != nil {
		text.field("Checked", checked.Format(time.RFC1123Z))
	}
	text.conditions(cluster.Status.Conditions)
	return text, describeDatabases(ctx, env, text, cluster)
}

// adoptable says which existing databases and roles a runner may take over; empty:
// none.
func adoptable(cluster *v1alpha1.DBCluster) string {
	var what []string
	if names := cluster.Spec.Adoption.DatabaseNames(); len(names) > 0 {
		what = append(what, plural("database", len(names))+" "+strings.Join(names, ", "))
	}
	if names := cluster.Spec.Adoption.RoleNames(); len(names) > 0 {
		what = append(what, plural("role", len(names))+" "+strings.Join(names, ", "))
	}
	return strings.Join(what, "; ")
}

// admitted says which namespaces may use the server.
func admitted(cluster *v1alpha1.DBCluster) string {
	var who []string
	if cluster.Spec.AllowedNamespaces != nil {
		who = append(who, orDefault(strings.Join(cluster.Spec.AllowedNamespaces, ", "), "none"))
	}
	if selector := cluster.Spec.NamespaceSelector; selector != nil {
		who = append(who, "those with "+metav1.FormatLabelSelector(selector))
	}
	return orDefault(strings.Join(who, ", and "), "all")
}

// credentialsOf says where the credential is, never what it is.
func credentialsOf(cluster *v1alpha1.DBCluster) string {
	if ref := cluster.Spec.CredentialsSecretRef; ref != nil {
		return fmt.Sprintf("Secret %s/%s", ref.Namespace, ref.Name)
	}
	if ref := cluster.Spec.CredentialsFromEnv; ref != nil {
		return fmt.Sprintf("environment variables %s, %s", ref.Username, ref.Password)
	}
	return ""
}

// describeDatabases adds the Databases on a cluster. Who may not list them all
// still sees the rest.
func describeDatabases(ctx context.Context, env *Environment, text *description, cluster *v1alpha1.DBCluster) error {
	databases, err := readAll[v1alpha1.Database](ctx, env, dbKind, metav1.NamespaceAll)
	text.section("Databases")
	if apierrors.IsForbidden(err) {
		text.row("<unknown: you may not list the Databases of all namespaces>")
		return nil
	}
	if err != nil {
		return err
	}
	for i, database := range databases {
		if database.Spec.ClusterRef.Name != cluster.Name {
			continue
		}
		if len(text.sections[len(text.sections)-1].rows) == 0 {
			text.row("NAMESPACE", "NAME", "DATABASE", "PHASE")
		}
		text.row(database.Namespace, database.Name, databases[i].PostgresName(cluster), database.Status.Phase)
	}
	return nil
}
