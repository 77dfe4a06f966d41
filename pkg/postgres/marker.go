package postgres

import (
	"regexp"
	"strings"
)

// Marker is the first line of the comment on a database or role that says which
// resource it belongs to. What has no marker of ours is not touched.
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

// String returns the line without the UID, which is filled in when it is written.
func (m Marker) String() string {
	return "dbtether.io: " + m.Kind + " " + m.Resource + ", uid "
}

// ParseMarker reads the first line of a comment. It returns false for a comment that
// is not ours.
func ParseMarker(comment string) (Marker, bool) {
	line, _, _ := strings.Cut(comment, "\n")
	parts := markerForm.FindStringSubmatch(line)
	if parts == nil {
		return Marker{}, false
	}
	return Marker{Kind: parts[1], Resource: parts[2], UID: parts[3]}, true
}

// remark returns what a comment says beside a marker of ours.
func remark(comment string) string {
	if _, marked := ParseMarker(comment); !marked {
		return comment
	}
	_, rest, _ := strings.Cut(comment, "\n")
	return rest
}

// owns reports whether a comment is this very marker. A resource that has no UID
// yet owns nothing.
func (m Marker) owns(comment string) bool {
	found, ok := ParseMarker(comment)
	return ok && m.UID != "" && found.UID == m.UID && found.Kind == m.Kind
}

// succeeds reports whether a comment is the marker of a predecessor: a resource of
// the same name with another UID.
func (m Marker) succeeds(comment string) bool {
	found, ok := ParseMarker(comment)
	return ok && found.UID != m.UID && found.Kind == m.Kind && found.Resource == m.Resource
}

// mayClaim reports whether a resource that adopts may put its marker on what bears
// this comment: nobody else's marker is there.
func (m Marker) mayClaim(comment string) bool {
	_, marked := ParseMarker(comment)
	return !marked || m.succeeds(comment)
}

// group returns the marker of the groups of the Database that bears m.
func (m Marker) group() Marker {
	m.Kind = groupOf + m.Kind
	return m
}

// isGroup reports whether a marker is that of a group.
func (m Marker) isGroup() bool { return strings.HasPrefix(m.Kind, groupOf) }

// resourceKind returns the kind of the resource: that of a group's marker is Database.
func (m Marker) resourceKind() string { return strings.TrimPrefix(m.Kind, groupOf) }

// key names the resource in Values.UIDs: a group carries its database's UID.
func (m Marker) key() string { return m.resourceKind() + " " + m.Resource }

// command returns what to type to reconcile the Database that bears the marker, or to
// see its drift.
func (m Marker) command(verb string) string {
	namespace, name, _ := strings.Cut(m.Resource, "/")
	return "kubectl dbtether " + verb + " db/" + name + " -n " + namespace
}
