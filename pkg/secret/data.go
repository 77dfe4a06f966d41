package secret

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Data is the content of a Secret: its keys and their bytes.
type Data map[string][]byte

// Equal reports whether both hold the same keys with the same bytes.
func (d Data) Equal(other Data) bool {
	if len(d) != len(other) {
		return false
	}
	for k, v := range d {
		o, ok := other[k]
		if !ok || string(o) != string(v) {
			return false
		}
	}
	return true
}

// Merge returns data with the keys of set and without those of remove. It changes neither.
func (d Data) Merge(set Data, remove ...string) Data {
	merged := maps.Clone(d)
	if merged == nil {
		merged = Data{}
	}
	maps.Copy(merged, set)
	for _, key := range remove {
		delete(merged, key)
	}
	return merged
}

// Size returns how many bytes the API server counts: those of the values.
func (d Data) Size() int {
	size := 0
	for _, value := range d {
		size += len(value)
	}
	return size
}

// Keys returns the keys in order.
func (d Data) Keys() []string { return slices.Sorted(maps.Keys(d)) }

// CheckKey returns an error if the API server would not take a key: it has letters,
// digits, "-", "_" and ".", is no longer than 253 characters and is neither "." nor
// begins with ".." (k8s.io/apimachinery, validation.IsConfigMapKey).
func CheckKey(key string) error {
	valid := key != "" && len(key) <= 253 && key != "." && !strings.HasPrefix(key, "..") &&
		!strings.ContainsFunc(key, func(r rune) bool { return !strings.ContainsRune(alphabet+"-_.", r) })
	if valid {
		return nil
	}
	return &KeyError{Key: key}
}

// KeyError says that a key is none that a Secret may have.
type KeyError struct{ Key string }

// Error implements error.
func (e *KeyError) Error() string { return fmt.Sprintf("%q is no key of a Secret", e.Key) }

// Hint returns what to do about it.
func (e *KeyError) Hint() string {
	return `a key has letters, digits, "-", "_" and ".", for example DATABASE_URL or tls.crt, and at most 253 of them`
}
