package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/check"
)

// checking is one call of check.
type checking struct {
	selected
	pre, wait bool
	timeout   time.Duration
	print     printFlags
}

func newCheckCommand(env *Environment) *cobra.Command {
	var c checking
	cmd := &cobra.Command{
		Use:   "check [CATEGORY]... [flags]",
		Short: "Find what is wrong with the installation, the servers and the resources",
		Long: `Look at everything that has to be right for dbtether to work, and say what is not and what to
do about it: the resource definitions, the webhook and its certificates, what the API server
refuses by itself, the policies, the runner, the servers, and the databases, users and
Secrets of a namespace, or of all with -A. Nothing is changed.

The categories are ` + strings.Join(check.Categories(), ", ") + `; without a name it is all of
them. What you may not read is a warning. It exits 1 if it finds an error.`,
		Example: `  # Before an installation
  kubectl dbtether check --pre

  # Everything, in every namespace
  kubectl dbtether check -A

  # After an upgrade: until the webhook answers
  kubectl dbtether check webhook floor --wait`,
		ValidArgs: check.Categories(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.validate(args); err != nil {
				return err
			}
			return c.run(cmd.Context(), env, args)
		},
	}
	c.selected.add(cmd)
	cmd.Flags().BoolVar(&c.pre, "pre", false, "look at what an installation would meet, before there is one")
	cmd.Flags().BoolVar(&c.wait, "wait", false, "look again until there is no error")
	cmd.Flags().DurationVar(&c.timeout, "timeout", 5*time.Minute, "how long --wait may take")
	c.print.add(cmd, []string{"json", "yaml", "wide"})
	return cmd
}

// validate returns an error of usage.
func (c *checking) validate(args []string) error {
	for _, name := range args {
		if !slices.Contains(check.Categories(), name) {
			return Usagef("unknown category %q: it is one of %s", name, strings.Join(check.Categories(), ", "))
		}
	}
	if c.pre && len(args) > 0 {
		return Usagef("--pre and categories exclude each other")
	}
	return c.print.check()
}

// checkInterval is how long --wait waits before it looks again.
const checkInterval = 2 * time.Second

func (c *checking) run(ctx context.Context, env *Environment, args []string) error {
	namespace, err := c.namespace(env)
	if err != nil {
		return err
	}
	progress := env.newProgress()
	defer progress.done()
	r, err := newCheckRun(env, namespace, progress)
	if err != nil {
		return err
	}
	report, err := c.look(ctx, env, r, args)
	if err != nil {
		return err
	}
	progress.done()
	if err := c.show(env, report); err != nil {
		return err
	}
	n := report.Count(check.LevelError)
	if n == 0 {
		return nil
	}
	return Hinted(fmt.Errorf("%d %s, %d %s", n, plural("error", n), report.Count(check.LevelWarning), plural("warning", report.Count(check.LevelWarning))),
		"mend what is listed above, the first of it first, then check again")
}

// look returns the report. With --wait it looks again until there is no error, or until
// --timeout is over.
func (c *checking) look(ctx context.Context, env *Environment, r *checkRun, args []string) (check.Report, error) {
	deadline := env.Now().Add(c.timeout)
	for {
		report, err := r.report(ctx, c.pre, args)
		if err != nil || !c.wait || report.Count(check.LevelError) == 0 || !env.Now().Add(checkInterval).Before(deadline) {
			return report, err
		}
		r.progress.step("waiting: %s …", firstError(report))
		select {
		case <-time.After(checkInterval):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func firstError(report check.Report) string {
	for _, category := range report {
		for _, f := range category.Findings {
			if f.Level == check.LevelError {
				return f.Text
			}
		}
	}
	return ""
}

func (c *checking) show(env *Environment, report check.Report) error {
	if !c.print.human() {
		return printDocument(env, c.print.output, report)
	}
	for i, category := range report {
		if i > 0 {
			fmt.Fprintln(env.Out)
		}
		fmt.Fprintln(env.Out, category.Name)
		for _, f := range category.Findings {
			showFinding(env, f, c.print.output == "wide")
		}
	}
	return nil
}

// The colours of the levels (ECMA-48, "Select Graphic Rendition").
var levelColors = map[check.Level]string{check.LevelOK: "32", check.LevelNote: "36", check.LevelWarning: "33", check.LevelError: "31"}

// showFinding prints a finding and its fix, if it has one. The level is a word, and on a
// terminal it has a colour, too.
func showFinding(env *Environment, f check.Finding, wide bool) {
	const width = 8
	level := fmt.Sprintf("%-*s", width, f.Level)
	if env.Terminal.Out && env.Terminal.Color {
		level = fmt.Sprintf("\x1b[%sm%s\x1b[0m", levelColors[f.Level], level)
	}
	name := ""
	if wide {
		name = fmt.Sprintf("%-28s ", f.Check)
	}
	indent := strings.Repeat(" ", 2+width+1+len(name))
	fmt.Fprintf(env.Out, "  %s %s%s\n", level, name, strings.ReplaceAll(strings.TrimSpace(f.Text), "\n", "\n"+indent))
	if f.Fix != "" {
		fmt.Fprintf(env.Out, "%s%s\n", indent, strings.ReplaceAll(f.Fix, "\n", "\n"+indent))
	}
}
