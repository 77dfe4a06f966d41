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
	// Bytes at or over the largest multiple of the alphabet's size are drawn
	// again, or the first characters would come up more often.
	limit := byte(256 / len(alphabet) * len(alphabet))
	out := make([]byte, 0, length)
	buf := make([]byte, length)
	for len(out) < length {
		if _, err := io.ReadFull(random, buf); err != nil {
			return Value{}, fmt.Errorf("generate password: %w", err)
		}
		for _, b := range buf {
			if b < limit && len(out) < length {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return seal(out), nil
}
