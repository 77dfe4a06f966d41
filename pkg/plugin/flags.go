package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// choice is the value of a flag that takes one of some words.
type choice struct {
	value *string
	words []string
}

func (c choice) String() string { return *c.value }
func (c choice) Type() string   { return strings.Join(c.words, "|") }

// Set refuses other words.
func (c choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("must be one of %s", strings.Join(c.words, ", "))
	}
	*c.value = word
	return nil
}

// addChoice adds a flag that takes one of words, and completes them.
func addChoice(cmd *cobra.Command, value *string, name, usage string, words ...string) {
	cmd.Flags().Var(choice{value, words}, name, usage)
	completeFlag(cmd, name, words...)
}

// The ways of a dry run.
const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"
)

// dryRun is the value of --dry-run.
type dryRun struct{ way string }

// noWay is what pflag sets for --dry-run without a value.
const noWay = "unchanged"

func (d *dryRun) String() string { return d.way }
func (d *dryRun) Type() string   { return "none|client|server" }

// Set refuses a missing value, as kubectl does, because its meaning has changed
// over time.
func (d *dryRun) Set(way string) error {
	switch way {
	case dryRunNone, dryRunClient, dryRunServer:
		d.way = way
		return nil
	case noWay:
		return fmt.Errorf(`a value must be set: "none", "server" or "client"`)
	default:
		return fmt.Errorf(`must be "none", "server" or "client"`)
	}
}

// add adds --dry-run to a command.
func (d *dryRun) add(cmd *cobra.Command) {
	d.way = dryRunNone
	cmd.Flags().Var(d, "dry-run", "client: send nothing to the API server that writes; server: let it validate but not store")
	cmd.Flags().Lookup("dry-run").NoOptDefVal = noWay
	completeFlag(cmd, "dry-run", dryRunNone, dryRunClient, dryRunServer)
}

// on reports whether this is a dry run, of either way; client and server say which.
func (d *dryRun) on() bool     { return d.way != dryRunNone }
func (d *dryRun) client() bool { return d.way == dryRunClient }
func (d *dryRun) server() bool { return d.way == dryRunServer }

// options returns what a writing request carries.
func (d *dryRun) options() []string {
	if d.server() {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// said returns the operation as it is printed, with kubectl's remark about a dry
// run.
func (d *dryRun) said(operation string) string {
	switch d.way {
	case dryRunClient:
		return operation + " (dry run)"
	case dryRunServer:
		return operation + " (server dry run)"
	default:
		return operation
	}
}

// oneName returns the check that a command got exactly one NAME.
func oneName(k kind) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return fmt.Errorf("%s needs the name of a %s", cmd.CommandPath(), k.name)
		default:
			return fmt.Errorf("%s takes one name, not %d: %s", cmd.CommandPath(), len(args), strings.Join(args, " "))
		}
	}
}

// settingValues reads settings that a flag gives as NAME=VALUE; a value may have
// commas and further =.
func settingValues(flag string, lines []string) (map[string]v1alpha1.SettingValue, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	result := make(map[string]v1alpha1.SettingValue, len(lines))
	for _, line := range lines {
		name, value, found := strings.Cut(line, "=")
		if !found || name == "" {
			return nil, Usagef("--%s %q: it is written NAME=VALUE", flag, line)
		}
		result[name] = v1alpha1.SettingValue(value)
	}
	return result, nil
}
