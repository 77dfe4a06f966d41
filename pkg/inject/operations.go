package inject

import "encoding/json"

// operations is the text of a JSON Patch, while it is being written.
type operations []byte

// begin writes an operation up to its value, which the caller appends before it calls end.
// Token, if not empty, is the last reference token of the path, unescaped.
func (o *operations) begin(op, path, token string) {
	if len(*o) == 0 {
		*o = append(*o, '[')
	} else {
		*o = append(*o, ',')
	}
	*o = append(*o, `{"op":"`...)
	*o = append(*o, op...)
	*o = append(*o, `","path":"`...)
	*o = append(*o, path...)
	if token != "" {
		*o = appendToken(append(*o, '/'), token)
	}
	*o = append(*o, `","value":`...)
}

func (o *operations) end() { *o = append(*o, '}') }

// finish returns the patch, nil if there is no operation.
func (o *operations) finish() []byte {
	if len(*o) == 0 {
		return nil
	}
	return append(*o, ']')
}

// list writes the operations that add entries to an array of the pod: one for each entry where
// the array is present, else one that creates it with all entries. The caller ends with
// close.
type list struct {
	ops     *operations
	path    string
	present bool
	entries int
}

func (l *list) append(entry []byte) {
	switch {
	case l.present:
		l.ops.begin("add", l.path, "-")
		*l.ops = append(*l.ops, entry...)
		l.ops.end()
	case l.entries == 0:
		l.ops.begin("add", l.path, "")
		*l.ops = append(append(*l.ops, '['), entry...)
	default:
		*l.ops = append(append(*l.ops, ','), entry...)
	}
	l.entries++
}

func (l *list) close() {
	if !l.present && l.entries > 0 {
		*l.ops = append(*l.ops, ']')
		l.ops.end()
	}
}

// appendToken appends a reference token of a JSON pointer (RFC 6901, section 3). The token is
// the key of an annotation of ours, so nothing in it is escaped for JSON.
func appendToken(text []byte, token string) []byte {
	for i := range len(token) {
		switch token[i] {
		case '~':
			text = append(text, "~0"...)
		case '/':
			text = append(text, "~1"...)
		default:
			text = append(text, token[i])
		}
	}
	return text
}

// appendString appends a JSON string.
func appendString(text []byte, value string) []byte {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(value) // a string cannot fail
			return append(text, quoted...)
		}
	}
	text = append(append(text, '"'), value...)
	return append(text, '"')
}
