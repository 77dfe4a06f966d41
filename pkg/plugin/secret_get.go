package plugin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// mask stands for a value that is not shown. It says nothing about its length.
const mask = "********"

// secretGet is one call of secret get.
type secretGet struct {
	print    printFlags
	revision int64
	show     bool
}

func newSecretGetCommand(env *Environment) *cobra.Command {
	var get secretGet
	cmd := &cobra.Command{
		Use:   "get NAME [KEY ...] [flags]",
		Short: "Show the keys of a Secret, or write the value of one",
		Long: `Show what a Secret holds, or held at --revision. Values are masked, unless --show-secrets
is given. With one KEY, and stdout no terminal, the bytes of its value are written as they
are, without a line end, so that they can be piped.`,
		Example: `  kubectl dbtether secret get app-secrets
  kubectl dbtether secret get app-secrets SESSION_KEY | wc -c
  kubectl dbtether secret get app-secrets SESSION_KEY --revision 3 --show-secrets`,
		Args:              nameOfSecret("secret get", true),
		ValidArgsFunction: completeSecretAndKeys(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := get.print.check(); err != nil {
				return err
			}
			if get.revision < 0 {
				return Usagef("--revision must be the number of a revision")
			}
			return get.run(cmd.Context(), env, args[0], args[1:])
		},
	}
	get.print.add(cmd, []string{"json", "yaml", "name"})
	cmd.Flags().Int64Var(&get.revision, "revision", 0, "what it held at this revision; without it what it holds now")
	completeRevisionFlag(cmd, env, "revision")
	addShowSecrets(cmd, &get.show)
	return cmd
}

// addShowSecrets adds --show-secrets.
func addShowSecrets(cmd *cobra.Command, show *bool) {
	cmd.Flags().BoolVar(show, "show-secrets", false, "show values instead of "+mask)
}

// run prints the keys, or the bytes of the value if one key is named and may be shown.
func (c *secretGet) run(ctx context.Context, env *Environment, name string, keys []string) error {
	namespace, err := env.Namespace()
	if err != nil {
		return err
	}
	held, err := env.heldAt(ctx, namespace, name, c.revision)
	if err != nil {
		return err
	}
	if err := hasKeys(name, held.data, keys); err != nil {
		return err
	}
	if len(keys) == 0 {
		keys = held.data.Keys()
	} else if len(keys) == 1 && c.print.output == "" && (c.show || !env.Terminal.Out) {
		return writeValue(env, held.data[keys[0]])
	}
	switch c.print.output {
	case "json", "yaml":
		return printDocument(env, c.print.output, held.document(keys, c.show))
	case "name":
		_, err := fmt.Fprintf(env.Out, "secret/%s\n", name)
		return err
	}
	return held.table(env, keys, c.show)
}

// writeValue writes the bytes of a value. A terminal gets a line end after it, or the
// prompt would follow it.
func writeValue(env *Environment, value []byte) error {
	if env.Terminal.Out && !strings.HasSuffix(string(value), "\n") {
		value = append(value[:len(value):len(value)], '\n')
	}
	_, err := env.Out.Write(value)
	return err
}

// held is what a Secret holds or held.
type held struct {
	namespace, name string
	secretType      string
	revision        int64
	data            secret.Data
	notes           map[string]string
}

// heldAt reads what a Secret held at a revision; 0: what it holds now.
func (e *Environment) heldAt(ctx context.Context, namespace, name string, number int64) (held, error) {
	store, err := e.revisions()
	if err != nil {
		return held{}, err
	}
	h := held{namespace: namespace, name: name, revision: number}
	if number > 0 {
		r, err := store.ReadRevision(ctx, namespace, name, number)
		if err == nil && !r.Deletes {
			h.data, h.secretType = r.Data, string(r.Type)
			return h, nil
		}
		if err == nil || apierrors.IsNotFound(err) {
			return h, noRevision(ctx, store, namespace, name, number)
		}
		return h, err
	}
	live, err := store.Secrets.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return h, noSecret(ctx, store, namespace, name)
	}
	if err != nil {
		return h, err
	}
	if live.Type == v1alpha1.SecretTypeRevision {
		return h, isRevision(name)
	}
	h.data, h.secretType, h.notes = live.Data, string(live.Type), live.Annotations
	h.revision, _ = strconv.ParseInt(live.Annotations[v1alpha1.AnnotationRevision], 10, 64)
	return h, nil
}

// isRevision returns the error about a name that is that of a revision.
func isRevision(name string) error {
	return Hinted(fmt.Errorf("secret %q is a revision", name), "name the Secret that it is a revision of, and the number with --revision")
}

// noSecret returns the error about a Secret that does not exist. It reads what is left of it.
func noSecret(ctx context.Context, store revision.Store, namespace, name string) error {
	left, err := store.Stand(ctx, namespace, name)
	if err != nil {
		return err
	}
	return left.Missing()
}

// noRevision returns the error about a revision of a Secret that does not exist. It reads which
// there are.
func noRevision(ctx context.Context, store revision.Store, namespace, name string, number int64) error {
	standing, err := store.Stand(ctx, namespace, name)
	if err == nil {
		_, err = standing.Entry(number)
	}
	if err == nil {
		err = errors.New("it appeared meanwhile: run the command again")
	}
	return err
}

// heldDocument is what a Secret holds, as -o json and yaml print it.
type heldDocument struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Type      string        `json:"type"`
	Revision  int64         `json:"revision,omitempty"`
	Keys      []keyDocument `json:"keys"`
}

type keyDocument struct {
	Key   string `json:"key"`
	Bytes int    `json:"bytes"`
	// Value is that of a text, Base64 that of other bytes; neither unless they are asked for.
	Value  *string `json:"value,omitempty"`
	Base64 string  `json:"base64,omitempty"`
}

// document returns some of the keys as -o json and yaml print them, with values only if show
// is set.
func (h held) document(keys []string, show bool) heldDocument {
	doc := heldDocument{Namespace: h.namespace, Name: h.name, Type: h.secretType, Revision: h.revision, Keys: []keyDocument{}}
	for _, key := range keys {
		value := h.data[key]
		k := keyDocument{Key: key, Bytes: len(value)}
		switch text := string(value); {
		case !show:
		case utf8.Valid(value):
			k.Value = &text
		default:
			k.Base64 = base64.StdEncoding.EncodeToString(value)
		}
		doc.Keys = append(doc.Keys, k)
	}
	return doc
}

// table prints the keys, and their values masked or shown.
func (h held) table(env *Environment, keys []string, show bool) error {
	if len(keys) == 0 {
		env.note("secret %q has no keys", h.name)
		return nil
	}
	rows := [][]string{{"KEY", "BYTES", "VALUE"}}
	for _, key := range keys {
		value := mask
		if show {
			value = shownText(h.data[key])
		}
		rows = append(rows, []string{key, fmt.Sprint(len(h.data[key])), value})
	}
	return printRows(env.Out, rows)
}
