package secretfile

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// isKey reports whether the API server takes name as a key of a Secret.
func isKey(name string) bool { return secret.CheckKey(name) == nil }

// isName reports whether the API server takes name as that of a Secret.
func isName(name string) bool { return len(validation.IsDNS1123Subdomain(name)) == 0 }

// deriveKey returns the key for a label in words: "API token" becomes API_token. It is
// empty where the label has nothing that a key can have.
func deriveKey(label string) string {
	if isKey(label) {
		return label
	}
	key := derive(label, '_')
	if strings.HasPrefix(key, "..") {
		key = strings.TrimLeft(key, ".")
	}
	return key
}

// deriveName returns the name of a Secret for a title or a path: "prod/Orders DB" becomes
// prod-orders-db. It is empty where nothing is left.
func deriveName(title string) string {
	name := strings.ReplaceAll(derive(strings.ToLower(title), '-'), "_", "-")
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '.' })
	kept := parts[:0]
	for _, part := range parts {
		if part = strings.Trim(part, "-"); part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ".")
}

// derive puts one replacement in the place of each run of what no key has, and none at
// the ends.
func derive(text string, replacement rune) string {
	var b strings.Builder
	gap := false
	for _, r := range text {
		if !isKey("a" + string(r)) {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteRune(replacement)
		}
		b.WriteRune(r)
		gap = false
	}
	return b.String()
}
