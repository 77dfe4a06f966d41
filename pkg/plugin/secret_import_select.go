package plugin

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secretfile"
)

// selected returns the Secrets that are imported, each with its namespace and only the
// keys that are asked for. What a program writes for itself is left out, with a warning.
func (c *secretImport) selected(env *Environment, items []secretfile.Item, namespace string, explicit bool) ([]secretfile.Item, error) {
	if err := c.hasKeys(items); err != nil {
		return nil, err
	}
	var kept []secretfile.Item
	var refused []error
	seen := map[[2]string]bool{}
	for _, item := range items {
		if kind := corev1.SecretType(item.Type); revision.IsForeignType(kind) {
			env.warn("secret %q has the type %s, which is written by others, and is left out", item.Name, kind)
			continue
		}
		if item.Data = onlyKeys(item.Data, c.keys); len(c.keys) > 0 && len(item.Data) == 0 {
			continue
		}
		switch own := item.Namespace; {
		case own == "":
			item.Namespace = namespace
		case explicit && own != namespace:
			refused = append(refused, Hinted(fmt.Errorf("secret %q: the namespace from the provided object %q does not match the namespace %q", item.Name, own, namespace),
				"leave -n out, or import from a file without namespaces"))
		}
		id := [2]string{item.Namespace, item.Name}
		if seen[id] {
			refused = append(refused, Hinted(fmt.Errorf("secret %q of namespace %q stands twice in what is imported", item.Name, item.Namespace), "keep one of them"))
		}
		if seen[id] = true; c.prune && len(item.Data) == 0 {
			refused = append(refused, Hinted(fmt.Errorf("secret %q has no key in what is imported, and --prune would remove all that it has", item.Name),
				"see whether the file is whole; kubectl dbtether secret delete deletes a Secret"))
		}
		kept = append(kept, item)
	}
	if err := errors.Join(refused...); err != nil {
		return nil, err
	}
	if len(kept) == 0 {
		return nil, Hinted(errors.New("there is nothing to import"), "see what is said above")
	}
	return kept, nil
}

// hasKeys returns an error for a key of --keys that none of the Secrets has.
func (c *secretImport) hasKeys(items []secretfile.Item) error {
	var all []string
	for _, item := range items {
		all = append(all, item.Data.Keys()...)
	}
	for _, key := range c.keys {
		if !slices.Contains(all, key) {
			return hintKeys(fmt.Errorf("there is no key %q in what is imported", key), key, all)
		}
	}
	return nil
}

// placesOf names the namespaces that something is imported into.
func placesOf(items []secretfile.Item) string {
	var places []string
	for _, item := range items {
		if !slices.Contains(places, item.Namespace) {
			places = append(places, item.Namespace)
		}
	}
	if len(places) == 1 {
		return places[0]
	}
	return fmt.Sprintf("%d namespaces", len(places))
}
