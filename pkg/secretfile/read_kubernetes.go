package secretfile

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// kubernetes reads manifests: documents of YAML, or JSON, and lists of them. Of each
// Secret it takes name, namespace, type, labels and content; what the cluster that it
// came from knows of it is left behind, and so are revisions and objects of other kinds,
// with a warning. A file without any Secret is refused.
func (r *reader) kubernetes(text []byte) error {
	nodes, err := parseDocuments(r.format, text)
	if err != nil {
		return err
	}
	for _, document := range nodes {
		objects := []*node{document}
		kind := document.textOf("kind")
		if kind == "List" || kind == "SecretList" {
			objects = document.list("items")
		}
		for _, object := range objects {
			if err := r.manifest(object, kind == "SecretList"); err != nil {
				return err
			}
		}
	}
	if len(r.items) == 0 && len(r.refused) == 0 {
		return r.fail("", "it holds no Secret%s", found(r.warnings))
	}
	return nil
}

// parseDocuments returns the objects of a file that is JSON or YAML.
func parseDocuments(format Format, text []byte) ([]*node, error) {
	if text = bytes.TrimPrefix(text, []byte("\ufeff")); bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return parseJSON(format, text)
	}
	return parseYAML(format, text)
}

// manifest adds a Secret. Items of a SecretList do not say their kind.
func (r *reader) manifest(object *node, secrets bool) error {
	kind, version := object.textOf("kind"), object.textOf("apiVersion")
	if secrets && kind == "" && version == "" {
		kind, version = "Secret", "v1"
	}
	metadata := object.get("metadata")
	name := metadata.textOf("name")
	switch {
	case kind == "" || version == "":
		return r.fail("if the file was cut off, export it again", "it holds an object without apiVersion and kind")
	case kind != "Secret" || version != "v1":
		r.warn("%s %q is no Secret and is left out", kind, name)
		return nil
	case name == "":
		return r.fail("give each Secret a metadata.name", "it holds a Secret without a name")
	}
	labels := map[string]string{}
	if list := metadata.get("labels"); list.is(objectNode) {
		for _, m := range list.members {
			labels[m.key], _ = m.value.scalar()
		}
	}
	secretType := object.textOf("type")
	if isRevision(secretType, labels) {
		r.warn("secret %q is a revision of another and is left out", name)
		return nil
	}
	data := secret.Data{}
	r.decoded(object, name, data)
	r.stringData(object, name, data)
	r.leftBehind(object, name)
	r.items = append(r.items, Item{Name: name, Namespace: metadata.textOf("namespace"), Type: secretType, Labels: foreignLabels(labels), Data: data})
	return nil
}

// decoded puts into data what data of a manifest holds.
func (r *reader) decoded(object *node, name string, data secret.Data) {
	for _, m := range r.contentOf(object, "data", name) {
		if !m.value.is(stringNode) {
			r.refuse(name, m.key, `put it in quotes; write "" for an empty value`, "it is %s, and data holds base64", m.value.kind)
			continue
		}
		value, err := base64.StdEncoding.DecodeString(m.value.text)
		if err != nil {
			r.refuse(name, m.key, "text as it is stands under stringData", "it is not base64, which data holds")
			continue
		}
		data[m.key] = value
	}
}

// stringData puts into data what stringData holds, over what is there, as the API server
// does.
func (r *reader) stringData(object *node, name string, data secret.Data) {
	for _, m := range r.contentOf(object, "stringData", name) {
		text, ok := m.value.scalar()
		if !ok {
			r.refuse(name, m.key, `put it in quotes; write "" for an empty value`, "it is %s, and stringData holds text", m.value.kind)
			continue
		}
		data[m.key] = []byte(text)
	}
}

// contentOf returns the members of data or stringData. One that is there without a
// value is how a file that was cut off may end.
func (r *reader) contentOf(object *node, field, name string) []member {
	content := object.get(field)
	if content != nil && !content.is(objectNode) {
		r.refuse(name, field, "if the file was cut off, export it again", "it is %s, and not keys with values", content.kind)
		return nil
	}
	if content == nil {
		return nil
	}
	return content.members
}

// leftBehind warns of what is said of the Secret and does not come along.
func (r *reader) leftBehind(object *node, name string) {
	if object.get("immutable").is(boolNode) && object.textOf("immutable") == "true" {
		r.warn("secret %q is immutable there, and is not here", name)
	}
	annotations := object.get("metadata").get("annotations")
	if !annotations.is(objectNode) {
		return
	}
	var keys []string
	for _, m := range annotations.members {
		if !strings.HasPrefix(m.key, ourPrefix) && !strings.HasPrefix(m.key, "kubectl.kubernetes.io/") {
			keys = append(keys, m.key)
		}
	}
	if len(keys) > 0 {
		r.warn("annotations of secret %q are left out: %s", name, strings.Join(keys, ", "))
	}
}

// isRevision reports whether the Secret is a revision of another one.
func isRevision(kind string, labels map[string]string) bool {
	return kind == v1alpha1.SecretTypeRevision || labels[v1alpha1.LabelRevisionOf] != ""
}
