package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// secretEdit is one call of secret edit.
type secretEdit struct{ secretChange }

func newSecretEditCommand(env *Environment) *cobra.Command {
	var edit secretEdit
	cmd := &cobra.Command{
		Use:   "edit NAME [flags]",
		Short: "Edit what a Secret holds in an editor",
		Long: `Open what a Secret holds in an editor, decoded, and write what was changed. The editor is
$KUBE_EDITOR, else $EDITOR, else vi (notepad on Windows), with arguments if it needs some.

The text is YAML, one KEY: value for each key. Values are text: what you write without
quotes is taken as you wrote it, also 5, yes, 1e3 and null. What YAML would read otherwise
than it looks is refused, and the editor opens again: a value that goes on after " #" or on
a next line, a tag, an anchor, a list, no value at all. "" is an empty value, and {} alone
removes all keys. A file that is empty, or as it was, changes nothing.

Only the keys that you changed are written: what others write to other keys meanwhile
stays. If somebody else changed one of the same keys, nothing is written. Binary values are
no text: a Secret that holds one is refused.

The text is in a directory that only you can read, in memory if there is one, and goes when
the editor ends; what a killed run left goes with the next one. An editor may keep texts
elsewhere: vim, for one, keeps what you cut in ~/.viminfo, unless it is called vim -i NONE.`,
		Example: `  kubectl dbtether secret edit app-secrets
  KUBE_EDITOR='code --wait' kubectl dbtether secret edit app-secrets --reason 'the new mail server'`,
		Args:              nameOfSecret("secret edit", false),
		ValidArgsFunction: completeSecretNames(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := edit.check(); err != nil {
				return err
			}
			return edit.run(cmd.Context(), env, args[0])
		},
	}
	edit.add(cmd)
	return cmd
}

// run lets the Secret be edited, and writes the keys that were changed. Nothing changed is no
// error.
func (c *secretEdit) run(ctx context.Context, env *Environment, name string) error {
	seen, err := c.begin(ctx, env, name)
	if err != nil {
		return err
	}
	edited, err := env.editText(ctx, seen)
	if err != nil {
		return err
	}
	if edited == nil || secret.Diff(seen.Live.Data, edited).Empty() {
		fmt.Fprintln(env.ErrOut, "Edit cancelled, no changes made.")
		return nil
	}
	if ctx.Err() != nil { // an interrupt that was meant for the editor
		ctx = context.WithoutCancel(ctx)
	}
	err = c.secretChange.run(ctx, env, revision.Edit{Namespace: seen.Namespace, Name: name,
		Change: func(now *revision.Standing) (secret.Data, error) { return merged(seen, now, edited) }})
	if err != nil {
		env.note("what you edited is not kept")
	}
	return err
}

// begin reads the Secret, after it has finished what was interrupted, and refuses one that
// cannot be edited before anybody takes pains over it.
func (c *secretEdit) begin(ctx context.Context, env *Environment, name string) (*revision.Standing, error) {
	_, seen, _, err := c.settled(ctx, env, name)
	if err != nil {
		return nil, err
	}
	if seen.Live == nil {
		return nil, seen.Missing()
	}
	for _, refused := range []error{seen.Writable(), seen.Mutable(), onlyText(seen)} {
		if refused != nil {
			return nil, refused
		}
	}
	return seen, nil
}

// onlyText returns an error that names the keys whose values are no text.
func onlyText(seen *revision.Standing) error {
	var binary []string
	for _, key := range seen.Live.Data.Keys() {
		if value := seen.Live.Data[key]; !utf8.Valid(value) || slices.Contains(value, 0) {
			binary = append(binary, key)
		}
	}
	if len(binary) == 0 {
		return nil
	}
	return Hinted(fmt.Errorf("secret %q in namespace %q holds binary values, which are no text to edit: %s", seen.Name, seen.Namespace, listed(binary)),
		"kubectl dbtether secret set %[1]s KEY=@FILE -n %[2]s sets a value from a file, kubectl dbtether secret get %[1]s KEY -n %[2]s > FILE writes it to one", seen.Name, seen.Namespace)
}

// merged returns what a Secret is to hold now: of the edited content the keys that differ
// from what was seen, of all other keys what they hold by now. The error names the keys
// that somebody else changed as well, to something else.
func merged(seen, now *revision.Standing, edited secret.Data) (secret.Data, error) {
	if now.Live == nil {
		return nil, now.Missing()
	}
	changes := secret.Diff(seen.Live.Data, edited)
	changed := slices.Concat(changes.Added, changes.Changed, changes.Removed)
	set := secret.Data{}
	var conflicts []string
	for _, key := range changed {
		if !holdsSame(seen.Live.Data, now.Live.Data, key) && !holdsSame(edited, now.Live.Data, key) {
			conflicts = append(conflicts, fmt.Sprintf("key %s was changed meanwhile by %s", key, changedBy(seen, now, key)))
		}
		if value, has := edited[key]; has {
			set[key] = value
		}
	}
	if len(conflicts) > 0 {
		return nil, Hinted(fmt.Errorf("secret %q in namespace %q: %s: nothing was written", now.Name, now.Namespace, strings.Join(conflicts, ", ")),
			"see who did what: kubectl dbtether secret history %s -n %s; then edit it again", now.Name, now.Namespace)
	}
	return now.Live.Data.Merge(set, changes.Removed...), nil
}

// holdsSame reports whether two contents agree on a key.
func holdsSame(a, b secret.Data, key string) bool {
	was, had := a[key]
	is, has := b[key]
	return had == has && string(was) == string(is)
}

// changedBy says who changed a key since a Secret was seen, and in which revision.
func changedBy(seen, now *revision.Standing, key string) string {
	if now.External() {
		return fmt.Sprintf("%s, after revision %d", orDefault(now.LastWriter(), "something else"), now.Revision())
	}
	newest := revision.Entry{Number: now.Revision()}
	for _, e := range slices.Backward(now.Entries) {
		if e.Number <= seen.Revision() || e.Number > now.Revision() {
			continue
		}
		if newest.Author == "" { // the changes of a revision may be cut: then it is this one
			newest = e
		}
		words := strings.Fields(e.Changes)
		if slices.Contains(words, "+"+key) || slices.Contains(words, "~"+key) || slices.Contains(words, "-"+key) {
			newest = e
			break
		}
	}
	return fmt.Sprintf("%s in revision %d", orDefault(newest.Author, "somebody else"), newest.Number)
}
