package reference

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands returns a page about a command and all below it. The flags that every command
// has are told once.
func Commands(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Commands\n\n"+written+"\n", "the plugin")
	b.WriteString(prose(root.Long) + "\n")
	b.WriteString("| command | |\n|---|---|\n")
	all := below(root)
	for _, cmd := range all {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s |\n", name(root, cmd), Anchor(cmd.CommandPath()), cell(cmd.Short))
	}
	b.WriteString("\n## Flags of every command\n\n")
	flagTable(&b, root.PersistentFlags(), true)
	for _, cmd := range all {
		command(&b, cmd)
	}
	return b.String()
}

// below returns the commands that do something, in the order of the help.
func below(parent *cobra.Command) []*cobra.Command {
	var found []*cobra.Command
	for _, cmd := range parent.Commands() {
		if cmd.Hidden {
			continue
		}
		if !cmd.HasSubCommands() {
			found = append(found, cmd)
		}
		found = append(found, below(cmd)...)
	}
	return found
}

// name is how a command is called after the plugin.
func name(root, cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), root.CommandPath()+" ")
}

func command(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n", cmd.CommandPath())
	about := cmd.Long
	if about == "" {
		about = sentence(cmd.Short)
	}
	b.WriteString(prose(about))
	fmt.Fprintf(b, "\n```text\n%s\n```\n", cmd.UseLine())
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(b, "\nAlso called `%s`.\n", strings.Join(cmd.Aliases, "`, `"))
	}
	if cmd.Example != "" {
		fmt.Fprintf(b, "\n<!-- not run: examples of the command's help -->\n```sh\n%s\n```\n", unindented(cmd.Example))
	}
	var flags strings.Builder
	flagTable(&flags, cmd.NonInheritedFlags(), false)
	// A noun's flags are its verbs', too.
	for parent := cmd.Parent(); parent != nil && parent.HasParent(); parent = parent.Parent() {
		flagTable(&flags, parent.PersistentFlags(), false)
	}
	if flags.Len() > 0 {
		b.WriteString("\n" + flags.String())
	}
}

// flagTable writes a row for each flag, after a header where it is the first.
func flagTable(b *strings.Builder, flags *pflag.FlagSet, hidden bool) {
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden && !hidden || flag.Name == "help" {
			return
		}
		if b.Len() == 0 || strings.HasSuffix(b.String(), "\n\n") {
			b.WriteString("| flag | takes | default | |\n|---|---|---|---|\n")
		}
		names := "`--" + flag.Name + "`"
		if flag.Shorthand != "" {
			names = "`-" + flag.Shorthand + "`, " + names
		}
		takes, usage := pflag.UnquoteUsage(flag)
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", names, cell(takes), code(defaultOf(flag)), cell(usage))
	})
}

// defaultOf returns what a flag is unless it is given, empty where that is nothing.
func defaultOf(flag *pflag.Flag) string {
	switch flag.DefValue {
	case "false", "[]", "<nil>":
		return ""
	case "0", "0s":
		if flag.Value.Type() != "string" {
			return ""
		}
	}
	// Not the folder of whoever writes the page.
	if home, err := os.UserHomeDir(); err == nil {
		if rest, ok := strings.CutPrefix(flag.DefValue, home+"/"); ok {
			return "$HOME/" + rest
		}
	}
	return flag.DefValue
}

func unindented(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}
