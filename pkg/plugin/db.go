package plugin

import "github.com/spf13/cobra"

func newDBCommand(env *Environment) *cobra.Command {
	return newNoun("db", "Databases",
		newListCommand(env, dbKind, "List databases"),
		newDBCreateCommand(env),
		newDBDescribeCommand(env),
		newDBPlanCommand(env),
		newDBPsqlCommand(env),
		newDBDeleteCommand(env),
	)
}
