package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// Kind is what has happened to a Secret. It is the last word of a CloudEvent's type.
type Kind string

// What can happen to a Secret.
const (
	Changed Kind = "changed"
	Rotated Kind = "rotated"
	Deleted Kind = "deleted"
	Expired Kind = "expired"
)

// Change is what has happened to one Secret. It has the names of keys and no values.
type Change struct {
	Kind            Kind
	Namespace, Name string
	// UID and ResourceVersion are those of the Secret, so that its Events are found.
	UID             types.UID
	ResourceVersion string
	// Revision is the number of the newest revision; 0: it has none.
	Revision int64
	// Author is the user who did it, as the API server knows them; Reason is in their words.
	Author, Reason string
	// Added, Changed and Removed are names of keys.
	Added, Changed, Removed []string
	// ExpiresAt is when the Secret expires or has expired; zero: never.
	ExpiresAt time.Time
}

// id returns an identifier that is the same however often the change is told, and another for
// every other change.
func (c Change) id() string {
	expiry := ""
	if !c.ExpiresAt.IsZero() {
		expiry = strconv.FormatInt(c.ExpiresAt.Unix(), 10)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{
		string(c.UID), c.Namespace, c.Name, string(c.Kind), strconv.FormatInt(c.Revision, 10), expiry}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// eventReason returns the reason of the Event.
func (c Change) eventReason() string {
	switch c.Kind {
	case Rotated:
		return "SecretRotated"
	case Deleted:
		return "SecretDeleted"
	case Expired:
		return "SecretExpired"
	default:
		return "SecretChanged"
	}
}

// eventType returns the type of the Event: Warning where somebody has to do something.
func (c Change) eventType() string {
	if c.Kind == Expired {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}

// The most bytes of an Event's message that an author and a reason take, so that there
// is room for the names of keys.
const (
	maxAuthor = 200
	maxReason = 400
)

// message returns what the Event says: one line, which may be longer than an Event takes.
func (c Change) message() string {
	var parts []string
	if !c.ExpiresAt.IsZero() {
		verb := "expires at "
		if c.Kind == Expired {
			verb = "expired at "
		}
		parts = append(parts, verb+c.ExpiresAt.UTC().Format(time.RFC3339))
	}
	var who []string
	if c.Revision > 0 {
		who = append(who, "revision "+strconv.FormatInt(c.Revision, 10))
	}
	if c.Author != "" {
		who = append(who, "by "+words.Shorten(oneLine(c.Author), maxAuthor))
	}
	if len(who) > 0 {
		parts = append(parts, strings.Join(who, " "))
	}
	if c.Reason != "" {
		parts = append(parts, "reason: "+words.Shorten(oneLine(c.Reason), maxReason))
	}
	for _, keys := range []struct {
		verb  string
		names []string
	}{{"added ", c.Added}, {"changed ", c.Changed}, {"removed ", c.Removed}} {
		if len(keys.names) > 0 {
			parts = append(parts, keys.verb+strings.Join(keys.names, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// oneLine returns a user's text as valid UTF-8, which strings.Map ensures, without line breaks
// and other control characters, which a terminal would obey.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
