package plugin

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The groups of commands in the help.
const (
	groupResources    = "resources"
	groupSecrets      = "secrets"
	groupApply        = "apply"
	groupPolicies     = "policies"
	groupInstallation = "installation"
	groupOther        = "other"
)

// entry is a command and the group of the help that lists it.
type entry struct {
	group   string
	command func(*Environment) *cobra.Command
}

// commands are the commands of the first level, in no order that matters.
func commands() []entry {
	return []entry{
		{groupResources, newClusterCommand},
		{groupResources, newDBCommand},
		{groupResources, newUserCommand},
		{groupSecrets, newSecretCommand},
		{groupSecrets, newRunCommand},
		{groupApply, newApplyCommand},
		{groupApply, newReconcileCommand},
		{groupApply, newDriftCommand},
		{groupPolicies, newPolicyCommand},
		{groupResources, newExplainCommand},
		{groupInstallation, newInstallCommand},
		{groupInstallation, newUninstallCommand},
		{groupInstallation, newCheckCommand},
		{groupInstallation, newCRDsCommand},
		{groupOther, newCompletionCommand},
		{groupOther, newOptionsCommand},
		{groupOther, newVersionCommand},
	}
}

// New returns the root command. It opens nothing.
func New(env *Environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-dbtether",
		Short: "PostgreSQL databases and users, declared in Kubernetes",
		Long: `PostgreSQL databases and users, declared in Kubernetes.

A DBCluster is a PostgreSQL server, a Database lives on it, a DatabaseUser may use
the Database and finds its credential in a Secret.`,
		Version: env.Version,
		// krew's way of showing a plugin under kubectl's name.
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl dbtether"},
		Args:              cobra.ArbitraryArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddGroup(
		&cobra.Group{ID: groupResources, Title: "Servers, databases, users:"},
		&cobra.Group{ID: groupSecrets, Title: "Secrets:"},
		&cobra.Group{ID: groupApply, Title: "Manifests:"},
		&cobra.Group{ID: groupPolicies, Title: "Policies:"},
		&cobra.Group{ID: groupInstallation, Title: "Installation:"},
		&cobra.Group{ID: groupOther, Title: "Other:"},
	)
	root.SetHelpCommandGroupID(groupOther)
	root.SetVersionTemplate(versionText(env.Version))
	addGlobalFlags(root, env)
	for _, e := range commands() {
		command := e.command(env)
		command.GroupID = e.group
		root.AddCommand(command)
	}
	finish(root)
	return root
}

// newNoun returns a command that only holds others.
func newNoun(use, short string, verbs ...*cobra.Command) *cobra.Command {
	noun := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs}
	noun.AddCommand(verbs...)
	return noun
}

// finish marks, for every command below parent, the errors of the run itself, so
// that all others are known to be errors of usage; and lets a command without a
// run name what it does not know, where cobra would print the help and succeed.
func finish(command *cobra.Command) {
	command.DisableFlagsInUseLine = true
	if run := command.RunE; run != nil {
		command.RunE = func(cmd *cobra.Command, args []string) error {
			if err := run(cmd, args); err != nil {
				return &runError{err}
			}
			return nil
		}
	} else {
		command.RunE = unknownCommand
	}
	for _, child := range command.Commands() {
		finish(child)
	}
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	// cobra's own default, which it sets only on the way to its own message.
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return Hinted(err, "did you mean %s?", strings.Join(near, " or "))
	}
	return err
}
