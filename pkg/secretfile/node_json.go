package secretfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonParser reads JSON into nodes. It refuses what encoding/json repairs in silence:
// equal keys, text that is not UTF-8, halves of surrogate pairs.
type jsonParser struct {
	format  Format
	text    []byte
	decoder *json.Decoder
}

// parseJSON returns the values of text, one after another: one at least.
func parseJSON(format Format, text []byte) ([]*node, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	p := &jsonParser{format: format, text: text, decoder: json.NewDecoder(bytes.NewReader(text))}
	if !utf8.Valid(text) {
		return nil, &FileError{Format: format, Why: notText, Fix: "save the file as UTF-8"}
	}
	p.decoder.UseNumber()
	var nodes []*node
	for {
		n, err := p.value("", 0)
		if errors.Is(err, io.EOF) && len(nodes) > 0 {
			return nodes, nil
		}
		if err != nil {
			return nil, p.explain(err)
		}
		nodes = append(nodes, n)
	}
}

// explain says where a file stops being JSON, without a character of it.
func (p *jsonParser) explain(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return &FileError{Format: p.format, Why: "it ends in the middle", Fix: "if the file was cut off, export it again"}
	case errors.As(err, &syntax):
		end := min(max(syntax.Offset, 0), int64(len(p.text)))
		return &FileError{Format: p.format, Line: 1 + bytes.Count(p.text[:end], []byte("\n")), Why: "it is not JSON from here on"}
	}
	return err
}

// value returns the next value; path leads to it. At the end it returns io.EOF.
func (p *jsonParser) value(path string, depth int) (*node, error) {
	start := p.decoder.InputOffset()
	token, err := p.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if depth == maxDepth {
			return nil, &FileError{Format: p.format, Why: "it is nested too deeply"}
		}
		if token == '{' {
			return p.object(path, depth)
		}
		return p.array(path, depth)
	case string:
		if halfPair(p.text[start:p.decoder.InputOffset()]) {
			return nil, &RefusedError{Format: p.format, Key: path, Why: "it holds half of a surrogate pair, which is no text"}
		}
		return &node{kind: stringNode, text: token}, nil
	case json.Number:
		return &node{kind: numberNode, text: token.String()}, nil
	case bool:
		return &node{kind: boolNode, text: strconv.FormatBool(token)}, nil
	default:
		return &node{kind: nullNode}, nil
	}
}

func (p *jsonParser) object(path string, depth int) (*node, error) {
	n := &node{kind: objectNode}
	seen := map[string]bool{}
	for p.decoder.More() {
		key, err := p.value(path, depth+1)
		if err != nil {
			return nil, err
		}
		at := join(path, key.text)
		if seen[key.text] {
			return nil, twice(p.format, at)
		}
		seen[key.text] = true
		value, err := p.value(at, depth+1)
		if err != nil {
			return nil, middle(err)
		}
		n.members = append(n.members, member{key.text, value})
	}
	_, err := p.decoder.Token()
	return n, middle(err)
}

func (p *jsonParser) array(path string, depth int) (*node, error) {
	n := &node{kind: arrayNode}
	for p.decoder.More() {
		value, err := p.value(join(path, strconv.Itoa(len(n.elements))), depth+1)
		if err != nil {
			return nil, middle(err)
		}
		n.elements = append(n.elements, value)
	}
	_, err := p.decoder.Token()
	return n, middle(err)
}

// middle turns the end of the file into an end that comes too early.
func middle(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// halfPair reports whether a string of JSON, as it is written, has an escape for half of
// a surrogate pair (RFC 8259, section 8.2), which encoding/json replaces.
func halfPair(raw []byte) bool {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if raw[i] != 'u' {
			continue
		}
		r := escaped(raw[i+1:])
		i += 4
		if !utf16.IsSurrogate(r) {
			continue
		}
		if i+2 >= len(raw) || !strings.HasPrefix(string(raw[i+1:i+3]), `\u`) || utf16.DecodeRune(r, escaped(raw[i+3:])) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// escaped returns the character of four hexadecimal digits.
func escaped(digits []byte) rune {
	if len(digits) < 4 {
		return 0
	}
	n, err := strconv.ParseUint(string(digits[:4]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}
