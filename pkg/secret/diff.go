package secret

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Changes are the keys by which two contents differ, each list in order.
type Changes struct{ Added, Changed, Removed []string }

// Diff returns what differs from before to after.
func Diff(before, after Data) Changes {
	var c Changes
	for _, key := range slices.Sorted(maps.Keys(after)) {
		old, had := before[key]
		switch {
		case !had:
			c.Added = append(c.Added, key)
		case string(old) != string(after[key]):
			c.Changed = append(c.Changed, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, has := after[key]; !has {
			c.Removed = append(c.Removed, key)
		}
	}
	return c
}

// Empty reports whether nothing differs.
func (c Changes) Empty() bool { return len(c.Added)+len(c.Changed)+len(c.Removed) == 0 }

// maxChanges is how many bytes String has at most.
const maxChanges = 2048

// String returns "+A ~B -C", cut after some 2,000 bytes. No value is in it.
func (c Changes) String() string {
	var parts []string
	for _, list := range []struct {
		sign string
		keys []string
	}{{"+", c.Added}, {"~", c.Changed}, {"-", c.Removed}} {
		for _, key := range list.keys {
			parts = append(parts, list.sign+key)
		}
	}
	size := 0
	for i, part := range parts {
		if size += len(part) + 1; size > maxChanges {
			return strings.Join(parts[:i], " ") + fmt.Sprintf(" and %d more", len(parts)-i)
		}
	}
	return strings.Join(parts, " ")
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
