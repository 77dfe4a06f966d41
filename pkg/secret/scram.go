package secret

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// iterations and saltSize are PostgreSQL's own defaults (scram-common.h).
const (
	iterations = 4096
	saltSize   = 16
)

var verifierForm = regexp.MustCompile(`^SCRAM-SHA-256\$[1-9][0-9]{3,6}:([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$`)

// ErrNotASCII is returned for a password with characters that SASLprep (RFC 4013)
// would have to normalise; servers and drivers disagree about those.
var ErrNotASCII = errors.New("password has characters outside printable ASCII")

// Verifier returns what PostgreSQL stores for a password, in the form
// SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey> (RFC 5802, RFC 7677;
// PostgreSQL manual, pg_authid). Sent in place of the password, it keeps the
// password out of the server's log. It reads the salt from random.
func Verifier(random io.Reader, password Value) (Value, error) {
	plain := password.Reveal()
	for i := range len(plain) {
		if plain[i] < 0x20 || plain[i] > 0x7e {
			return Value{}, fmt.Errorf("compute verifier: %w", ErrNotASCII)
		}
	}
	if plain == "" {
		return Value{}, errors.New("compute verifier: the password is empty")
	}
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(random, salt); err != nil {
		return Value{}, fmt.Errorf("compute verifier: read salt: %w", err)
	}
	salted, err := pbkdf2.Key(sha256.New, plain, salt, iterations, sha256.Size)
	if err != nil {
		return Value{}, fmt.Errorf("compute verifier: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return NewValue(fmt.Appendf(nil, "SCRAM-SHA-256$%d:%s$%s:%s",
		iterations, b64(salt), b64(stored[:]), b64(mac(salted, "Server Key")))), nil
}

// IsVerifier reports whether v has exactly a verifier's form. PostgreSQL takes
// anything else for a password and hashes it, without an error.
func IsVerifier(v Value) bool {
	parts := verifierForm.FindStringSubmatch(v.Reveal())
	if parts == nil {
		return false
	}
	for i, size := range []int{0, sha256.Size, sha256.Size} { // a salt may have any size
		decoded, err := base64.StdEncoding.Strict().DecodeString(parts[i+1])
		if err != nil || len(decoded) == 0 || size > 0 && len(decoded) != size {
			return false
		}
	}
	return true
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}
