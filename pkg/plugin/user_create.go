package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// userCreate is one call of user create.
type userCreate struct {
	database, privileges, username string
	secretName, secretFormat       string
	passwordLength                 int32
	connectionLimit                int32
	deletionPolicy                 string
	provisioning
}

func newUserCreateCommand(env *Environment) *cobra.Command {
	var create userCreate
	cmd := &cobra.Command{
		Use:   "create NAME --database DATABASE [--privileges readonly|readwrite|admin] [flags]",
		Short: "Create a user of a database, and the Secret with its credential",
		Example: `  # A user who reads; its credential is then in Secret reports-credentials
  kubectl dbtether user create reports --database orders`,
		Args: oneName(userKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			return create.provision(cmd.Context(), env, func(ctx context.Context, p *provision.Provisioner) (*provision.Request, error) {
				return create.request(ctx, env, p, args[0], cmd.Flags().Changed)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&create.database, "database", "", "the Database that the user may use")
	addChoice(cmd, &create.privileges, "privileges", "what the user may do (default readonly)", "readonly", "readwrite", "admin")
	flags.StringVar(&create.username, "username", "", "name in PostgreSQL (default NAME with - and . turned into _)")
	flags.StringVar(&create.secretName, "secret", "", "name of the Secret (default NAME-credentials)")
	addChoice(cmd, &create.secretFormat, "format", "further keys of the Secret (default raw)", "raw", "DB", "DATABASE", "POSTGRES", "PG")
	flags.Int32Var(&create.passwordLength, "password-length", 32, "characters of the password")
	flags.Int32Var(&create.connectionLimit, "connection-limit", -1, "connections that the user may have at once; -1: no limit")
	addChoice(cmd, &create.deletionPolicy, "deletion-policy", "what deleting the DatabaseUser does with the login (default Delete)", "Retain", "Delete")
	create.provisioning.add(cmd)
	must(cmd.MarkFlagRequired("database"))
	completeFlagNames(cmd, env, "database", dbKind)
	return cmd
}

func (c *userCreate) request(ctx context.Context, env *Environment, p *provision.Provisioner, name string, given func(string) bool) (*provision.Request, error) {
	namespace, err := env.Namespace()
	if err != nil {
		return nil, err
	}
	request := &provision.Request{}
	request.Database, err = p.Database(ctx, namespace, c.database)
	switch {
	case apierrors.IsNotFound(err) && !isUnknownResource(err):
		return nil, Hinted(fmt.Errorf("Database %q does not exist in namespace %q", c.database, namespace), "%s", env.knownDatabases(ctx))
	case err != nil:
		return nil, err
	case request.Database.DeletionTimestamp != nil:
		return nil, Hinted(fmt.Errorf("Database %q is being deleted", c.database), "choose another Database")
	}
	user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.DatabaseUserSpec{
		DatabaseRef: v1alpha1.DatabaseReference{Name: c.database}, Privileges: v1alpha1.Privileges(orDefault(c.privileges, "readonly")),
		Username: c.username, ConnectionLimit: &c.connectionLimit, Password: v1alpha1.PasswordSpec{Length: c.passwordLength},
		SecretTemplate: v1alpha1.SecretTemplate{Name: c.secretName, Format: v1alpha1.SecretFormat(c.secretFormat)},
		DeletionPolicy: v1alpha1.DeletionPolicy(c.deletionPolicy),
	}}
	have, err := existingOrValid(ctx, p, user)
	if err != nil {
		return nil, err
	}
	request.Users = []*v1alpha1.DatabaseUser{have}
	return request, refuseOther(userKind, name, given, map[string]bool{
		"secret":           have.SecretName() == user.SecretName(),
		"format":           have.Spec.SecretTemplate.Format == user.Spec.SecretTemplate.Format,
		"password-length":  have.Spec.Password.Length == user.Spec.Password.Length,
		"connection-limit": *orNoLimit(have.Spec.ConnectionLimit) == *user.Spec.ConnectionLimit,
		"deletion-policy":  have.Spec.DeletionPolicy == user.Spec.DeletionPolicy,
	})
}

// knownDatabases names the Databases that there are, as a hint.
func (e *Environment) knownDatabases(ctx context.Context) string {
	if names := e.names(ctx, dbKind, ""); len(names) > 0 {
		return "there are: " + strings.Join(names, ", ")
	}
	return "create it: kubectl dbtether db create NAME --cluster CLUSTER"
}
