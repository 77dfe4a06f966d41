package secretfile

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parseYAML returns the documents of text that are not empty. Scalars keep the text as it is
// written; whether it is a number, a boolean or a string is decided by YAML 1.2.
func parseYAML(format Format, text []byte) ([]*node, error) {
	if !utf8.Valid(text) {
		return nil, &FileError{Format: format, Why: notText, Fix: "save the file as UTF-8"}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var nodes []*node
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nil, explainYAML(format, err)
		}
		y := yamlReader{format}
		n, err := y.node(&document, "", 0)
		if err != nil {
			return nil, err
		}
		if !n.is(nullNode) {
			nodes = append(nodes, n)
		}
	}
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// explainYAML says near which line a file stops being YAML; the library's lines are not exact.
// The library's own message is not passed on: it may quote a password that begins with *, as
// the name of an anchor.
func explainYAML(format Format, err error) error {
	failed := &FileError{Format: format, Why: "it is not YAML", Fix: "put values with signs in them in quotes; if the file was cut off, export it again"}
	if match := yamlLine.FindStringSubmatch(err.Error()); match != nil {
		failed.Why += " near line " + match[1]
	}
	return failed
}

// yamlReader turns the library's nodes into ours.
type yamlReader struct{ format Format }

func (y yamlReader) refuse(path, fix, why string) error {
	return &RefusedError{Format: y.format, Key: path, Why: why, Fix: fix}
}

func (y yamlReader) node(n *yaml.Node, path string, depth int) (*node, error) {
	if depth == maxDepth {
		return nil, &FileError{Format: y.format, Line: n.Line, Why: "it is nested too deeply"}
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return &node{kind: nullNode}, nil
		}
		return y.node(n.Content[0], path, depth+1)
	case yaml.AliasNode:
		if n.Alias == nil || n.Alias.Kind != yaml.ScalarNode {
			return nil, y.refuse(path, "write out what it stands for", "it is an alias of more than one value")
		}
		return y.scalar(n.Alias, path)
	case yaml.MappingNode:
		return y.mapping(n, path, depth)
	case yaml.SequenceNode:
		list := &node{kind: arrayNode}
		for i, element := range n.Content {
			value, err := y.node(element, join(path, strconv.Itoa(i)), depth+1)
			if err != nil {
				return nil, err
			}
			list.elements = append(list.elements, value)
		}
		return list, nil
	case yaml.ScalarNode:
		return y.scalar(n, path)
	}
	return &node{kind: nullNode}, nil
}

func (y yamlReader) mapping(n *yaml.Node, path string, depth int) (*node, error) {
	object := &node{kind: objectNode}
	seen := map[string]bool{}
	for pair := range slices.Chunk(n.Content, 2) {
		name := pair[0]
		if name.Kind == yaml.AliasNode {
			name = name.Alias
		}
		if len(pair) != 2 || name == nil || name.Kind != yaml.ScalarNode {
			return nil, &FileError{Format: y.format, Line: pair[0].Line, Why: "it has a key that is no single word"}
		}
		at := join(path, name.Value)
		if name.ShortTag() == "!!merge" {
			return nil, y.refuse(at, "write out what is merged", "it merges another mapping")
		}
		if seen[name.Value] {
			return nil, twice(y.format, at)
		}
		seen[name.Value] = true
		value, err := y.node(pair[1], at, depth+1)
		if err != nil {
			return nil, err
		}
		object.members = append(object.members, member{name.Value, value})
	}
	return object, nil
}

// scalar returns a scalar. To YAML, a value without quotes that begins with ! is a tag; it may
// be part of a secret, so the error does not name it.
func (y yamlReader) scalar(n *yaml.Node, path string) (*node, error) {
	switch n.ShortTag() {
	case "!!null":
		return &node{kind: nullNode}, nil
	case "!!int", "!!float":
		return &node{kind: numberNode, text: n.Value}, nil
	case "!!bool":
		return &node{kind: boolNode, text: n.Value}, nil
	case "!!str", "!!timestamp", "!!merge":
		return &node{kind: stringNode, text: n.Value}, nil
	case "!!binary":
		decoded, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields([]byte(n.Value)), nil)))
		if err != nil {
			return nil, y.refuse(path, "", "it is tagged !!binary and is not base64")
		}
		return &node{kind: stringNode, text: string(decoded)}, nil
	}
	return nil, y.refuse(path, "put the value in quotes; an encrypted one is decrypted first", "it has a tag that says what it is in another tool's words")
}
