package plugin

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// addGlobalFlags gives every command kubectl's own flags, -v among them. The help of a command
// shows the few that are used often; the command options shows them all.
func addGlobalFlags(root *cobra.Command, env *Environment) {
	often := []string{"namespace", "context", "kubeconfig", "as"}
	flags := root.PersistentFlags()
	env.Config.AddFlags(flags)
	var level verbosity
	level.add(flags)
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return level.apply(env) }
	flags.VisitAll(func(flag *pflag.Flag) {
		flag.Hidden = !slices.Contains(often, flag.Name)
	})
}

func newOptionsCommand(env *Environment) *cobra.Command {
	return &cobra.Command{
		Use:   "options",
		Short: "List the flags that every command has",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			flags := pflag.NewFlagSet("options", pflag.ContinueOnError)
			genericclioptions.NewConfigFlags(true).AddFlags(flags)
			new(verbosity).add(flags)
			_, err := fmt.Fprintf(env.Out, "Every command has these flags:\n\n%s", flags.FlagUsages())
			return err
		},
	}
}
