package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// The checks of arguments that commands about Secrets share. Their errors are of usage.

// nameOfSecret returns the check that a command got the NAME of a Secret, and nothing
// after it unless more may follow.
func nameOfSecret(command string, more bool) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return Hinted(fmt.Errorf("%s needs the name of a Secret", command), "see which there are: kubectl dbtether secret list")
		case len(args) > 1 && !more:
			return fmt.Errorf("%s takes one name, not %d: %s", command, len(args), strings.Join(args, " "))
		default:
			return nil
		}
	}
}

// nameAndMore returns the check that a command got a NAME and something after it.
func nameAndMore(command, more string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s needs the name of a Secret", command)
		case len(args) == 1:
			return fmt.Errorf("%s %s: there is nothing to do: add %s", command, args[0], more)
		default:
			return nil
		}
	}
}

// namesOrAll returns an error unless a command got the names of Secrets, or --all; does is
// what the command does to them: copies.
func namesOrAll(command, does string, all bool, names []string) error {
	switch {
	case all && len(names) > 0:
		return fmt.Errorf("--all %s all Secrets: leave %s out", does, strings.Join(names, " "))
	case !all && len(names) == 0:
		return fmt.Errorf("%s needs the name of a Secret, or --all", command)
	default:
		return nil
	}
}

// namedOnce returns an error if a name is there twice.
func namedOnce(names []string) error {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("secret %q is named twice", name)
		}
	}
	return nil
}
