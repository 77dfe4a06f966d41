package plugin

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func newDBDescribeCommand(env *Environment) *cobra.Command {
	return newDescribeCommand(env, dbKind, "Show a database and its users", describeDB)
}

func describeDB(ctx context.Context, env *Environment, object *unstructured.Unstructured) (*description, error) {
	database, err := typed[v1alpha1.Database](object)
	if err != nil {
		return nil, err
	}
	text := &description{}
	text.metadata(object)
	text.section("Database")
	text.field("Cluster", database.Spec.ClusterRef.Name)
	text.field("Name in PostgreSQL", database.PostgresName(nil))
	text.field("Schemas", join(database.Spec.Schemas))
	text.field("Extensions", join(database.Spec.Extensions))
	text.field("Owner", database.Spec.Owner)
	text.field("Parameters", pairs(plain(database.Spec.Parameters)))
	text.field("Connections", limit(database.Spec.ConnectionLimit))
	text.field("On deletion", string(database.Spec.DeletionPolicy))
	if database.Spec.DeletionProtection {
		text.field("Protection", "may not be deleted")
	}
	text.status(object, database.Status.Phase, database.Status.Message, database.Status.ObservedGeneration)
	text.conditions(database.Status.Conditions)
	return text, describeUsers(ctx, env, text, database)
}

// describeUsers adds the DatabaseUsers of a database.
func describeUsers(ctx context.Context, env *Environment, text *description, database *v1alpha1.Database) error {
	list, err := env.list(ctx, userKind, database.Namespace, metav1.ListOptions{})
	if err != nil {
		return err
	}
	users, err := typedList[v1alpha1.DatabaseUser](list)
	if err != nil {
		return err
	}
	text.section("Users")
	for n := range users {
		user := &users[n]
		i := slices.IndexFunc(user.Access(), func(a v1alpha1.DatabaseAccess) bool {
			return a.Name == database.Name && a.Namespace == database.Namespace
		})
		if i < 0 {
			continue
		}
		if len(text.sections[len(text.sections)-1].rows) == 0 {
			text.row("NAME", "USERNAME", "PRIVILEGES", "SECRET", "PHASE")
		}
		text.row(user.Name, user.CurrentUsername(), string(user.Access()[i].Privileges), user.SecretName(), user.Status.Phase)
	}
	return nil
}

func join[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = string(value)
	}
	return strings.Join(words, ", ")
}

func plain(values map[string]v1alpha1.SettingValue) map[string]string {
	result := make(map[string]string, len(values))
	for name, value := range values {
		result[name] = string(value)
	}
	return result
}
