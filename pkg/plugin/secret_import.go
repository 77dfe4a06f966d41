package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

// secretImport is one call of secret import.
type secretImport struct {
	secretChange
	file, format string
	keys         []string
	prune, yes   bool
}

const importHelp = `Set the keys of Secrets from a file, or from stdin with -f -. A Secret that is there is
changed as by secret set: its other keys stay unless --prune is given, and what it held
before is in its history. One that is not there is created, with the type and the labels
that the file gives it.

What format a file has is seen by its name and by what is in it; --format says otherwise:
  env         KEY=value, in the grammar of most .env files (godotenv)
  json, yaml  one object of keys and values
  kubernetes  manifests of Secrets, one or many; other kinds are left out
  1password   op item get --format json --reveal, or a .1pux export
  aws         aws secretsmanager get-secret-value, or batch-get-secret-value
  doppler     doppler secrets download --format json --no-file, or doppler secrets --json
  vault       vault kv get -format=json

NAME is what the Secret is called. Files that name their Secrets need none: manifests, and
exports of 1Password and AWS. With NAME, a directory is one Secret: each file is a key, and
its bytes are the value. Without NAME, its manifests are read: *.yaml, *.yml and *.json.

A manifest's namespace is where its Secret goes, as by kubectl apply; with -n it must be the
same. One that names none goes to the current namespace.

What will be done is shown first; a terminal is asked then, unless --yes is given. Nothing
is written if the file cannot be read whole, or if one of its Secrets may not be written.
If the writing itself fails for some, the others are written, and the same command again
does what is left.`

func newSecretImportCommand(env *Environment) *cobra.Command {
	c := secretImport{secretChange: secretChange{timeout: 10 * time.Minute}}
	cmd := &cobra.Command{
		Use:   "import [NAME] -f FILE|DIRECTORY|- [flags]",
		Short: "Set Secrets from a file, also from the export of another store",
		Long:  importHelp,
		Example: `  kubectl dbtether secret import app-secrets -f .env --dry-run=server
  op item get 'Orders API' --format json --reveal | kubectl dbtether secret import orders-api -f -
  kubectl dbtether secret import -f secrets.yaml -n staging --yes`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("secret import takes one name, not %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: completeSecretNames(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(); err != nil {
				return err
			}
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return c.run(cmd.Context(), env, name)
		},
	}
	c.add(cmd)
	cmd.Flags().StringVarP(&c.file, "filename", "f", "", "the file or directory; - is stdin")
	must(cmd.MarkFlagRequired("filename"))
	addChoice(cmd, &c.format, "format", "what the file is, where that is not seen", formatWords(secretfile.ReadFormats())...)
	cmd.Flags().BoolVar(&c.prune, "prune", false, "remove the keys that the file does not have")
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask for confirmation")
	addKeys(cmd, env, &c.keys)
	return cmd
}

// formatWords returns formats as words of the command line.
func formatWords(formats []secretfile.Format) []string {
	all := make([]string, len(formats))
	for i, format := range formats {
		all[i] = string(format)
	}
	return all
}

// run reads the file, shows what it would change, asks, and writes that, or nothing.
func (c *secretImport) run(ctx context.Context, env *Environment, name string) error {
	if err := keysOrPrune(c.keys, c.prune); err != nil {
		return err
	}
	namespace, explicit, err := env.Config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	items, err := c.read(ctx, env, name)
	if err != nil {
		return err
	}
	if items, err = c.selected(env, items, namespace, explicit); err != nil {
		return err
	}
	plans, err := c.plan(ctx, env, items)
	if err != nil {
		return err
	}
	where := placesOf(items)
	if c.isDryRun() {
		return c.show(env, plans, where, namespace)
	}
	agreed, err := c.ask(ctx, env, plans, namespace)
	if err != nil {
		return err
	}
	if !agreed {
		return errors.New("nothing was imported")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	attempts, err := c.apply(ctx, env, plans)
	if err != nil {
		return err
	}
	err = c.sum(env, where, "", attempts, "imported", "imports")
	for _, changes := range changesOf(attempts) {
		env.inform(ctx, changes...)
	}
	return err
}
