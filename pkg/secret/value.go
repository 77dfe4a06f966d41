// Package secret holds secret values and what is derived from them: generated passwords and
// values, rules of when to generate them, SCRAM verifiers, the keys of a credential Secret,
// differences. It does no I/O.
package secret

import (
	"fmt"
	"log/slog"
)

// redacted stands wherever a Value would have been printed.
const redacted = "[redacted]"

// Value is a secret that cannot print itself: every formatting verb, JSON, text
// and slog yield "[redacted]". Reveal is the only way to the bytes, so that the
// places where a secret leaves the process are found by that name. Two Values
// cannot be compared, not even by reflection: compare what Reveal returns.
type Value struct {
	// The bytes stand behind a function because package fmt calls no method of an
	// unexported field, nor of anything after a wrong verb: it would print bytes
	// and follow pointers to them. What a function holds, reflection cannot see.
	bytes func() []byte
}

// NewValue returns a Value that holds a copy of b.
func NewValue(b []byte) Value { return seal(append([]byte(nil), b...)) }

func seal(b []byte) Value { return Value{bytes: func() []byte { return b }} }

// Reveal returns the secret itself. The caller must not print, log or pass it in
// an argument list.
func (v Value) Reveal() string {
	if v.bytes == nil {
		return ""
	}
	return string(v.bytes())
}

// IsZero reports whether the value is empty.
func (v Value) IsZero() bool { return v.Reveal() == "" }

// Format implements fmt.Formatter for every verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String implements fmt.Stringer.
func (v Value) String() string { return redacted }

// MarshalText implements encoding.TextMarshaler, and through it JSON and YAML.
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }
