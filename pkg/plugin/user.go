package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

func newUserCommand(env *Environment) *cobra.Command {
	return newNoun("user", "Users of databases",
		newListCommand(env, userKind, "List users of databases"),
		newUserCreateCommand(env),
		newUserDescribeCommand(env),
		newUserGrantCommand(env),
		newUserRevokeCommand(env),
		newUserRotateCommand(env),
		newUserDeleteCommand(env),
	)
}

// user reads a DatabaseUser that is not being deleted.
func (e *Environment) user(ctx context.Context, p *provision.Provisioner, name string) (*v1alpha1.DatabaseUser, error) {
	namespace, err := e.Namespace()
	if err != nil {
		return nil, err
	}
	user, err := p.User(ctx, namespace, name)
	switch {
	case isNotFound(err):
		return nil, notFound(userKind, namespace, name, err)
	case err != nil:
		return nil, err
	case user.DeletionTimestamp != nil:
		return nil, beingDeleted(userKind, name)
	}
	return user, nil
}

// notExpired returns an error if a user may no longer log in.
func (e *Environment) notExpired(user *v1alpha1.DatabaseUser) error {
	ends := user.Spec.ExpiresAt
	if ends == nil || e.Now().Before(ends.Time) {
		return nil
	}
	return Hinted(fmt.Errorf("DatabaseUser %q has expired at %s: its login is closed", user.Name, ends.UTC().Format(time.RFC3339)),
		"move spec.expiresAt, or take it away: kubectl edit databaseuser %s", user.Name)
}
