package plugin

import (
	"fmt"
	"slices"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// side is one of the two that are compared.
type side struct {
	label string
	data  secret.Data
	// missing says that there is no such Secret to compare.
	missing bool
}

// comparison is what two Secrets have in common, and what not.
type comparison struct {
	Name  string     `json:"name"`
	From  string     `json:"from"`
	To    string     `json:"to"`
	Equal bool       `json:"equal"`
	Keys  []keyState `json:"keys"`
}

// keyState says how a key differs.
type keyState struct {
	Key   string `json:"key"`
	State string `json:"state"` // equal, different, removed or added
	// Before and After are the values, where they are asked for.
	Before *string `json:"before,omitempty"`
	After  *string `json:"after,omitempty"`
}

// States of a key.
const (
	keyEqual     = "equal"
	keyDifferent = "different"
	keyRemoved   = "removed"
	keyAdded     = "added"
)

// compare returns how two sides differ; the values are in it only if show is set. It is pure.
func compare(name string, before, after side, show bool) comparison {
	result := comparison{Name: name, From: before.label, To: after.label, Keys: []keyState{}}
	changes := secret.Diff(before.data, after.data)
	result.Equal = changes.Empty() && before.missing == after.missing
	for _, key := range before.data.Merge(after.data).Keys() {
		k := keyState{Key: key, State: keyEqual}
		switch {
		case slices.Contains(changes.Added, key):
			k.State = keyAdded
		case slices.Contains(changes.Removed, key):
			k.State = keyRemoved
		case slices.Contains(changes.Changed, key):
			k.State = keyDifferent
		}
		if show {
			k.Before, k.After = shownValueOf(before.data, key), shownValueOf(after.data, key)
		}
		result.Keys = append(result.Keys, k)
	}
	return result
}

// shownValueOf returns the value of a key as a table shows it; nil: there is no such key.
func shownValueOf(data secret.Data, key string) *string {
	value, has := data[key]
	if !has {
		return nil
	}
	text := shownText(value)
	return &text
}

// marks stand before the keys, as in a difference.
var marks = map[string]string{keyEqual: " ", keyDifferent: "~", keyRemoved: "-", keyAdded: "+"}

// write prints the comparison of two Secrets.
func (r comparison) write(env *Environment) error {
	fmt.Fprintf(env.Out, "--- %s\n+++ %s\n", r.From, r.To)
	table := printers.GetNewTabWriter(env.Out)
	for _, k := range r.Keys {
		said := k.State
		switch {
		case k.Before == nil && k.After == nil:
		case k.State == keyEqual:
			said = *k.Before
		case k.State == keyAdded:
			said = *k.After
		case k.State == keyRemoved:
			said = *k.Before
		default:
			said = *k.Before + "  →  " + *k.After
		}
		fmt.Fprintf(table, "%s %s\t%s\n", marks[k.State], k.Key, said)
	}
	return table.Flush()
}
