package secretfile

import (
	"bytes"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// zipMagic begins a zip file: a .1pux export is one.
const zipMagic = "PK\x03\x04"

// opItem is an item of 1Password, from either export.
type opItem struct {
	title  string
	fields []opField
}

// opField is what an item holds under a label.
type opField struct {
	section string
	label   string
	value   string
}

// name returns the label with its section.
func (f opField) name() string {
	if f.section == "" {
		return f.label
	}
	return f.section + " / " + f.label
}

// onePassword reads what `op item get --format json` prints, for one item, several of
// them or a list, or a .1pux export. Each item becomes a Secret, each field with a value
// a key; files and web addresses stay behind.
func (r *reader) onePassword(text []byte) error {
	read := r.opItems
	if bytes.HasPrefix(text, []byte(zipMagic)) {
		read = r.archive
	}
	items, err := read(text)
	if err != nil {
		return err
	}
	kept := items[:0]
	for _, item := range items {
		if len(item.fields) > 0 {
			kept = append(kept, item)
			continue
		}
		r.warn("%q has no field with a value and is left out", item.title)
	}
	if len(kept) == 0 && len(r.refused) == 0 {
		return r.fail("", "it holds no item with a field that has a value%s", found(r.warnings))
	}
	for _, item := range kept {
		r.addItem(item, len(kept) == 1)
	}
	return nil
}

// opItems returns the items that op printed.
func (r *reader) opItems(text []byte) ([]opItem, error) {
	nodes, err := parseJSON(r.format, text)
	if err != nil {
		return nil, err
	}
	if len(nodes) == 1 && nodes[0].is(arrayNode) {
		nodes = nodes[0].elements
	}
	var items []opItem
	for _, n := range nodes {
		if !isOpItem(n) {
			return nil, r.fail("export items with: op item get --format json --reveal", "it holds something else than items of 1Password with their fields")
		}
		item := opItem{title: n.textOf("title")}
		for _, field := range n.list("fields") {
			r.opField(&item, field)
		}
		for _, file := range n.list("files") {
			r.warn("file %q of %q is not in the export", file.textOf("name"), item.title)
		}
		items = append(items, item)
	}
	return items, nil
}

// isOpItem reports whether n is an item with its fields.
func isOpItem(n *node) bool {
	return n.get("title").is(stringNode) && n.get("fields").is(arrayNode)
}

// opField adds a field that has a value to the item.
func (r *reader) opField(item *opItem, field *node) {
	label := field.textOf("label")
	if label == "" {
		label = field.textOf("id")
	}
	value, ok := field.get("value").scalar()
	switch {
	case !ok && field.get("value") != nil && !field.get("value").is(nullNode):
		r.refuse(item.title, label, "", "it is %s, and a key of a secret holds one value", field.get("value").kind)
	case strings.HasPrefix(value, "[use 'op item get ") && strings.HasSuffix(value, " --reveal' to reveal]"):
		r.refuse(item.title, label, "export it with: op item get --format json --reveal", "its value is concealed, and not in the file")
	case value != "":
		section := field.get("section")
		item.fields = append(item.fields, opField{section.textOf("label"), label, value})
	}
}

// addItem adds the Secret of an item. Labels that cannot be keys are turned into keys; two
// fields with the same key are refused.
func (r *reader) addItem(item opItem, only bool) {
	inSecret := item.title
	if only {
		inSecret = ""
	}
	data, from := secret.Data{}, map[string]opField{}
	for _, field := range item.fields {
		key := deriveKey(field.label)
		if key == "" {
			r.refuse(inSecret, field.label, "rename the field in 1Password", "no key of a secret can be made of this label")
			continue
		}
		if first, there := from[key]; there {
			r.refuse(inSecret, key, "rename one of the fields in 1Password", "it would be that of two fields, %q and %q", first.name(), field.name())
			continue
		}
		if key != field.label {
			r.warn("field %q of %q becomes the key %q", field.label, item.title, key)
		}
		data[key], from[key] = []byte(field.value), field
	}
	r.add(r.named(item.title, only), data)
}
