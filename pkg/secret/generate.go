package secret

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Generator is a way to make a value.
type Generator string

// The generators.
const (
	Alnum     Generator = "alnum"     // letters and digits: nothing has to be escaped anywhere
	Hex       Generator = "hex"       // random bytes, in lower case hexadecimal digits
	Base64    Generator = "base64"    // random bytes (RFC 4648, section 4), padded
	Base64URL Generator = "base64url" // random bytes (RFC 4648, section 5), not padded
	Digits    Generator = "digits"
	UUID      Generator = "uuid" // of version 4 (RFC 9562, section 5.4)
)

// Generators returns all generators, the default one first.
func Generators() []Generator { return []Generator{Alnum, Hex, Base64, Base64URL, Digits, UUID} }

// DefaultLength is the length of a value where none is named.
const DefaultLength = 32

// maxLength keeps a value far below what a Secret holds.
const maxLength = 1024

// minLength returns the least length: about 64 bits of randomness, except for digits, which
// are meant to be typed.
func (g Generator) minLength() int {
	switch g {
	case Alnum:
		return 12
	case Digits:
		return 4
	default:
		return 8
	}
}

// Rule says how a key of a Secret gets a new value.
type Rule struct {
	// Generator is one of Generators; empty: Alnum.
	Generator Generator
	// Length is in characters, for hex, base64 and base64url in random bytes; 0:
	// DefaultLength. A uuid has none.
	Length int

	// others are fields of the JSON that this version does not know; they are kept.
	others fields
}

// Check returns an error where the generator is unknown, or does not make values of that
// length.
func (r Rule) Check() error {
	g := r.generator()
	switch {
	case !slices.Contains(Generators(), g):
		return fmt.Errorf("there is no generator %q: it is one of %s", string(g), generatorList())
	case g == UUID && r.Length != 0:
		return fmt.Errorf("a uuid has no length")
	case g != UUID && r.Length != 0 && (r.Length < g.minLength() || r.Length > maxLength):
		return fmt.Errorf("the length of %s is between %d and %d%s, not %d", g, g.minLength(), maxLength, g.unit(), r.Length)
	}
	return nil
}

// unit returns what the length of a value is counted in.
func (g Generator) unit() string {
	switch g {
	case Hex, Base64, Base64URL:
		return " random bytes"
	default:
		return " characters"
	}
}

func generatorList() string {
	var names []string
	for _, g := range Generators() {
		names = append(names, string(g))
	}
	return strings.Join(names, ", ")
}

func (r Rule) generator() Generator {
	if r.Generator == "" {
		return Alnum
	}
	return r.Generator
}

// Generate returns a new value. It reads from random, normally crypto/rand.Reader. The
// error is that of Check, or of random.
func (r Rule) Generate(random io.Reader) (Value, error) {
	g, length := r.generator(), r.Length
	if err := r.Check(); err != nil {
		return Value{}, fmt.Errorf("generate a value: %w", err)
	}
	if length == 0 {
		length = DefaultLength
	}
	value, err := g.generate(random, length)
	if err != nil {
		return Value{}, fmt.Errorf("generate a value: %w", err)
	}
	return seal(value), nil
}

func (g Generator) generate(random io.Reader, length int) ([]byte, error) {
	switch g {
	case Alnum:
		return draw(random, alphabet, length)
	case Digits:
		return draw(random, "0123456789", length)
	case UUID:
		length = 16
	}
	raw := make([]byte, length)
	if _, err := io.ReadFull(random, raw); err != nil {
		return nil, err
	}
	switch g {
	case Hex:
		return hex.AppendEncode(nil, raw), nil
	case Base64:
		return base64.StdEncoding.AppendEncode(nil, raw), nil
	case Base64URL:
		return base64.RawURLEncoding.AppendEncode(nil, raw), nil
	default:
		raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80 // version and variant
		return fmt.Appendf(nil, "%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:]), nil
	}
}
