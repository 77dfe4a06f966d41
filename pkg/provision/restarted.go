package provision

import (
	"slices"
	"strconv"
	"strings"
)

// isRestartedFor reports whether an annotation dbtether.io/restarted-for names a revision
// of a user's credential: "analytics-ro@1,orders-api@4". It is pure.
func isRestartedFor(annotation, user string, revision int64) bool {
	return slices.Contains(strings.Split(annotation, ","), restartEntry(user, revision))
}

// restartedFor returns the annotation with a user's entry set to a revision, and those of
// others as they are, sorted. It is pure.
func restartedFor(annotation, user string, revision int64) string {
	entries := []string{restartEntry(user, revision)}
	for entry := range strings.SplitSeq(annotation, ",") {
		entry = strings.TrimSpace(entry)
		if name, _, _ := strings.Cut(entry, "@"); entry != "" && name != user {
			entries = append(entries, entry)
		}
	}
	slices.Sort(entries)
	return strings.Join(slices.Compact(entries), ",")
}

func restartEntry(user string, revision int64) string {
	return user + "@" + strconv.FormatInt(revision, 10)
}
