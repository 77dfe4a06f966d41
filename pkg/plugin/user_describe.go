package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func newUserDescribeCommand(env *Environment) *cobra.Command {
	return newDescribeCommand(env, userKind, "Show a user, what it may do and where its credential is", describeUser)
}

func describeUser(_ context.Context, _ *Environment, object *unstructured.Unstructured) (*description, error) {
	user, err := typed[v1alpha1.DatabaseUser](object)
	if err != nil {
		return nil, err
	}
	text := &description{}
	text.metadata(object)
	text.section("User")
	text.field("Database", user.Spec.DatabaseRef.Name)
	text.field("Cluster", user.Status.ClusterName)
	text.field("Name in PostgreSQL", user.PostgresName())
	text.field("Privileges", string(user.Spec.Privileges))
	text.field("Connections", limit(user.Spec.ConnectionLimit))
	text.field("On deletion", string(user.Spec.DeletionPolicy))
	text.section("Secret")
	text.field("Name", user.SecretName())
	text.field("Keys", string(user.Spec.SecretTemplate.Format))
	if user.Status.SecretRevision > 0 {
		text.field("Revision", fmt.Sprint(user.Status.SecretRevision))
	}
	text.status(object, user.Status.Phase, user.Status.Message, user.Status.ObservedGeneration)
	text.conditions(user.Status.Conditions)
	return text, nil
}
