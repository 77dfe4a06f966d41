package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// runCommand is one call of run.
type runCommand struct {
	sources  []source
	command  []string
	only     []string
	prefix   string
	pristine bool
	dryRun   string
}

func newRunCommand(env *Environment) *cobra.Command {
	r := runCommand{dryRun: dryRunNone}
	cmd := &cobra.Command{
		Use:   "run SOURCES [flags] -- COMMAND [ARG...]",
		Short: "Run a command with the values of Secrets as its environment",
		Long: `Run a command of this machine with the values of Secrets as its environment. No value is
written to disk, and none stands in an argument.

SOURCES are separated by commas. Where several give a variable, the last of them does:
  app-secrets             each key of a Secret is a variable; also secret/app-secrets
  user/orders-api         a DatabaseUser: PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD
                          and PGSSLMODE, as the pods have them that are injected with it
  reports=user/analytics  with an alias, which prefixes each variable: REPORTS_PGHOST

The command takes the place of this process, so that signals reach it, and its exit code
is the one that is seen. What goes wrong before has the exit codes of every command, and,
as in a shell, 127 where the command is not found, 126 where it cannot be executed.`,
		Example: `  kubectl dbtether run app-secrets -- npm start
  kubectl dbtether run user/orders-api -- psql -c 'SELECT count(*) FROM orders'

  # Two databases, and nothing of your own environment
  kubectl dbtether run user/orders-api,reports=user/analytics --pristine -- ./compare

  # Which variables there would be
  kubectl dbtether run app-secrets,user/orders-api --dry-run=client`,
		Args: func(cmd *cobra.Command, args []string) error {
			return r.parse(cmd.ArgsLenAtDash(), args)
		},
		ValidArgsFunction: completeSources(env),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.run(cmd.Context(), env)
		},
	}
	// It may be a flag of the command to run, before which the -- was forgotten.
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if !errors.As(err, &unknown) {
			return err
		}
		return Hinted(err, "%s --help; flags of the command to run follow --, as in %s app-secrets -- ls -l", cmd.CommandPath(), cmd.CommandPath())
	})
	flags := cmd.Flags()
	flags.StringSliceVar(&r.only, "only", nil, "only these variables, named as the sources have them")
	flags.StringVar(&r.prefix, "prefix", "", "prefix each variable, for example APP_")
	flags.BoolVar(&r.pristine, "pristine", false, "give the command these variables and nothing of your own environment")
	addChoice(cmd, &r.dryRun, "dry-run", "client: run nothing, list the variables and where each comes from", dryRunNone, dryRunClient)
	completeFlag(cmd, "only")
	completeFlag(cmd, "prefix")
	return cmd
}

// parse reads the arguments. Dash is how many of them stand before the --; -1: there is none.
// Its errors are of usage.
func (r *runCommand) parse(dash int, args []string) (err error) {
	const example = "for example kubectl dbtether run app-secrets -- npm start"
	before := args
	if dash >= 0 {
		before, r.command = args[:dash], args[dash:]
	}
	switch {
	case len(before) == 0:
		return Hinted(errors.New("there is no source of variables"), example)
	case len(before) > 1 && dash < 0:
		return Hinted(fmt.Errorf("a command to run follows --, which is missing before %q", before[1]), example)
	case len(before) > 1:
		return Hinted(fmt.Errorf("sources are one argument, not %d", len(before)), "separate them with commas: %s", strings.Join(before, ","))
	case len(r.command) == 0 && r.dryRun == dryRunNone:
		return Hinted(errors.New("there is no command to run"), "it follows --, %s", example)
	case !isVariable(r.prefix + "A"):
		return Hinted(fmt.Errorf("no variable can begin with --prefix %q", r.prefix), "use letters, digits and _")
	}
	r.sources, err = parseSources(before[0])
	return err
}

// run runs the command in place of this process: if it returns, it returns an error, unless
// this is a dry run.
func (r *runCommand) run(ctx context.Context, env *Environment) error {
	var program string
	var err error
	if len(r.command) > 0 {
		if program, err = findProgram(r.command[0]); err != nil {
			return err
		}
	}
	all, err := env.readVariables(ctx, r.sources)
	if err != nil {
		return err
	}
	chosen, err := r.choose(all)
	if err != nil {
		return err
	}
	variables, doubled := merge(chosen)
	for _, warning := range doubled {
		env.warn("%s", warning)
	}
	if r.dryRun == dryRunClient {
		return env.printVariables(variables)
	}
	var own []string
	if !r.pristine {
		own = os.Environ()
	}
	for _, warning := range disturbed(own, variables) {
		env.warn("%s", warning)
	}
	environment := environmentOf(own, variables)
	err = execute(ctx, env, program, r.command, environment)
	return explainExecution(err, r.command, environment)
}

// printVariables prints which variables there are and where each comes from.
func (e *Environment) printVariables(variables []variable) error {
	rows := [][]string{{"VARIABLE", "SOURCE", "KEY"}}
	for _, v := range variables {
		rows = append(rows, []string{v.name, v.source.String(), v.key})
	}
	return printRows(e.Out, rows)
}
