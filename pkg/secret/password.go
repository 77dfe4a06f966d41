package secret

import (
	"fmt"
	"io"
)

// alphabet holds the characters of generated passwords: letters and digits, so
// that a password needs no escaping in a URI, a shell, an .env file or SQL.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// GeneratePassword returns a password of length characters, each drawn evenly
// from letters and digits (5.95 bits a character). It reads from random, normally
// crypto/rand.Reader, and fails when that does or when length is below 12.
func GeneratePassword(random io.Reader, length int) (Value, error) {
	if length < 12 {
		return Value{}, fmt.Errorf("generate password: length %d is below 12", length)
	}
	out, err := draw(random, alphabet, length)
	if err != nil {
		return Value{}, fmt.Errorf("generate password: %w", err)
	}
	return seal(out), nil
}

// draw returns a text of that length, each character drawn evenly from characters, of which
// there are at most 256.
func draw(random io.Reader, characters string, length int) ([]byte, error) {
	// Bytes at or over the largest multiple of the alphabet's size are drawn
	// again, or the first characters would come up more often.
	limit := 256 / len(characters) * len(characters)
	out := make([]byte, 0, length)
	buf := make([]byte, length)
	for len(out) < length {
		if _, err := io.ReadFull(random, buf); err != nil {
			return nil, err
		}
		for _, b := range buf {
			if int(b) < limit && len(out) < length {
				out = append(out, characters[int(b)%len(characters)])
			}
		}
	}
	return out, nil
}
