package secretfile

import (
	"slices"
)

// kind is that of a node, in words for errors.
type kind string

const (
	objectNode kind = "an object"
	arrayNode  kind = "a list"
	stringNode kind = "a string"
	numberNode kind = "a number"
	boolNode   kind = "true or false"
	nullNode   kind = "null"
)

// maxDepth is more than any file of secrets needs.
const maxDepth = 100

// node is a value of JSON or YAML. Numbers are kept as they are written: 1.10 is not
// 1.1 in a secret.
type node struct {
	kind     kind
	text     string // of a scalar
	members  []member
	elements []*node
}

type member struct {
	key   string
	value *node
}

// get returns the member, and nil where there is none or where n is no object.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	i := slices.IndexFunc(n.members, func(m member) bool { return m.key == key })
	if i < 0 {
		return nil
	}
	return n.members[i].value
}

// is reports whether n is there and is of the kind.
func (n *node) is(k kind) bool { return n != nil && n.kind == k }

// scalar returns the text of a string, number or boolean, and false for all else.
func (n *node) scalar() (string, bool) {
	if n == nil {
		return "", false
	}
	switch n.kind {
	case stringNode, numberNode, boolNode:
		return n.text, true
	}
	return "", false
}

// textOf returns the text of a scalar member, and "" where there is none.
func (n *node) textOf(key string) string {
	text, _ := n.get(key).scalar()
	return text
}

// list returns the elements of a list member.
func (n *node) list(key string) []*node {
	if list := n.get(key); list != nil {
		return list.elements
	}
	return nil
}

// twice returns the error about a key that stands twice in an object.
func twice(format Format, key string) error {
	return &RefusedError{Format: format, Key: key, Why: "it stands twice", Fix: "keep one of them"}
}

// join returns the path of a member: a.b.c.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
