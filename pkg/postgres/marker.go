package postgres

import (
	"regexp"
	"strings"
)

// Marker is the comment on a database or role that says which resource it belongs
// to. What has no marker of ours is not touched.
type Marker struct {
	// Kind is Database, DatabaseUser, or "group of Database".
	Kind string
	// Resource is namespace/name.
	Resource string
	// UID is the resource's UID; empty before the resource exists.
	UID string
}

const groupOf = "group of "

var markerForm = regexp.MustCompile(`^dbtether\.io: ((?:group of )?[A-Za-z]+) ([a-z0-9.-]+/[a-z0-9.-]+), uid ([0-9A-Za-z-]+)$`)

// String returns the comment without the UID, which is filled in when it is written.
func (m Marker) String() string {
	return "dbtether.io: " + m.Kind + " " + m.Resource + ", uid "
}

// ParseMarker reads a comment. It returns false for a comment that is not ours.
func ParseMarker(comment string) (Marker, bool) {
	parts := markerForm.FindStringSubmatch(comment)
	if parts == nil {
		return Marker{}, false
	}
	return Marker{Kind: parts[1], Resource: parts[2], UID: parts[3]}, true
}

// owns reports whether a comment is this very marker. A resource that has no UID
// yet owns nothing.
func (m Marker) owns(comment string) bool {
	found, ok := ParseMarker(comment)
	return ok && m.UID != "" && found.UID == m.UID && found.Kind == m.Kind
}

// key names the resource in Values.UIDs: a group carries its database's UID.
func (m Marker) key() string {
	return strings.TrimPrefix(m.Kind, groupOf) + " " + m.Resource
}
