package plugin

import "github.com/spf13/cobra"

func newDBCommand(env *Environment) *cobra.Command {
	db := newNoun("db", "Databases",
		newListCommand(env, dbKind, "List databases"),
		newDBCreateCommand(env),
		newDBDescribeCommand(env),
		newDBPlanCommand(env),
		newDBPsqlCommand(env),
		newDBDeleteCommand(env),
	)
	db.SuggestFor = []string{"database", "databases"}
	return db
}
