package plugin

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

func newPolicyExplainCommand(env *Environment, place *policyPlace) *cobra.Command {
	var print printFlags
	cmd := &cobra.Command{
		Use:   "explain CODE|POLICY [flags]",
		Short: "Explain what a code of a denial means, or what a policy says",
		Long: `Explain the code that stands in a denial or a warning, or all rules of a policy: in the words
of whoever wrote the rule, with what to do about it, examples, and the rule itself.

The policies of the cluster are read; where they cannot be, the built-in ones are explained.

"kubectl dbtether explain pod/NAME" explains an object that stands in the cluster instead:
what it has, and what the policies say of it.`,
		Example: `  kubectl dbtether policy explain CLUSTER-NOT-ALLOWED
  kubectl dbtether policy explain resources.cluster_allowed`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s needs one code or one policy", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: completeCodes(env, place),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := print.check(); err != nil {
				return err
			}
			rows, unread := env.policyRows(cmd.Context(), place)
			if rows == nil {
				return unread
			}
			if unread != nil {
				env.note("%s\nonly what is built in is explained", explain(unread).cause)
			}
			found := findRows(rows, args[0])
			if len(found) == 0 {
				return unknownCode(rows, args[0])
			}
			if !print.human() {
				return printDocument(env, print.output, found)
			}
			for i, row := range found {
				if i > 0 {
					fmt.Fprintln(env.Out)
				}
				printRow(env.Out, row)
			}
			return nil
		},
	}
	print.add(cmd, []string{"json", "yaml"})
	return cmd
}

// policyRows returns what the policies and our own codes say of themselves. The error
// says why those of the cluster are not among them; rows are nil if there are none at all.
func (e *Environment) policyRows(ctx context.Context, place *policyPlace) ([]policy.Metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	engine, unread := e.policyEngine(ctx, place)
	if engine == nil {
		return nil, unread
	}
	return append(engine.Policies(), ownCodes()...), unread
}

// explainTimeout is how long the cluster is waited for: an explanation is worth having
// without it.
const explainTimeout = 5 * time.Second

// findRows returns the rows of a code, whatever its case, or those of a policy, by its
// package or by the end of it.
func findRows(rows []policy.Metadata, asked string) []policy.Metadata {
	var found []policy.Metadata
	for _, row := range rows {
		if strings.EqualFold(row.Code, asked) && asked != "" {
			found = append(found, row)
		}
	}
	if len(found) > 0 {
		return found
	}
	for _, row := range rows {
		if row.Policy != "" && (row.Policy == asked || strings.HasSuffix(row.Policy, "."+asked)) {
			found = append(found, row)
		}
	}
	return found
}

// printRow prints what a code means.
func printRow(out io.Writer, row policy.Metadata) {
	head := row.Title
	if row.Code != "" {
		head = strings.TrimSuffix(row.Code+": "+row.Title, ": ")
	}
	if head == "" {
		head = row.Policy
	}
	fmt.Fprintln(out, head)
	if row.Description != "" {
		fmt.Fprintf(out, "\n%s\n", wrapped(row.Description, "  "))
	}
	text := &description{}
	text.section("")
	if row.Policy != "" {
		text.field("Policy", fmt.Sprintf("%s (%s)", row.Policy, row.Source))
	} else {
		text.field("Said by", row.Source)
	}
	text.field("Mode", modeInWords(row))
	text.fieldIfSet("Fix", row.Fix)
	denied := "Denied"
	if row.Mode != policy.ModeDeny {
		denied = "Warned of"
	}
	for _, example := range row.Examples {
		text.fieldIfSet(denied, example.Denied)
		text.fieldIfSet("Allowed", example.Allowed)
	}
	fmt.Fprintln(out)
	_ = text.write(out)
	if row.Text != "" {
		fmt.Fprintf(out, "\n%s:%d\n  %s\n", row.File, row.Line, strings.ReplaceAll(row.Text, "\n", "\n  "))
	}
}

// modeInWords returns what the findings of a rule do, and what its failure does.
func modeInWords(row policy.Metadata) string {
	text := map[policy.Mode]string{
		policy.ModeDeny: "deny", policy.ModeWarn: "warn: who asks is told, and nothing is denied", policy.ModeDryRun: "dryrun: it is only logged and counted",
	}[row.Mode]
	if row.OnError == policy.ModeWarn {
		text += "; if it fails, warn"
	}
	return text
}

// textWidth is where texts are wrapped.
const textWidth = 88

// wrapped returns a text in lines of at most textWidth, each with the indentation.
func wrapped(text, indent string) string {
	var lines []string
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > textWidth && line != indent {
			lines, line = append(lines, strings.TrimRight(line, " ")), indent
		}
		line += word + " "
	}
	return strings.Join(append(lines, strings.TrimRight(line, " ")), "\n")
}

// unknownCode returns the error about a code or policy that there is not, with those
// that may have been meant.
func unknownCode(rows []policy.Metadata, asked string) error {
	err := fmt.Errorf("there is no code and no policy %q", asked)
	return hintSimilar(err, asked, codesAndPolicies(rows), "see which there are: kubectl dbtether policy list")
}

// codesAndPolicies returns every code and every policy by its short name, each once.
func codesAndPolicies(rows []policy.Metadata) []string {
	var names []string
	for _, row := range rows {
		if row.Code != "" {
			names = append(names, row.Code)
		}
	}
	for _, short := range policyNames(rows) {
		names = append(names, short)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// completeCodes completes codes and policies.
func completeCodes(env *Environment, place *policyPlace) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := completing(cmd.Context())
		defer cancel()
		rows, _ := env.policyRows(ctx, place)
		var fitting []string
		for _, name := range codesAndPolicies(rows) {
			if strings.HasPrefix(name, begun) || strings.HasPrefix(name, strings.ToUpper(begun)) {
				fitting = append(fitting, name)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp
	}
}
