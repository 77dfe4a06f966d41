package plugin

import "github.com/spf13/cobra"

func newSecretCommand(env *Environment) *cobra.Command {
	return newNoun("secret", "Secrets of a namespace, and what they held before",
		newSecretSetCommand(env),
		newSecretGetCommand(env),
		newSecretEditCommand(env),
		newSecretHistoryCommand(env),
		newSecretRollbackCommand(env),
		newSecretRotateCommand(env),
		newSecretExpireCommand(env),
		newSecretDeleteCommand(env),
		newSecretUndeleteCommand(env),
		newSecretListCommand(env),
		newSecretDiffCommand(env),
		newSecretCopyCommand(env),
		newSecretImportCommand(env),
		newSecretExportCommand(env),
		newSecretUsageCommand(env),
	)
}
