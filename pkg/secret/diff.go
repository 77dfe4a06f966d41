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

// maxChanges is how many bytes of keys String lists.
const maxChanges = 2048

// String returns "+A ~B -C". Beyond maxChanges it only says how many keys there are more. No
// value is in it.
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
