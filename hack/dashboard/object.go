package main

import (
	"bytes"
	"encoding/json"
	"strings"
)

// object is a JSON object whose fields stay in this order.
type object []field

type field struct {
	name  string
	value any
}

// lineLength is up to where an object stands on one line.
const lineLength = 140

// text is JSON for people who compare two of them: what is short stands on one line, and
// a line holds one thing.
func (o object) text(indent string) (string, error) {
	return o.lines(indent, "{", "}", func(f field, indent string) (string, error) {
		value, err := textOf(f.value, indent)
		return `"` + f.name + `": ` + value, err
	})
}

func (o object) lines(indent, open, shut string, text func(field, string) (string, error)) (string, error) {
	const step = "  "
	parts, length := []string{}, len(indent)
	for _, f := range o {
		part, err := text(f, indent+step)
		if err != nil {
			return "", err
		}
		parts, length = append(parts, part), length+len(part)+2
	}
	if joined := strings.Join(parts, ", "); length <= lineLength && !strings.Contains(joined, "\n") {
		return open + joined + shut, nil
	}
	separator := "\n" + indent + step
	return open + separator + strings.Join(parts, ","+separator) + "\n" + indent + shut, nil
}

func textOf(value any, indent string) (string, error) {
	switch value := value.(type) {
	case object:
		return value.text(indent)
	case []object:
		var elements object
		for _, element := range value {
			elements = append(elements, field{value: element})
		}
		return elements.lines(indent, "[", "]", func(f field, indent string) (string, error) { return textOf(f.value, indent) })
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return strings.TrimSpace(out.String()), err
}
