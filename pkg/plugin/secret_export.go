package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

// secretExport is one call of secret export.
type secretExport struct {
	format, file     string
	keys             []string
	revision         int64
	all, show, force bool
}

const exportHelp = `Write what a Secret holds, or held at --revision, to stdout or to a file. The values are in
it as they are: a terminal gets them only with --show-secrets.

  env         KEY=value, in the grammar of most .env files (godotenv)
  json, yaml  one object of keys and values
  shell       export KEY='value' for sh: eval "$(kubectl dbtether secret export NAME --format shell)"
  docker      KEY=value for docker run --env-file
  kubernetes  manifests of Secrets, of several too; without namespaces, so that they can be
              imported anywhere, and without history

What a format cannot hold, so that it would be read back as something else, is refused by
the names of the keys; manifests hold any bytes.

With -f only you can read the file, from its first byte on. It appears when it is whole, in
the place of the one that is there if --force is given: that one is replaced, not written
to, so that it is private, too; a symbolic link is replaced, and what it points to stays.

With --all, all Secrets are exported but those that belong to something: credentials of
DatabaseUsers, what a controller makes, tokens, releases of Helm.`

func newSecretExportCommand(env *Environment) *cobra.Command {
	c := secretExport{format: string(secretfile.Env)}
	cmd := &cobra.Command{
		Use:   "export NAME ... | --all [flags]",
		Short: "Write the values of Secrets as a file, or to a pipe",
		Long:  exportHelp,
		Example: `  kubectl dbtether secret export app-secrets -f .env
  kubectl dbtether secret export app-secrets --format json | jq -r .DATABASE_URL
  kubectl dbtether secret export --all --format kubernetes -f secrets.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if err := namesOrAll("secret export", "exports", c.all, args); err != nil {
				return err
			}
			return namedOnce(args)
		},
		ValidArgsFunction: completeSomeSecretNames(env, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(env, args); err != nil {
				return err
			}
			return c.run(cmd.Context(), env, args)
		},
	}
	flags := cmd.Flags()
	addChoice(cmd, &c.format, "format", "what is written", formatWords(secretfile.WriteFormats())...)
	flags.StringVarP(&c.file, "filename", "f", "", "the file to write; without it, or with -, stdout")
	flags.Int64Var(&c.revision, "revision", 0, "what it held at this revision; without it what it holds now")
	flags.BoolVar(&c.all, "all", false, "all Secrets of the namespace")
	flags.BoolVar(&c.show, "show-secrets", false, "show the values on a terminal")
	flags.BoolVar(&c.force, "force", false, "replace the file if it exists")
	addKeys(cmd, env, &c.keys)
	completeRevisionFlag(cmd, env, "revision")
	return cmd
}

// check returns an error of usage; also where values would be shown that nobody asked to
// see.
func (c *secretExport) check(env *Environment, names []string) error {
	if c.file == stdin {
		c.file = ""
	}
	several := c.all || len(names) > 1
	switch {
	case c.revision < 0:
		return Usagef("--revision must be the number of a revision")
	case c.revision > 0 && several:
		return Usagef("--revision is that of one Secret")
	case several && c.format != string(secretfile.Kubernetes):
		return Hinted(Usagef("a file of the format %s holds one Secret", c.format), "add --format %s, or name one", secretfile.Kubernetes)
	case c.force && c.file == "":
		return Usagef("--force is about the file of -f")
	case c.file == "" && env.Terminal.Out && !c.show:
		return Hinted(Usagef("the values would be shown on the terminal"), "write them to a file with -f FILE, pipe them, or add --show-secrets")
	}
	return nil
}

// run reads the Secrets and writes them to the file, or to stdout.
func (c *secretExport) run(ctx context.Context, env *Environment, names []string) error {
	if c.file != "" {
		if err := mayWrite(c.file, c.force); err != nil {
			return err
		}
	}
	from, err := env.here()
	if err != nil {
		return err
	}
	items, skipped, err := c.items(ctx, from, names)
	if err != nil {
		return err
	}
	text, err := secretfile.Write(secretfile.Format(c.format), items)
	if err != nil {
		return err
	}
	where := "stdout"
	if c.file == "" {
		_, err = env.Out.Write(text)
	} else {
		where = c.file + ", which only you can read"
		err = writePrivately(ctx, c.file, text, c.force)
	}
	if err != nil {
		return err
	}
	keys := 0
	for _, item := range items {
		keys += len(item.Data)
	}
	env.note("%d %s of %s written to %s", keys, plural("key", keys), exported(items), where)
	if skipped > 0 {
		env.note("%d more belong to something else (credentials of DatabaseUsers, controllers) and were left out", skipped)
	}
	return nil
}

// exported names what was exported.
func exported(items []secretfile.Item) string {
	if len(items) == 1 {
		return fmt.Sprintf("secret %q", items[0].Name)
	}
	return fmt.Sprintf("%d secrets", len(items))
}

// items reads what is exported, in order; of --all also how many belong to something else.
func (c *secretExport) items(ctx context.Context, from site, names []string) ([]secretfile.Item, int, error) {
	if c.all {
		return c.allItems(ctx, from)
	}
	var items []secretfile.Item
	for _, name := range names {
		item, err := c.item(ctx, from, name)
		if err != nil {
			return nil, 0, err
		}
		if err := hasKeys(name, item.Data, c.keys); err != nil {
			return nil, 0, err
		}
		item.Data = onlyKeys(item.Data, c.keys)
		items = append(items, item)
	}
	return items, 0, nil
}

// item reads one Secret.
func (c *secretExport) item(ctx context.Context, from site, name string) (secretfile.Item, error) {
	if c.revision > 0 {
		held, err := from.env.heldAt(ctx, from.namespace, name, c.revision)
		return secretfile.Item{Name: name, Type: held.secretType, Data: held.data}, err
	}
	found, err := from.store.Content(ctx, from.namespace, name)
	if err != nil {
		return secretfile.Item{}, err
	}
	if found.Type == v1alpha1.SecretTypeRevision {
		return secretfile.Item{}, isRevision(name)
	}
	return secretfile.Item{Name: name, Type: string(found.Type), Labels: found.Labels, Data: found.Data}, nil
}

// allItems reads the Secrets of the namespace that have one of the keys, if some are named.
func (c *secretExport) allItems(ctx context.Context, from site) ([]secretfile.Item, int, error) {
	all, err := from.store.Contents(ctx, from.namespace)
	if err != nil {
		return nil, 0, err
	}
	var items []secretfile.Item
	skipped := 0
	for _, found := range all {
		data := onlyKeys(found.Data, c.keys)
		switch {
		case found.Refused != nil:
			skipped++
		case len(c.keys) == 0 || len(data) > 0:
			items = append(items, secretfile.Item{Name: found.Name, Type: string(found.Type), Labels: found.Labels, Data: data})
		}
	}
	if len(items) == 0 {
		return nil, 0, Hinted(errors.New("there is nothing to export"), "see which Secrets there are: kubectl dbtether secret list --unmanaged -n %s", from.namespace)
	}
	return items, skipped, nil
}
