package plugin

import "github.com/spf13/cobra"

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
