package secretfile

import "github.com/dbtether/kubectl-dbtether/pkg/secret"

// object reads a file that is one object of JSON: a flat one, or what Doppler or Vault
// print.
func (r *reader) object(text []byte) error {
	nodes, err := parseJSON(r.format, text)
	if err != nil {
		return err
	}
	if len(nodes) != 1 || !nodes[0].is(objectNode) {
		return r.fail("", "it is not one object")
	}
	object := nodes[0]
	switch r.format {
	case Doppler:
		object = r.doppler(object)
	case Vault:
		if object, err = r.vault(object); err != nil {
			return err
		}
	}
	r.add(r.name, r.flat(object, ""))
	return nil
}

// yaml reads one flat mapping.
func (r *reader) yaml(text []byte) error {
	nodes, err := parseYAML(r.format, text)
	if err != nil {
		return err
	}
	if len(nodes) != 1 || !nodes[0].is(objectNode) {
		return r.fail("", "it is not one document of KEY: value")
	}
	r.add(r.name, r.flat(nodes[0], ""))
	return nil
}

// flat returns the members of an object, each with its scalar as it is written. It
// refuses the others, by their keys. The Secret is named where there may be several.
func (r *reader) flat(object *node, inSecret string) secret.Data {
	data := secret.Data{}
	for _, m := range object.members {
		text, ok := m.value.scalar()
		switch {
		case ok:
			data[m.key] = []byte(text)
		case m.value.is(nullNode):
			r.refuse(inSecret, m.key, `write "" for an empty value`, "it has no value")
		default:
			r.refuse(inSecret, m.key, "give each value a key of its own, or the whole as text in quotes", "it is %s, and a key of a secret holds one value", m.value.kind)
		}
	}
	return data
}

// doppler returns the flat object of an export. `doppler secrets --json` has for each key
// what is stored, and that with its references replaced, which is what applications get:
// computed. It is null for whoever may not read the value.
func (r *reader) doppler(object *node) *node {
	flat := &node{kind: objectNode}
	for _, m := range object.members {
		value := m.value
		if value.is(objectNode) && value.get("computed") != nil {
			if value = value.get("computed"); value.is(nullNode) {
				r.refuse("", m.key, "export it as someone who may read it", "its value is restricted, and not in the file")
				continue
			}
		}
		flat.members = append(flat.members, member{m.key, value})
	}
	return flat
}

// vault returns the flat object of an answer: data, or with version 2 of the engine the
// data in it, beside metadata.
func (r *reader) vault(object *node) (*node, error) {
	data := object.get("data")
	if inner, metadata := data.get("data"), data.get("metadata"); inner != nil && metadata.is(objectNode) && len(data.members) == 2 {
		if inner.is(nullNode) {
			return nil, r.fail("undelete it in Vault, or get an older version", "version %s was deleted in Vault", metadata.textOf("version"))
		}
		data = inner
	}
	if !data.is(objectNode) {
		return nil, r.fail("export it with: vault kv get -format=json", "it is not an answer of Vault about one secret")
	}
	return data, nil
}
